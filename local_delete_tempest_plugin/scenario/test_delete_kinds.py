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

"""A server is deleted in other ways than by a plain delete."""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import base
from local_delete_tempest_plugin.scenario.steps import footprint

CONF = config.CONF


class DeleteKindsTest(base.BaseLocalDeleteTest):

    @decorators.idempotent_id('64bca3e9-7e8f-41a0-970b-b8f8a1df42d8')
    @decorators.attr(type='slow')
    @each_outage.each_outage('c09bedfa-39c5-4160-be04-dd065509e49e')
    @utils.services('compute')
    def test_server_force_deleted(self, outage):
        """A forced delete is local too where the host is out.

        It leaves no more than a plain delete
        (nova.compute.api.API.force_delete).
        """
        with self.footprint_unchanged():
            server = self.create_server()
            with outage():
                self.force_delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('7cce69ed-f4cd-484c-8bfa-b02008edfa67')
    @decorators.attr(type='slow')
    @each_outage.each_outage('6bf6c1c3-340c-4813-96b9-7c073bf01763')
    @utils.services('compute')
    def test_locked_server_kept(self, outage):
        """A locked server is kept whole although its host is out.

        Once the server is unlocked, its delete succeeds and leaves nothing
        (nova.compute.api.check_instance_lock).
        """
        with self.footprint_unchanged():
            server = self.create_server()
            with outage():
                self.member.servers_client.lock_server(server.id)
                self.servers.assert_delete_refused(server)
                self.assert_kept(server)
                self.member.servers_client.unlock_server(server.id)
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('258234f9-7297-41ff-8f7d-0973035c0f89')
    @decorators.attr(type='slow')
    @each_outage.each_outage('a733cf5d-8d4e-4fe4-bda2-d757b403fd01')
    @needs.needs(needs.reclaims)
    @utils.services('compute')
    def test_soft_delete_destroys_at_once(self, outage):
        """A soft delete of a server whose host is out leaves no way back.

        Nobody could restore the server there, so Nova destroys it
        (nova.compute.api.API._local_delete). Its restore answers 404.
        """
        with self.footprint_unchanged():
            server = self.create_server()
            with outage():
                self.delete_server_locally(server)
                self.assert_not_restorable(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('356bacd9-76f4-4f41-a401-36f7855be595')
    @decorators.attr(type='slow')
    @each_outage.each_outage('f650e346-2374-4d4d-8ea4-05e79e0ba5cd')
    @needs.needs(needs.reclaims)
    @utils.services('compute')
    def test_soft_deleted_server_force_deleted(self, outage):
        """A softly deleted server is deleted by force when its host is out.

        Until then the server holds its host's resources
        (nova.compute.api.API.force_delete).
        """
        with self.footprint_unchanged():
            server = self.soft_delete_server(self.create_server())
            with outage():
                self.force_delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    def force_delete_server_locally(self, server: footprint.Server) -> None:
        """Delete a server by force, and prove that the API did it alone."""
        request_id = self.servers.request_delete(server, force=True)
        self.servers.await_gone(server)
        self.servers.assert_deleted_locally(server, request_id)

    def soft_delete_server(self,
                           server: footprint.Server) -> footprint.Server:
        """Delete a server whose compute is up, so that it can be restored.

        :returns: The server, which is SOFT_DELETED.
        """
        self.servers.request_delete(server)
        self.servers.await_soft_deleted(server)
        self.watch.read_during()
        return server

    def assert_not_restorable(self, server: footprint.Server) -> None:
        """Fail unless the restore of a server answers 404."""
        try:
            answer = self.member.servers_client.restore_soft_deleted_server(
                server.id)
        except lib_exc.NotFound:
            return
        self.fail('%s was deleted while its host was out, and its restore '
                  'answers %s instead of 404: it is %s' % (
                      server, answer.response.status,
                      self.servers.state_of(server)))
