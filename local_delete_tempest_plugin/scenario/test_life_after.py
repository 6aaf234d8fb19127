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

"""A host comes back after a server of it was deleted."""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import host_return

CONF = config.CONF


class LifeAfterTest(host_return.HostReturn):

    @decorators.idempotent_id('b1745dc9-f437-4ea8-8746-6df00993f3e1')
    @decorators.attr(type='slow')
    @each_outage.each_outage('4aa3ed4d-3545-496f-9298-a6b8ec0bbcc9')
    @needs.needs(needs.candidates)
    @utils.services('compute')
    def test_host_usable_after_outage(self, outage):
        """A host that comes back is as good as before.

        The host puts nothing back into Placement. Placement offers there what
        it offered before, and the next server boots there
        (nova.compute.resource_tracker.ResourceTracker).
        """
        with self.footprint_unchanged():
            offer = self.read_offer()
            server = self.create_server()
            with outage():
                self.delete_server_locally(server)
            self.assert_guest_reaped(server)
            self.assert_nothing_left(CONF.local_delete.local_cleanup_timeout)
            self.assert_offered_again(server, offer)
            self.delete_server_through_compute(self.create_server())

    @decorators.idempotent_id('b521eeda-2359-476b-a290-97fd91aee3f3')
    @decorators.attr(type='slow')
    @needs.needs(needs.stopped_compute)
    @utils.services('compute')
    def test_neighbour_kept_after_outage(self):
        """A host that starts cleans up after the deleted server only.

        The server beside it keeps what it held
        (ResourceTracker._remove_deleted_instances_allocations).
        """
        with self.footprint_unchanged():
            server, neighbour = self.create_server(), self.create_server()
            with self.compute_stopped():
                self.delete_server_locally(server)
            self.watch.assert_holds_as_before(neighbour)
            self.delete_server_through_compute(neighbour)


class GuestLifeAfterTest(host_return.HostReturn):

    @decorators.idempotent_id('2390a4a8-c63c-4c41-95df-4c7f75f61e6c')
    @decorators.attr(type='slow')
    @needs.needs(needs.stopped_compute, needs.guests)
    @utils.services('compute')
    def test_guest_reaped_after_outage(self):
        """The guest of a deleted server is ended when its host is back.

        Until then the guest runs on, because only the compute could end it
        (ComputeManager._cleanup_running_deleted_instances).
        """
        with self.footprint_unchanged(accept=self.has_guests):
            server = self.create_server()
            self.assertTrue(self.guest_runs(server), str(server))
            with self.compute_stopped():
                self.delete_server_locally(server)
                self.assertTrue(self.guest_runs(server), str(server))
            self.assert_guest_reaped(server)
