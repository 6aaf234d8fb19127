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

"""A server is deleted that is not ACTIVE, and whose host is out."""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import server_states

CONF = config.CONF


class StatesTest(server_states.ServerStates):

    @decorators.idempotent_id('7e51a988-e169-4a72-9fe7-a4943b9fb3ea')
    @decorators.attr(type='slow')
    @each_outage.each_outage('3191604a-6e17-4813-805a-ffe8c2f42fb4')
    @needs.needs(needs.feature('pause'))
    @utils.services('compute')
    def test_paused_server_deleted(self, outage):
        """A paused server leaves nothing (nova.compute.api.API._delete)."""
        with self.footprint_unchanged():
            server = self.pause_server(self.create_server())
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('ea4d6a06-3570-48e6-aec4-9915074dd6bd')
    @decorators.attr(type='slow')
    @each_outage.each_outage('6f8fbc5c-a4ff-410b-b746-cfb3439d5e5e')
    @needs.needs(needs.feature('suspend'))
    @utils.services('compute')
    def test_suspended_server_deleted(self, outage):
        """A suspended server leaves nothing (nova.compute.api.API._delete)."""
        with self.footprint_unchanged():
            server = self.suspend_server(self.create_server())
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('f4684452-8d99-405d-92c7-814c99a30ccb')
    @decorators.attr(type='slow')
    @each_outage.each_outage('fa5bc241-1731-4965-86cc-423e95b3114c')
    @needs.needs(needs.feature('rescue'))
    @utils.services('compute')
    def test_rescued_server_deleted(self, outage):
        """A rescued server leaves nothing (nova.compute.api.API._delete)."""
        with self.footprint_unchanged():
            server = self.rescue_server(self.create_server())
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('5841c5a2-6e88-4062-b583-30f8b1c9026f')
    @decorators.attr(type='slow')
    @each_outage.each_outage('77ea77e8-cb9c-4b0f-b7b5-efcca88db116')
    @utils.services('compute')
    def test_stopped_server_deleted(self, outage):
        """A server that is SHUTOFF leaves nothing.

        The server holds its host's resources until it is deleted
        (nova.compute.api.API._delete).
        """
        with self.footprint_unchanged():
            server = self.stop_server(self.create_server())
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('3cf0b861-0607-4a3e-b59f-490ba3d63235')
    @decorators.attr(type='slow')
    @each_outage.each_outage('bd679e7f-1dfa-4c0d-80c6-50a26d8081a2')
    @needs.needs(needs.feature('shelve'))
    @utils.services('compute', 'image')
    def test_shelved_offloaded_server_deleted(self, outage):
        """A shelved server without a host leaves nothing, nor its image.

        The host that it was on is out, and that must not matter
        (nova.compute.api.API._delete, _local_delete).
        """
        with self.footprint_unchanged():
            server = self.shelve_server(self.create_server())
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)
