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

"""A server is deleted while Placement is stopped.

Every tenant of the cloud feels that, so the class runs alone.
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.scenario import known_bug
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import moves

CONF = config.CONF

REFUSED = placement_outage.PlacementStopped.REFUSED
UNAVAILABLE = placement_outage.PlacementStopped.UNAVAILABLE

can_resize = needs.needs(needs.two_hosts, needs.feature('resize'))


@decorators.serial
class NoPlacementTest(moves.Moves):

    @decorators.idempotent_id('cd55a2c0-6779-4de1-ac59-c09a3d7c2042')
    @decorators.attr(type='slow')
    @needs.needs(needs.stopped_compute, needs.PlacementAway(REFUSED))
    @utils.services('compute')
    def test_allocations_removed_after_compute_restart(self):
        """A compute's start removes the allocations that the API could not.

        While Placement refuses connections, the API deletes the server and
        leaves its allocations (nova.compute.api._local_delete_cleanup). The
        compute removes them when it starts
        (ResourceTracker._remove_deleted_instances_allocations).
        """
        with self.footprint_unchanged():
            server = self.create_server()
            with self.compute_stopped():
                with self.placement_stopped(REFUSED):
                    self.delete_server_locally(server)
                self.watch.assert_leaked(server)
            self.assert_nothing_left(CONF.local_delete.heal_timeout)

    @decorators.idempotent_id('ff6b0e97-f8a7-489b-824f-2943e5bb52f9')
    @decorators.attr(type='slow')
    @needs.needs(needs.stopped_compute, needs.PlacementAway(UNAVAILABLE))
    @utils.services('compute')
    def test_server_kept_when_placement_unavailable(self):
        """A delete that a proxy's 503 cuts short can be repeated.

        Nova's API answers the delete with 409 and keeps the server
        (SchedulerReportClient.delete_allocation_for_instance raises
        AllocationDeleteFailed). Once Placement is back, a second delete
        leaves nothing.
        """
        with self.footprint_unchanged():
            server = self.create_server()
            with self.compute_stopped():
                with self.placement_stopped(UNAVAILABLE):
                    self.servers.assert_delete_refused(server)
                self.watch.assert_leaked(server)
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('1ef9d16f-650d-4f12-b569-ac60b000babb')
    @decorators.attr(type='slow')
    @known_bug.known_bug('verify-resize-placement-out')
    @can_resize
    @needs.needs(needs.stopped_compute, needs.PlacementAway(UNAVAILABLE))
    @utils.services('compute')
    def test_deleted_again_after_placement_outage(self):
        """A delete that failed without Placement is repeated with it.

        ComputeManager.confirm_resize on the live source fails at the
        migration's allocation, and puts the server into ERROR. The second
        delete does not confirm any more.
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server, move = self.resize_server(self.create_server())
            with self.compute_stopped(move.destination):
                with self.placement_stopped(UNAVAILABLE):
                    self.servers.try_delete(server)
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)
