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

"""A server is deleted while the scheduler is stopped, or after that.

Every tenant of the cloud feels that, so the class runs alone.
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import unfinished_builds
from local_delete_tempest_plugin.scenario.steps import user_resources

CONF = config.CONF


@decorators.serial
class NoSchedulerTest(user_resources.UserResources,
                      unfinished_builds.UnfinishedBuilds):

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

    @decorators.idempotent_id('f7ddd781-0f7d-4e59-ba02-cf9418c95ee4')
    @decorators.attr(type='slow')
    @needs.needs(needs.volumes, needs.scheduler_away)
    @utils.services('compute', 'volume', 'image')
    def test_volume_of_server_deleted_before_scheduled_detached(self):
        """A server is deleted of which there is only a build request.

        The build request has its volumes
        (API._attempt_delete_of_buildrequest).
        """
        volume = self.bring_volume(imageRef=CONF.compute.image_ref)
        with self.footprint_unchanged():
            with self.scheduler_stopped():
                server = self.servers.request(**user_resources.boot_from(
                    volume, delete_on_termination=False))
                self.watch.read_during()
                self.assert_has_attachment(server, volume)
                self.delete_server(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)
            self.pass_through_scheduler()

    @decorators.idempotent_id('a9f6bacf-71b8-433c-859a-30393754279a')
    @decorators.attr(type='slow')
    @needs.needs(needs.volumes, needs.scheduler_away)
    @utils.services('compute', 'volume', 'image')
    def test_volume_of_server_over_quota_detached(self):
        """A server fails the late check of its quota (bug 1806064).

        The server was scheduled, and is in ERROR without a host
        (ComputeTaskManager._cleanup_build_artifacts).
        """
        volume = self.bring_volume(imageRef=CONF.compute.image_ref)
        with self.footprint_unchanged():
            server = self.request_server_over_quota(**user_resources.boot_from(
                volume, delete_on_termination=False))
            self.assert_has_attachment(server, volume)
            self.delete_server_locally(server)
            self.assert_nothing_left(CONF.local_delete.cleanup_timeout)
