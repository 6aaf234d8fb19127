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

"""A server is deleted in BUILD, whose dead compute has no fence around it.

The server of any tenant may come to that compute, so the class runs alone.
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import known_bug
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import unfinished_builds
from local_delete_tempest_plugin.scenario.steps import user_resources

CONF = config.CONF


@decorators.serial
class NoFenceTest(user_resources.UserResources,
                  unfinished_builds.UnfinishedBuilds):

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

    @decorators.idempotent_id('9b62b372-1a07-456f-a3ad-48835942ce5c')
    @decorators.attr(type='slow')
    @needs.needs(needs.volumes, needs.unfenced_outage, needs.stopped_compute)
    @known_bug.known_bug('volume-left-in-build')
    @utils.services('compute', 'volume', 'image')
    def test_volume_of_server_deleted_in_build_detached(self):
        """A server is deleted whose build waits for a dead compute.

        The API destroys the server without a look at its volumes
        (API._delete).
        """
        volume = self.bring_volume(imageRef=CONF.compute.image_ref)
        with self.footprint_unchanged():
            with self.build_waiting_in_queue(**user_resources.boot_from(
                    volume, delete_on_termination=False)) as server:
                self.assert_has_attachment(server, volume)
                self.delete_server(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)
            self.await_build_handled(server)
