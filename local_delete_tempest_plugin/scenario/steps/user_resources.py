# Copyright The local-delete-tempest-plugin authors
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Steps of stories to which the member brings something of its own."""

from typing import Any
from typing import NoReturn

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.scenario.steps import base
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import setup

CONF = config.CONF


class UserResources(base.BaseLocalDeleteTest):
    """A member that brings ports, volumes and server groups.

    When the servers are gone, all that was brought has to be as it was
    before. The story names what has to go with them.
    """

    def bring_port(self, **settings: Any) -> tuple[str, str]:
        """Create a port on the project's network.

        :param settings: More fields of ``POST /ports``.
        :returns: ('port', its id).
        """
        if self.testbed.networks == setup.NO_NETWORK:
            self.skipTest('the project has no network of its own, or several')
        return self._bring(run_resources.Port, lambda name: (
            self.member.ports_client.create_port(
                name=name, network_id=self.testbed.networks[0]['uuid'],
                **settings)['port']))

    def bring_floating_ip(
            self, port: tuple[str, str] | None = None) -> tuple[str, str]:
        """Create a floating IP.

        :param port: What ``bring_port`` returned, of the port that gets the
            address; None: no port gets it.
        :returns: ('floating IP', its id).
        """
        settings = {'port_id': port[1]} if port else {}
        try:
            return self._bring(run_resources.FloatingIp, lambda name: (
                self.member.floating_ips_client.create_floatingip(
                    description=name,
                    floating_network_id=CONF.network.public_network_id,
                    **settings)['floatingip']))
        except lib_exc.NotFound as error:
            self._skip_without_router(error)

    def give_floating_ip(self, floating_ip: tuple[str, str],
                         server: footprint.Server) -> None:
        """Associate a floating IP with the only port of a server.

        :param floating_ip: What ``bring_floating_ip`` returned.
        :param server: A server that is ACTIVE.
        """
        port, = self.ports_of(server)
        try:
            self.member.floating_ips_client.update_floatingip(
                floating_ip[1], port_id=port)
        except lib_exc.NotFound as error:
            self._skip_without_router(error)
        self.assertEqual(
            port, self.watch.read_during().resources[floating_ip]['port_id'],
            '%s: the port of %s %s' % (server, *floating_ip))

    def _skip_without_router(self, error: Exception) -> NoReturn:
        # That is Neutron's answer. Tempest makes a router only in projects
        # that it makes itself.
        raise self.skipException(
            'no router leads from the project to the network of [network] '
            'public_network_id: %s' % exceptions.one_line(error))

    def ports_of(self, server: footprint.Server) -> list[str]:
        """Name the ports of a server.

        :param server: A server, as ``watch.read_during`` has last seen it.
        :returns: A sorted list of ids.
        """
        return sorted(found for (kind, found), fields
                      in self.watch.during.resources.items()
                      if kind == 'port' and fields['device_id'] == server.id)

    def bring_volume(self, **settings: Any) -> tuple[str, str]:
        """Create a volume, and wait until it is available.

        :param settings: More fields of ``POST /volumes``, such as
            ``imageRef``.
        :returns: ('volume', its id).
        """
        client = self.member.volumes_client_latest
        volume = self._bring(run_resources.Volume, lambda name: (
            client.create_volume(name=name, size=CONF.volume.volume_size,
                                 **settings)['volume']))
        shown = self._await_volume(volume, 'is available', 'available',
                                   'error')
        self.assertEqual('available', shown, 'volume %s' % volume[1])
        return volume

    def _await_volume(self, volume, words, *accepted):
        client = self.member.volumes_client_latest
        return waiters.wait_until(
            lambda: client.show_volume(volume[1])['volume']['status'],
            lambda status: status in accepted, '%s %s %s' % (*volume, words),
            CONF.volume.build_timeout)

    def attach_volume(self, server: footprint.Server,
                      volume: tuple[str, str]) -> None:
        """Attach a volume to a server, and wait until it is in use.

        :param server: A server that is ACTIVE.
        :param volume: What ``bring_volume`` returned.
        """
        self.member.servers_client.attach_volume(server.id, volumeId=volume[1])
        self.servers.await_active(server)
        self._await_volume(volume, 'is attached to %s' % server, 'in-use')
        self.watch.read_during()
        self.assert_has_attachment(server, volume)

    def assert_has_attachment(self, server: footprint.Server,
                              volume: tuple[str, str]) -> None:
        """Fail unless Cinder has an attachment of a volume to a server.

        :param server: A server, as ``watch.read_during`` has last seen it.
        :param volume: What ``bring_volume`` returned.
        """
        found = [fields for (kind, _), fields
                 in self.watch.during.resources.items()
                 if kind == 'volume attachment']
        self.assertIn({'instance': server.id, 'volume_id': volume[1]}, found,
                      '%s: its attachment of %s %s' % (server, *volume))

    def bring_server_group(self, policy: str) -> tuple[str, str]:
        """Create a server group.

        :param policy: Its policy, such as 'soft-affinity'.
        :returns: ('server group', its id).
        """
        return self._bring(run_resources.ServerGroup, lambda name: (
            self.member.server_groups_client.create_server_group(
                name=name, policies=[policy])['server_group']))

    def _bring(self, kind, create):
        name = self.testbed.name()
        self.intend(kind(name))
        brought = kind.kind, create(name)['id']
        self.brought.add(brought)
        return brought


def boot_from(volume: tuple[str, str],
              delete_on_termination: bool) -> dict[str, Any]:
    """Give what makes a server boot from a volume.

    :param volume: What ``UserResources.bring_volume`` returned.
    :param delete_on_termination: Whether the volume goes with the server.
    :returns: A dict of what ``create_server`` takes.
    """
    return {'imageRef': None, 'block_device_mapping_v2': [{
        'uuid': volume[1], 'boot_index': 0, 'source_type': 'volume',
        'destination_type': 'volume',
        'delete_on_termination': delete_on_termination}]}
