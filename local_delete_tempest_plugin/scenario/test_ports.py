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

"""What becomes of the ports of a server that is deleted locally.

Nova's API deletes the ports that Nova made, and unbinds the user's ports
(nova.network.neutron.API.deallocate_for_instance).
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import port_bandwidth
from local_delete_tempest_plugin.scenario.steps import setup
from local_delete_tempest_plugin.scenario.steps import user_resources

CONF = config.CONF


class PortsTest(user_resources.UserResources):

    @classmethod
    def setup_credentials(cls):
        # A floating IP reaches a port through a router.
        cls.set_network_resources(network=True, subnet=True, dhcp=True,
                                  router=True)
        super().setup_credentials()

    @classmethod
    def resource_setup(cls):
        super().resource_setup()
        if cls.testbed.networks == setup.NO_NETWORK:
            raise cls.skipException(
                'the project has no network of its own, or several')

    @decorators.idempotent_id('c9477ab6-bed8-4665-862b-25752b44a52d')
    @decorators.attr(type='slow')
    @each_outage.each_outage('c5eb36b6-030a-40b5-ac11-66d87885bb25')
    @needs.needs(needs.networks)
    @utils.services('compute', 'network')
    def test_port_of_nova_deleted(self, outage):
        """The port that Nova made for a server is deleted with it."""
        with self.footprint_unchanged():
            server = self.create_server()
            self.assert_has_ports(server, made=1)
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('d5025a58-2310-4633-bf59-65861084b338')
    @decorators.attr(type='slow')
    @each_outage.each_outage('aea5e801-ca0b-466a-b1ca-023faba8379b')
    @needs.needs(needs.networks)
    @utils.services('compute', 'network')
    def test_port_of_user_unbound(self, outage):
        """The user's port stays, and can be given to another server.

        The port has no device, owner, binding or DNS name of the server any
        more.
        """
        port = self.bring_port()
        with self.footprint_unchanged():
            server = self.create_server(networks=[{'port': port[1]}])
            self.assert_has_ports(server, port)
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('7f5dd544-3514-409b-a474-b25a1a30d69a')
    @decorators.attr(type='slow')
    @each_outage.each_outage('9f7a6e6a-c601-456d-89ca-3374f217562a')
    @needs.needs(needs.networks)
    @utils.services('compute', 'network')
    def test_two_ports_of_nova_and_two_of_user(self, outage):
        """Two ports that Nova made are deleted, the user's two ports stay."""
        ports = [self.bring_port(), self.bring_port()]
        with self.footprint_unchanged():
            server = self.create_server(
                networks=self.testbed.networks * 2 + [
                    {'port': port} for _, port in ports])
            self.assert_has_ports(server, *ports, made=2)
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('97fca81a-ecc9-4496-8fc2-b598fde55017')
    @decorators.attr(type='slow')
    @each_outage.each_outage('ac6ceb08-bef3-479b-82aa-0f120c56c6f6')
    @needs.needs(needs.floating_ips)
    @utils.services('compute', 'network')
    def test_floating_ip_of_nova_port_kept(self, outage):
        """A floating IP outlives the port that Nova made, and has no port."""
        floating_ip = self.bring_floating_ip()
        with self.footprint_unchanged():
            server = self.create_server()
            self.give_floating_ip(floating_ip, server)
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('d47eec63-06bf-4c23-8f8b-cba6e7c0b328')
    @decorators.attr(type='slow')
    @each_outage.each_outage('20a582a9-21d6-4033-ba51-6dd8a3797c71')
    @needs.needs(needs.floating_ips)
    @utils.services('compute', 'network')
    def test_floating_ip_of_user_port_kept(self, outage):
        """A floating IP stays with the user's port that it belongs to."""
        port = self.bring_port()
        self.bring_floating_ip(port)
        with self.footprint_unchanged():
            server = self.create_server(networks=[{'port': port[1]}])
            self.assert_has_ports(server, port)
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    def assert_has_ports(self, server: footprint.Server,
                         *ports: tuple[str, str], made: int = 0) -> None:
        """Fail unless a server has some ports, bound to its host.

        :param server: A server, as ``watch.read_during`` has last seen it.
        :param ports: What ``bring_port`` returned.
        :param made: How many more Nova should have made.
        """
        found = self.ports_of(server)
        brought = {port for _, port in ports}
        self.assertEqual(brought, brought & set(found), '%s: the ports that '
                         'were brought for it; it has %s' % (server, found))
        self.assertEqual(made, len(set(found) - brought), '%s: how many ports '
                         'Nova made for it; it has %s' % (server, found))
        for port in found:
            host = self.watch.during.resources['port', port][
                'binding:host_id']
            self.assertEqual(server.host, host, '%s: the host that its port '
                             '%s is bound to' % (server, port))


class ResourceRequestTest(port_bandwidth.PortBandwidth):

    @decorators.idempotent_id('f3335a42-72d6-4c9c-861e-e483d95b42ca')
    @decorators.attr(type='slow')
    @each_outage.each_outage('b7baefc4-d9d8-4bdc-a0cd-cd49cfd814fa')
    @needs.needs(needs.resource_request)
    @utils.services('compute', 'network')
    def test_port_with_resource_request_unbound(self, outage):
        """A host gets back the bandwidth that the user's port took.

        The bandwidth is held on another provider than the rest, and the
        binding profile of the port names that provider. The allocation and
        the profile have to go, and the port stays
        (SchedulerReportClient.delete_allocation_for_instance, _unbind_ports).
        """
        port = self.bring_port_with_request()
        with self.footprint_unchanged(accept=self.offers_request):
            server = self.create_server_with(port)
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)
