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
"""What becomes of the volumes of a server that is deleted locally.

Nova's API deletes their attachments, and the volumes that go with the server
(API._local_cleanup_bdm_volumes). Cinder takes a while to do its part.
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import server_states
from local_delete_tempest_plugin.scenario.steps import unfinished_builds
from local_delete_tempest_plugin.scenario.steps import user_resources

CONF = config.CONF


class VolumesTest(user_resources.UserResources,
                  unfinished_builds.UnfinishedBuilds,
                  server_states.ServerStates):

    @decorators.idempotent_id('6265cd00-e16b-4f4d-abff-779dc5f685e2')
    @decorators.attr(type='slow')
    @each_outage.each_outage('87bfc4e8-ddef-414c-9417-6292ae5b3479')
    @needs.needs(needs.volumes)
    @utils.services('compute', 'volume', 'image')
    def test_root_volume_deleted_on_termination(self, outage):
        """A volume with delete_on_termination goes with its server."""
        volume = self.bring_volume(imageRef=CONF.compute.image_ref)
        with self.footprint_unchanged(gone=[volume]):
            server = self.create_server(**user_resources.boot_from(
                volume, delete_on_termination=True))
            self.assert_has_attachment(server, volume)
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    @decorators.idempotent_id('3110009b-d44e-4650-98ff-63e14753ab46')
    @decorators.attr(type='slow')
    @each_outage.each_outage('b3206109-d20f-437d-b542-77b27e9b20a2')
    @needs.needs(needs.volumes)
    @utils.services('compute', 'volume', 'image')
    def test_root_volume_kept(self, outage):
        """A volume without delete_on_termination is available again."""
        volume = self.bring_volume(imageRef=CONF.compute.image_ref)
        with self.footprint_unchanged():
            server = self.create_server(**user_resources.boot_from(
                volume, delete_on_termination=False))
            self.assert_has_attachment(server, volume)
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    @decorators.idempotent_id('5872cfcf-a3c4-4dd8-aa1f-b845947148b7')
    @decorators.attr(type='slow')
    @each_outage.each_outage('fc97b62d-f3ce-4842-8ba9-11d0409e3c0d')
    @needs.needs(needs.volumes)
    @utils.services('compute', 'volume')
    def test_data_volume_detached(self, outage):
        """A volume that was attached to a server is available again."""
        volume = self.bring_volume()
        with self.footprint_unchanged():
            server = self.create_server()
            self.attach_volume(server, volume)
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    @decorators.idempotent_id('a4fd872f-757e-4c45-9ec0-f1ff5a4a8758')
    @decorators.attr(type='slow')
    @needs.needs(needs.volumes, needs.feature('shelve'))
    @utils.services('compute', 'volume', 'image')
    def test_volumes_of_shelved_server_detached(self):
        """A server is deleted that shelving took off its host (bug 1675570).

        The attachments of its volumes stay while it is shelved.
        """
        root = self.bring_volume(imageRef=CONF.compute.image_ref)
        data = self.bring_volume()
        with self.footprint_unchanged():
            server = self.create_server(**user_resources.boot_from(
                root, delete_on_termination=False))
            self.assert_has_attachment(server, root)
            self.attach_volume(server, data)
            self.delete_server_locally(self.offload_server(server))
            self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    @decorators.idempotent_id('5370b91a-b9ca-48b2-8f5f-a421adad7515')
    @decorators.attr(type='slow')
    @needs.needs(needs.volumes)
    @utils.services('compute', 'volume', 'image')
    def test_volume_of_never_scheduled_server_detached(self):
        """A server is deleted that never found a host (bug 1404867)."""
        volume = self.bring_volume(imageRef=CONF.compute.image_ref)
        with self.footprint_unchanged():
            server = self.create_server_without_host(
                **user_resources.boot_from(
                    volume, delete_on_termination=False))
            self.assert_has_attachment(server, volume)
            self.delete_server_locally(server)
            self.assert_nothing_left(CONF.local_delete.cleanup_timeout)
