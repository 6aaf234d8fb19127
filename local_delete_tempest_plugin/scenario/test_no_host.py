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
"""A server is deleted that never was on a host.

There is only a record of it in cell0, or a build that nobody carries out.
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import unfinished_builds

CONF = config.CONF


@decorators.serial
class NoHostTest(unfinished_builds.UnfinishedBuilds):

    @decorators.idempotent_id('227c9434-0b51-4b8c-9f71-80d1f700a6dc')
    @decorators.attr(type='slow')
    @utils.services('compute')
    def test_never_scheduled_server_deleted(self):
        """A server in ERROR for which no host was found can be deleted.

        Its record is in cell0 (ComputeTaskManager._bury_in_cell0).
        """
        with self.footprint_unchanged():
            server = self.create_server_without_host()
            self.delete_server_locally(server)
            self.assert_unlisted(server)
            self.assert_nothing_left(CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('dd8a12ed-82a1-435d-a324-62a7b5305247')
    @decorators.attr(type='slow')
    @needs.needs(needs.scheduler_away)
    @utils.services('compute')
    def test_server_deleted_before_scheduled(self):
        """A server is deleted of which there is only a build request.

        The scheduler is out. When it is back, it finds the server in its queue
        and claims resources. The conductor gives them back before it has the
        twin of the same request built (API._delete_while_booting,
        schedule_and_build_instances).
        """
        with self.footprint_unchanged():
            with self.scheduler_stopped():
                server, twin = self.request_twins()
                self.delete_server(server)
                self.assert_unlisted(server)
            twin = self.servers.await_active(twin)
            self.assert_holds(server, False)
            self.delete_server_through_compute(twin)

    @decorators.idempotent_id('766cc198-5808-4e18-95b7-0351ff98f1da')
    @decorators.attr(type='slow')
    @needs.needs(needs.unfenced_outage, needs.stopped_compute)
    @utils.services('compute')
    def test_server_deleted_in_build(self):
        """A server is deleted whose build waits for a dead compute.

        The server is scheduled. So it holds resources of a host in Placement,
        and has no host yet (API._delete_while_booting, _local_delete_cleanup).
        When the compute is back, it finds the build in its queue.
        """
        with self.footprint_unchanged():
            with self.build_waiting_in_queue() as server:
                self.delete_server(server)
                self.assert_unlisted(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)
            self.await_build_handled(server)
