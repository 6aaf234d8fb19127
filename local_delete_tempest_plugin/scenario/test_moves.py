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

"""A server is deleted in the middle of a resize or a cold migration.

The migration of the server is a consumer too. It holds what the server had on
the source.
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import known_bug
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import moves

CONF = config.CONF

can_resize = needs.needs(needs.two_hosts, needs.feature('resize'))
can_migrate = needs.needs(needs.two_hosts, needs.feature('cold_migration'))
can_stop = needs.needs(needs.stopped_compute)
can_freeze = needs.needs(needs.frozen_compute)


class ResizedTest(moves.Moves):
    """The resize waits for its confirm: VERIFY_RESIZE."""

    @decorators.idempotent_id('1368eda5-c9e8-4fcc-8036-e8a53c929e3c')
    @decorators.attr(type='slow')
    @each_outage.each_outage('6aac9923-bb6b-4cfa-8618-03087ae98969',
                             stopped_bug='verify-resize-source-dead')
    @can_resize
    @utils.services('compute')
    def test_deleted_with_source_out(self, outage):
        """Both hosts are free again although the source is down.

        Nova confirms the resize before it deletes the server
        (API._confirm_resize_on_deleting). A source that is forced down still
        confirms. A dead source never answers, and the delete ends with 500.
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server, move = self.resize_server(self.create_server())
            with outage(move.source):
                self.delete_server_through_compute(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    @decorators.idempotent_id('3fd0b1d4-7d0b-4b52-9a3e-4a3a8a1be6b0')
    @decorators.attr(type='slow')
    @each_outage.each_outage('63db3993-2ce8-4d0a-b1bb-a077f78bd08a')
    @can_resize
    @utils.services('compute')
    def test_deleted_with_destination_out(self, outage):
        """Both hosts are free again although the destination is down.

        The source is alive and confirms, which frees the migration's part.
        The rest is a local delete (API._local_delete).
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server, move = self.resize_server(self.create_server())
            with outage(move.destination):
                self.delete_server_locally(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    @decorators.idempotent_id('b5776ac9-d39e-4e14-8ede-8a6b2fc94f73')
    @decorators.attr(type='slow')
    @each_outage.each_outage('69768749-2e28-431a-a848-64a73fcd5f8c',
                             stopped_bug='verify-resize-source-dead')
    @can_resize
    @utils.services('compute')
    def test_deleted_with_both_out(self, outage):
        """Both hosts are free again although both are down."""
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server, move = self.resize_server(self.create_server())
            with outage(move.source), outage(move.destination):
                self.delete_server_locally(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)


class RepeatedDeleteTest(moves.Moves):
    """The delete is repeated, or an admin resets the state first."""

    @decorators.idempotent_id('c75cb778-4c81-4043-9a0e-58afa03f7ae9')
    @decorators.attr(type='slow')
    @known_bug.known_bug('verify-resize-delete-undone')
    @can_resize
    @can_stop
    @utils.services('compute')
    def test_deleted_again_after_source_restart(self):
        """A delete that failed with a dead source is repeated later.

        The source is back then. API._delete confirms the resize, which ends
        the server's task. It then goes by the task that it read before that:
        it answers 204, and the server lives.
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server, move = self.resize_server(self.create_server())
            with self.compute_stopped(move.source):
                self.servers.try_delete(server)
            self.servers.try_delete(server)
            self.servers.await_deleted_by_compute(server)

    @decorators.idempotent_id('449fdba3-921b-4756-9e7a-b9d35e21228f')
    @decorators.attr(type='slow')
    @known_bug.known_bug('verify-resize-migration-leaked')
    @can_resize
    @can_stop
    @utils.services('compute')
    def test_deleted_by_destination_restart(self):
        """The destination's restart completes a delete that failed.

        The source is dead. On the destination ComputeManager._init_instance
        deletes the servers that are in deleting. The migration's row goes with
        the server, and only that row would tell the source's audit whose
        allocation it has.
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server, move = self.resize_server(self.create_server())
            with self.compute_stopped(move.source):
                self.servers.try_delete(
                    server, force=CONF.local_delete.reclaims)
                with self.compute_stopped(move.destination):
                    pass
                self.servers.await_gone(server)
            self.assert_nothing_left(CONF.local_delete.heal_timeout)

    @decorators.idempotent_id('973a8c13-fbf2-43f4-8dc3-5e9f5652b0c7')
    @decorators.attr(type='slow')
    @known_bug.known_bug('verify-resize-reset-state-leaked')
    @can_resize
    @utils.services('compute')
    def test_deleted_after_reset_state(self):
        """An admin resets the state of a server before it is deleted.

        Operators do so when a server cannot be deleted. API._delete confirms
        no resize of a server in ERROR.
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server, move = self.resize_server(self.create_server())
            with self.forced_down(move.destination):
                self.admin.servers_client.reset_state(
                    server.id, state='error')
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)


