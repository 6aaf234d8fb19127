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

"""Steps of stories in which a server moves between two leased hosts."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
import contextlib
import dataclasses
from typing import Any

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import attachments
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.recovery import servers
from local_delete_tempest_plugin.scenario import known_bug
from local_delete_tempest_plugin.scenario.steps import base
from local_delete_tempest_plugin.scenario.steps import footprint

CONF = config.CONF

#: How many hosts the run leases for a move.
HOSTS = 2

_DELETED_SERVICE = 'deleted-service-refuses-moves'

# Nova's words for a compute service that is down (ServiceUnavailable).
_UNAVAILABLE = 'Service is unavailable'


@dataclasses.dataclass(frozen=True)
class Move:
    """A move of a server between the leased hosts.

    :param server: The server before the move.
    :param source: The host that the server moves from.
    :param destination: The host that the server moves to.
    :param migration: UUID of the migration, which is a consumer too.
    :param request_id: Id of the request for the move.
    """

    server: footprint.Server
    source: compute_services.TargetHost
    destination: compute_services.TargetHost
    migration: str
    request_id: str

    def __str__(self) -> str:
        return '%s, moving to host %s as migration %s (request %s)' % (
            self.server, self.destination.host, self.migration,
            self.request_id)


Request = Callable[[footprint.Server], Move]


class Moves(base.BaseLocalDeleteTest):
    """A member who resizes a server, and an admin who moves it."""

    def resize_server(
            self, server: footprint.Server) -> tuple[footprint.Server, Move]:
        """Resize a server to the other leased host, up to VERIFY_RESIZE.

        :param server: A server that is ACTIVE.
        :returns: (the server on its new host, the move).
        """
        move = self.request_resize(server)
        moved = self.servers.await_status(server, 'VERIFY_RESIZE',
                                          CONF.compute.build_timeout)
        self.assertEqual(move.destination.host, moved.host, str(move))
        self.watch.read_during()
        return moved, move

    def request_resize(self, server: footprint.Server) -> Move:
        """Ask for a resize to the other leased host, as the member.

        The test skips if Nova resizes the server on its own host.

        :param server: A server that is ACTIVE.
        :returns: The move, which has begun.
        """
        return self._check_leaves(self._note_move(server, self._ask(
            server, self.member.servers_client.resize_server, server.id,
            self.testbed.flavor_like(CONF.compute.flavor_ref_alt))))

    def request_migration(self, server: footprint.Server) -> Move:
        """Ask for a cold migration to the other leased host, as the admin.

        The test skips if Nova migrates the server to its own host.

        :param server: A server that is ACTIVE.
        :returns: The move, which has begun.
        """
        return self._check_leaves(self.ask_for_migration(server))

    def ask_for_migration(self, server: footprint.Server) -> Move:
        """Ask for a cold migration, and do not wait for the scheduler.

        :param server: A server that is ACTIVE.
        :returns: The move. The scheduler may still choose any host.
        """
        return self._note_move(server, self._ask(
            server, self.admin.servers_client.migrate_server, server.id))

    def request_revert(self, server: footprint.Server, move: Move) -> Move:
        """Ask for the revert of a resize, as the member.

        :param server: A server in VERIFY_RESIZE.
        :param move: The move that brought it there.
        :returns: The move back. Its source and destination are those of the
            move there.
        """
        answer = self.member.servers_client.revert_resize_server(server.id)
        return dataclasses.replace(
            move, request_id=answer.response['x-openstack-request-id'])

    def evacuate_server(
            self, server: footprint.Server) -> tuple[footprint.Server, Move]:
        """Evacuate a server from its dead host to the other leased host.

        :param server: A server whose compute is stopped, and seen down.
        :returns: (the server on its new host, the move).
        """
        move = self._note_move(
            server, self.admin.servers_client.evacuate_server(server.id))
        self.await_migration(move, 'done')
        moved = self.servers.await_active(server)
        self.assertEqual(move.destination.host, moved.host, str(move))
        self.watch.read_during()
        return moved, move

    def assert_moved_off(self, server: footprint.Server, move: Move) -> None:
        """Wait until a server holds resources only of its new host.

        :param server: The server on its new host.
        :param move: The move that brought it there.
        """
        providers = waiters.expect(
            lambda: set(self.watch.read().by_consumer[server.id]),
            lambda held: move.source.provider_id not in held,
            '%s holds nothing of its old %s' % (server, move.source),
            CONF.local_delete.heal_timeout)
        self.assertEqual({move.destination.provider_id}, providers,
                         '%s should hold its new %s' % (
                             server, move.destination))

    def source_killed_in_move(self, request: Request) -> base.Context:
        """Catch a move half-way: its source dies before its turn comes.

        The destination is ready for the server. Its message to the source
        waits in the queue of a dead process.

        :param request: ``request_resize`` or ``request_migration``.
        :returns: A context manager that gives the move and the outage.
        """
        return self._source_out_in_move(request, compute_outage.Unnoticed)

    def source_frozen_in_move(self, request: Request) -> base.Context:
        """Catch a move half-way: its source hangs when its turn comes.

        When the source is given back, it does its part. A source that was
        killed and started again would not.

        :param request: ``request_resize`` or ``request_migration``.
        :returns: A context manager that gives the move and the outage.
        """
        return self._source_out_in_move(request, compute_outage.Frozen)

    @contextlib.contextmanager
    def _source_out_in_move(
            self, request: Request, kind: type[compute_outage.ComputeOutage],
    ) -> Iterator[tuple[Move, Any]]:
        server = self.create_server()
        if request == self.request_resize:
            # Not in the outage, because Nova will soon notice the death.
            self.testbed.flavor_like(CONF.compute.flavor_ref_alt)
        for _ in self.attempts_before_noticed(
                'before it was asked to move a server from it'):
            with self.compute_outage(
                    kind, self.hosts.target_of(server)) as away:
                try:
                    move = request(server)
                except lib_exc.Conflict:
                    # Nova has noticed by now, and refuses the move.
                    continue
                self.await_event(move, 'compute_prep_resize')
                self.watch.read_during()
                yield move, away
                return

    def _ask(self, server, request, *arguments):
        # Twice, because the host may have come up just after a refusal.
        for _ in range(2):
            try:
                return request(*arguments)
            except lib_exc.Conflict as error:
                if not self._is_contradicted(server, error):
                    raise
                refusal = error
        self._tell_deleted_service(server, refusal)

    def _is_contradicted(self, server, refusal):
        return (_UNAVAILABLE in str(refusal)
                and self.admin.services.show(server.host).state == 'up')

    def _tell_deleted_service(self, server, refusal):
        told = ('host %s is up, and Nova refuses to move %s from it as if it '
                'were down (defect %s of Nova). A compute service of this '
                'host was deleted once, and Nova looks at its record. '
                '"nova-manage db archive_deleted_rows" removes that record. '
                "Nova's answer: %s" % (
                    server.host, server, _DELETED_SERVICE, refusal))
        if known_bug.is_known(_DELETED_SERVICE, self):
            attachments.attach_known_defect(self.addDetail, _DELETED_SERVICE)
            self.skipTest(told)
        self.fail(told)

    def _note_move(self, server, answer):
        # Until the migration is written down, the undo of the server is
        # enough.
        migration = waiters.wait_until(
            # The filter of the list is no proof, and the undo deletes what
            # the migration holds.
            lambda: next((found for found in self.admin.migrations(
                instance_uuid=server.id)
                if found['instance_uuid'] == server.id), None),
            bool, '%s has a migration' % server,
            CONF.compute.build_timeout)['uuid']
        self.testbed.run.migrations.add(migration)
        self.watch.consumers.add(migration)
        self.intend(servers.MigrationChange(migration, server.name))
        source = self.hosts.target_of(server)
        destination, = set(self.hosts.targets) - {source}
        return Move(server, source, destination, migration,
                    answer.response['x-openstack-request-id'])

    def _check_leaves(self, move: Move) -> Move:
        """Skip the test if the scheduler has chosen the host of the server.

        Both leased hosts have the trait that the flavor requires. So the
        scheduler may choose the source, if Nova lets it. Then nothing moves.
        The allocations tell that even if a compute is dead.
        """
        def read():
            return [self.admin.placement.list_allocations(consumer)[
                'allocations'].keys() for consumer in (
                    move.migration, move.server.id)]

        _, new = waiters.wait_until(
            # Nova gives what the server held to the migration first, and then
            # claims the new host.
            read, all, 'the scheduler has chosen a host (%s)' % move,
            CONF.compute.build_timeout)
        if move.destination.provider_id not in new:
            self.skipTest(
                'Nova moves %s to no other host (it holds %s): its host %s is '
                'a candidate, too. Set allow_resize_to_same_host of nova.conf '
                'to False' % (move.server, ', '.join(sorted(new)),
                              move.source))
        return move

    def await_migration(self, move: Move, status: str) -> None:
        """Wait until a migration has a status.

        :param move: The move of the migration.
        :param status: The status, as Nova has it, such as 'post-migrating'.
        """
        self.await_any_status(move, (status,), 'is %s' % status)

    def await_any_status(self, move: Move, accepted: Collection[str],
                         words: str) -> str:
        """Wait until a migration has one of some statuses.

        :param move: The move of the migration.
        :param accepted: The statuses, as Nova has them.
        :param words: What is awaited of the migration.
        :returns: The status that it has.
        """
        return waiters.wait_until(
            lambda: self.migration_of(move).get('status', ''),
            lambda status: status in accepted,
            'the migration of %s %s' % (move, words),
            CONF.compute.build_timeout)

    def migration_of(self, move: Move) -> dict[str, Any]:
        """Read the migration of a move.

        :param move: A move whose server is not deleted.
        :returns: The migration, as Nova lists it; {} where it does not.
        """
        return next((migration for migration in self.admin.migrations(
            instance_uuid=move.server.id)
            if migration['uuid'] == move.migration), {})

    def await_source_done(self, move: Move) -> footprint.Server:
        """Wait until the source has done its part of a move.

        :param move: A move whose destination is dead.
        :returns: The server, which Nova has on the destination by now.
        """
        waiters.wait_until(
            lambda: self.servers.show(
                move.server.id)['OS-EXT-SRV-ATTR:host'],
            lambda host: host == move.destination.host,
            'the source has done its part of %s' % move,
            CONF.compute.build_timeout)
        self.await_migration(move, 'post-migrating')
        self.watch.read_during()
        return self.servers.note_host(move.server, move.destination.host)

    def await_event(self, move: Move, event: str) -> None:
        """Wait until a compute has done its part of a move.

        :param move: The move of the migration.
        :param event: The part, such as 'compute_prep_resize'.
        """
        waiters.wait_until(
            lambda: self.servers.results_of(move.server, move.request_id),
            lambda parts: parts.get(event) == 'Success',
            '%s of %s has succeeded' % (event, move),
            CONF.compute.build_timeout)
