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

"""Steps of stories in which a server is live migrated between leased hosts."""

from collections.abc import Iterator
import contextlib
from typing import Any

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import moves

CONF = config.CONF

# The memory of the guest is copied.
_COPYING = 'running'
_ENDED = ('completed', 'error', 'failed', 'cancelled')

# How often a story is told whose live migration has ended too early.
_ATTEMPTS = 5


class LiveMigrations(moves.Moves):
    """An admin who live migrates a server of the member."""

    def request_live_migration(self, server: footprint.Server) -> moves.Move:
        """Ask for a live migration to the other leased host, as the admin.

        :param server: A server that is ACTIVE.
        :returns: The move, which has begun.
        """
        return self._note_move(
            server, self.admin.servers_client.live_migrate_server(
                server.id, host=None, block_migration='auto'))

    def live_migrate(self, server: footprint.Server) -> footprint.Server:
        """Live migrate a server to the other leased host, to the end.

        :param server: A server that is ACTIVE.
        :returns: The server on its new host.
        """
        move = self.request_live_migration(server)
        if self._await_copying(move) == _COPYING:
            # Otherwise the copying takes its time.
            self._end_copying(move)
        self.await_migration(move, 'completed')
        return self._moved(move)

    def _moved(self, move):
        moved = self.servers.await_active(move.server)
        self.assertEqual(move.destination.host, moved.host, str(move))
        self.watch.read_during()
        return moved

    def abort_live_migration(self, server: footprint.Server
                             ) -> footprint.Server:
        """Abort a live migration of a server, while its memory is copied.

        :param server: A server that is ACTIVE.
        :returns: The server, on the host where it was.
        """
        move = self.request_live_migration(server)
        self._await_copying(move)
        self.watch.read_during()
        try:
            self._client.abort_live_migration(
                server.id, self.migration_of(move)['id'])
        except lib_exc.BadRequest:
            self.skipTest('the live migration had ended before it was '
                          'aborted: %s' % move)
        self.await_migration(move, 'cancelled')
        return self.servers.await_active(server)

    @contextlib.contextmanager
    def killed_while_copying(self, side: str, **settings: Any) -> Iterator[
            tuple[moves.Move, compute_outage.Unnoticed]]:
        """Catch a live migration: a compute dies while memory is copied.

        :param side: Whose compute dies: 'source' or 'destination'.
        :param settings: As for ``create_server``.
        :returns: A context manager that gives the move and the outage.
        """
        for _ in range(_ATTEMPTS):
            move = self.request_live_migration(self.create_server(**settings))
            if self._await_copying(move) == _COPYING:
                with self.compute_killed(getattr(move, side)) as killed:
                    # Only the source ends the copying.
                    if self.migration_of(move).get('status') == _COPYING:
                        self.watch.read_during()
                        yield move, killed
                        return
            self.await_migration(move, 'completed')
            self.delete_server_through_compute(self._moved(move))
        self.skipTest('%d times a live migration had ended before the compute '
                      'of its %s was dead' % (_ATTEMPTS, side))

    def end_on_dead_destination(self, move: moves.Move) -> footprint.Server:
        """End the copying to a destination that is dead.

        :param move: A live migration whose memory is copied.
        :returns: The server, which Nova has on the destination by now.
        """
        self._end_copying(move)
        self.await_any_status(move, _ENDED, 'has ended')
        self.watch.read_during()
        return self.servers.note_host(
            move.server,
            self.servers.show(move.server.id)['OS-EXT-SRV-ATTR:host'])

    def lose_move(self, server: footprint.Server, request: moves.Request
                  ) -> None:
        """Ask for a move that the conductor does not bring to its end.

        The conductor waits for the scheduler, and dies.

        :param server: A server that is ACTIVE.
        :param request: ``request_live_migration`` or ``ask_for_migration``.
        """
        with self.scheduler_stopped():
            move = request(server)
            waiters.wait_until(
                lambda: self.admin.placement.list_allocations(move.migration)[
                    'allocations'], bool,
                'the migration of %s holds what the server held' % move,
                CONF.compute.build_timeout)
            with self.conductor_stopped():
                status = self.migration_of(move).get('status')
        if status in _ENDED:
            self.skipTest('the conductor had given the move up before it was '
                          'dead, because no scheduler answered it '
                          '(rpc_response_timeout of nova.conf): %s' % move)
        self.watch.read_during()

    def assert_bound_only_to(self, server: footprint.Server,
                             port: tuple[str, str]) -> None:
        """Wait until a port of a server is bound to its host and to no other.

        Neutron shows the bindings only of a port that a server has.

        :param server: A server that is ACTIVE.
        :param port: What ``bring_port`` returned.
        """
        client = self.admin.manager.local_delete_network.PortBindingsClient()
        waiters.expect(
            lambda: [(binding['host'], binding['status']) for binding
                     in client.list_port_bindings(port[1])['bindings']],
            lambda bindings: bindings == [(server.host, 'ACTIVE')],
            '%s: its %s %s is bound to its host and to no other' % (
                server, *port), CONF.local_delete.cleanup_timeout)

    @property
    def _client(self):
        return self.admin.manager.local_delete_compute.MigrationsClient()

    def _await_copying(self, move):
        """Wait until memory is copied, or the live migration has ended."""
        status = self.await_any_status(
            move, (_COPYING, *_ENDED), 'copies memory')
        self.assertIn(status, (_COPYING, 'completed'), '%s' % move)
        return status

    def _end_copying(self, move):
        # It may end by itself before the request comes.
        with contextlib.suppress(lib_exc.BadRequest):
            self._client.force_complete_live_migration(
                move.server.id, self.migration_of(move)['id'])
