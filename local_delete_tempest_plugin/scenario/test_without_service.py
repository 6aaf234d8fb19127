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

"""The compute service of a host is deleted after its outage.

The lease goes with the provider of the host. Another process could lease the
host when it is back, so the class runs alone.
"""

from tempest.common import utils
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import host_return


@decorators.serial
class NoServiceTest(host_return.HostReturn):

    @decorators.idempotent_id('1b8539e2-ebcf-4342-b9df-e940e9f14212')
    @decorators.attr(type='slow')
    @needs.needs(needs.stopped_compute, needs.service_delete)
    @utils.services('compute')
    def test_compute_service_deleted_after_outage(self):
        """The service of a host that was out is deleted with its provider.

        Where something of a server is left on the provider, Nova deletes only
        the service, and the provider stays
        (nova.api.openstack.compute.services.ServiceController.delete). When
        the host is back, it takes the next server.
        """
        with self.footprint_unchanged(accept=self.can_lose_service):
            server = self.create_server()
            with self.compute_stopped():
                self.delete_server_locally(server)
            self.assert_guest_reaped(server)
            with self.service_deleted():
                self.assert_provider_gone()
            self.delete_server_through_compute(self.create_server())
