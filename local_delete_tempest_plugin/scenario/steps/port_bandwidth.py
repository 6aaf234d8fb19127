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

"""Steps of stories of a port that takes bandwidth of its host.

A port with a QoS policy of a minimum bandwidth has a resource request. Nova
allocates that with the server, on a child of the host's provider.
"""

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import user_resources

# The least that can be asked for, so that nobody else misses it.
_KILOBITS = 1


class PortBandwidth(user_resources.UserResources):
    """A member whose port asks its host for bandwidth.

    :ivar request_groups: What the port asks for, as Neutron has it; of
        ``bring_port_with_request``.
    """

    def bring_port_with_request(self) -> tuple[str, str]:
        """Create a port that asks for bandwidth.

        :returns: ('port', its id).
        """
        port = self.bring_port(qos_policy_id=self._create_policy())
        # The admin asks, because a member is not shown the request. A Neutron
        # without the extension port-resource-request-groups has no such field.
        request = self.admin.manager.ports_client.show_port(
            port[1])['port'].get('resource_request') or {}
        if not request.get('request_groups'):
            self.skipTest('this Neutron makes no resource request with '
                          'request_groups of a minimum bandwidth')
        self.request_groups = request['request_groups']
        return port

    def _create_policy(self):
        """Make a QoS policy of the member's; only an admin may, by default.

        :returns: Its id.
        """
        manager = self.admin.manager
        name = self.testbed.name()
        self.intend(run_resources.QosPolicy(name))
        try:
            policy_id = manager.qos_client.create_qos_policy(
                name=name,
                project_id=self.testbed.project_id)['policy']['id']
        except lib_exc.NotFound:
            self.skipTest('this Neutron has no QoS policies')
        manager.qos_min_bw_client.create_minimum_bandwidth_rule(
            policy_id, direction='egress', min_kbps=_KILOBITS)
        return policy_id

    def offers_request(self, target: compute_services.TargetHost) -> None:
        """Refuse a host that does not offer what the port asks for.

        :raises OutageRefused: it does not.
        """
        if not all(self._offers(target, group)
                   for group in self.request_groups):
            raise exceptions.OutageRefused(
                exceptions.Refusal.NOT_OFFERED,
                '%s does not offer what the port asks for: %s' % (
                    target, self.request_groups))

    def _offers(self, target, group):
        return self.admin.placement.list_resource_providers(
            in_tree=target.provider_id,
            required=','.join(group['required']),
            resources=','.join('%s:%d' % amount for amount in
                               group['resources'].items())
        )['resource_providers']

    def create_server_with(self, port: tuple[str, str]) -> footprint.Server:
        """Create a server with a port that asks for bandwidth.

        :param port: What ``bring_port_with_request`` returned.
        :returns: A server that is ACTIVE and holds what its port asked for.
        """
        # At the microversion of the usual client Nova refuses such a port.
        client = self.member.local_delete_compute.ServersClient()
        server = self.create_server(client, networks=[{'port': port[1]}])
        held = self.watch.held_by(server)
        for group in self.request_groups:
            self.assertIn(
                group['resources'], held.values(),
                '%s: one provider should hold exactly what its port asks for; '
                'the server holds %s' % (server, held))
        return server
