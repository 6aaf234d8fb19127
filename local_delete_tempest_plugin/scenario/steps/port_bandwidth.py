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

"""The steps of stories of a port that takes something of its host.

A port with a QoS policy of a minimum bandwidth has a resource request, and
Nova allocates it with the server on a child of the host's provider.
"""

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.scenario.steps import user_resources

# The least that can be asked for, so that others miss nothing.
_KILOBITS = 1


class RequestingTest(user_resources.BringingTest):
    """A member whose port has a resource request."""

    @classmethod
    def resource_setup(cls):
        super().resource_setup()
        cls.policy_id = cls._create_policy()

    @classmethod
    def _create_policy(cls):
        """Make a QoS policy of the member's; only an admin may, by default.

        :returns: Its id.
        """
        manager = cls.admin.manager
        name = cls._name()
        cls._intend('belonging', belonging='QoS policy', name=name)
        try:
            policy_id = manager.qos_client.create_qos_policy(
                name=name, project_id=cls.project_id)['policy']['id']
        except lib_exc.NotFound:
            raise cls.skipException('this Neutron has no QoS policies')
        manager.qos_min_bw_client.create_minimum_bandwidth_rule(
            policy_id, direction='egress', min_kbps=_KILOBITS)
        return policy_id

    def bring_port_with_request(self):
        """Create a port that asks for bandwidth.

        :returns: ('port', its id).
        """
        port = self.bring_port(qos_policy_id=self.policy_id)
        # The admin, for a member is not shown it; and a Neutron without the
        # extension port-resource-request-groups has no such field.
        request = self.admin.manager.ports_client.show_port(
            port[1])['port'].get('resource_request') or {}
        if not request.get('request_groups'):
            self.skipTest('this Neutron makes no resource request with '
                          'request_groups of a minimum bandwidth')
        self.request_groups = request['request_groups']
        return port

    def check_host(self, target):
        """Refuse a host that does not offer what the port asks for."""
        if not all(self._offers(target, group)
                   for group in self.request_groups):
            raise exceptions.OutageRefused(
                reason='%s offers not what the port asks for: %s' % (
                    target, self.request_groups))

    def _offers(self, target, group):
        return self.placement.list_resource_providers(
            in_tree=target.provider_id,
            required=','.join(group['required']),
            resources=','.join('%s:%d' % amount for amount in
                               group['resources'].items())
        )['resource_providers']

    def _creating_client(self):
        # At an earlier microversion Nova refuses such a port.
        return self.member.local_delete_compute.ServersClient()

    def assert_holds_request(self, server):
        """Fail unless a server holds what its port asked for.

        :param server: A ``Server``, as ``read_during`` has last seen it.
        """
        held = self.watch.during.by_consumer[server.id]
        for group in self.request_groups:
            self.assertIn(
                group['resources'], held.values(),
                '%s: what its port asks for should be held by a provider on '
                'its own; it holds %s' % (server, held))