class RevertTest(moves.Moves):
    """The revert of the resize is cut off, by the death of a compute."""

    @decorators.idempotent_id('32be9dbd-ef0b-4857-a408-21f594bc30c3')
    @decorators.attr(type='slow')
    @known_bug.known_bug('revert-cut-off-migration-leaked')
    @can_resize
    @can_stop
    @utils.services('compute')
    def test_deleted_in_revert_with_destination_stopped(self):
        """A server is deleted whose revert waits for a dead destination.

        API._confirm_resize_on_deleting finds no migration to confirm, and
        API._local_delete frees only the server's allocation.
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server, move = self.resize_server(self.create_server())
            with self.compute_stopped(move.destination):
                self.request_revert(server, move)
                self.delete_server_locally(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    @decorators.idempotent_id('e0255da6-cf6f-452a-a05e-ab6d734a662c')
    @decorators.attr(type='slow')
    @known_bug.known_bug('revert-cut-off-migration-leaked')
    @can_resize
    @can_stop
    @utils.services('compute')
    def test_deleted_in_revert_with_source_stopped(self):
        """A server is deleted while its resize is reverted (bug 1848343).

        The destination has done its part of the revert, and the source is
        dead. When the source is back, it finds no server to go on with. It
        keeps the migration's allocation
        (ComputeManager.finish_revert_resize).
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server, move = self.resize_server(self.create_server())
            with self.compute_stopped(move.source):
                revert = self.request_revert(server, move)
                self.await_event(revert, 'compute_revert_resize')
                self.delete_server_through_compute(server)
            self.assert_nothing_left(CONF.local_delete.heal_timeout)


class CaughtMoveTest(moves.Moves):
    """The move is caught half-way, by the death of a compute."""

    @decorators.idempotent_id('142b666e-2c2c-4b92-a2c8-9f90f26b0d76')
    @decorators.attr(type='slow')
    @can_resize
    @can_stop
    @utils.services('compute')
    def test_deleted_and_rolled_back(self):
        """A migration is rolled back whose server is gone (bug 1848343).

        The source dies before its part of a resize, and the server is
        deleted. The source starts, and finds the message that waited for it.
        It gives the migration's allocation to a server that is gone
        (ComputeManager._revert_allocation).
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            with self.source_killed_in_move(
                    self.request_resize) as (move, killed):
                killed.force_down()
                self.delete_server_locally(move.server)
            self.assert_nothing_left(CONF.local_delete.heal_timeout)

    @decorators.idempotent_id('8960366c-0b36-428c-99de-3c561ea410a4')
    @decorators.attr(type='slow')
    @known_bug.known_bug('half-way-migration-leaked')
    @can_migrate
    @can_stop
    @utils.services('compute')
    def test_deleted_before_rolled_back(self):
        """Nothing is left of a migration although its source is still dead.

        Nobody knows when the source comes back, or whether it finds its
        messages then. API._local_delete frees only the server's allocation.
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            with self.source_killed_in_move(
                    self.request_migration) as (move, killed):
                killed.force_down()
                self.delete_server_locally(move.server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('8320a784-a997-4698-b436-a0fc69c19164')
    @decorators.attr(type='slow')
    @can_migrate
    @can_stop
    @utils.services('compute')
    def test_rolled_back_and_deleted(self):
        """A migration is rolled back, and its server deleted after that."""
        with self.footprint_unchanged(hosts=moves.HOSTS):
            with self.source_killed_in_move(
                    self.request_migration) as (move, _):
                pass
            self.await_migration(move, 'error')
            with self.forced_down(move.source):
                self.delete_server_locally(move.server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('3ce4f269-c9fb-45ae-a14e-2c440f308931')
    @decorators.attr(type='slow')
    @known_bug.known_bug('half-way-migration-leaked')
    @can_migrate
    @can_freeze
    @can_stop
    @utils.services('compute')
    def test_deleted_before_finished(self):
        """Nothing is left of a migration that a dead destination has to end.

        The source is alive, and has done its part (post-migrating). It is
        frozen until the destination is dead, because otherwise the destination
        would end the migration. API._local_delete frees only the server's
        allocation.
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            with self.source_frozen_in_move(
                    self.request_migration) as (move, frozen):
                with self.compute_killed(move.destination) as killed:
                    self.assert_given_back(frozen)
                    server = self.await_source_done(move)
                    killed.force_down()
                    self.delete_server_locally(server)
                    self.assert_nothing_left(
                        CONF.local_delete.local_cleanup_timeout)
