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

"""The steps of stories to which the member brings something of its own."""

from tempest import config

from local_delete_tempest_plugin.scenario import base
from local_delete_tempest_plugin import waiters

CONF = config.CONF


class BringingTest(base.BaseLocalDeleteTest):
    """A member that brings ports, volumes and server groups.

    What is brought has to be again as it was when the servers are gone,
    unless the story says that it goes with them.
    """

    def bring_port(self):
        """Create a port on the project's network.

        :returns: ('port', its id).
        """
        if self.networks == 'none':
            self.skipTest('the project has no network of its own, or several')
        return self._bring('port', lambda name: (
            self.member.ports_client.create_port(
                name=name, network_id=self.networks[0]['uuid'])['port']))

    def bring_floating_ip(self, port):
        """Create a floating IP and give it to a port.

        :param port: What ``bring_port`` returned, or another ('port', id).
        :returns: ('floating IP', its id).
        """
        return self._bring('floating IP', lambda name: (
            self.member.floating_ips_client.create_floatingip(
                description=name, port_id=port[1],
                floating_network_id=CONF.network.public_network_id,
            )['floatingip']))

    def bring_volume(self, **settings):
        """Create a volume, and wait until it is available.

        :param settings: More fields of ``POST /volumes``, such as
            ``imageRef``.
        :returns: ('volume', its id).
        """
        client = self.member.volumes_client_latest
        volume = self._bring('volume', lambda name: client.create_volume(
            name=name, size=CONF.volume.volume_size, **settings)['volume'])
        shown = waiters.wait_until(
            lambda: client.show_volume(volume[1])['volume']['status'],
            lambda status: status in ('available', 'error'),
            'volume %s is available' % volume[1], CONF.volume.build_timeout)
        self.assertEqual('available', shown, 'volume %s' % volume[1])
        return volume

    def bring_server_group(self, policy):
        """Create a server group.

        :param policy: Its policy, such as 'soft-affinity'.
        :returns: ('server group', its id).
        """
        return self._bring('server group', lambda name: (
            self.member.server_groups_client.create_server_group(
                name=name, policies=[policy])['server_group']))

    def _bring(self, kind, create):
        name = self._name()
        self._intend_here('belonging', belonging=kind, name=name)
        brought = kind, create(name)['id']
        self.brought.add(brought)
        return brought
