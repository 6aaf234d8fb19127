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

"""The steps of stories in which a server moves between two leased hosts."""

import contextlib
import dataclasses

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import servers

CONF = config.CONF

#: How many hosts the run leases for a move.
HOSTS = 2

_DELETED_SERVICE = 'deleted-service-refuses-moves'

# Of a server whose compute service is down, to Nova (ServiceUnavailable).
_UNAVAILABLE = 'Service is unavailable'


@dataclasses.dataclass(frozen=True)
class Move:
    """A server on its way, or moved, between the leased hosts.

    :param server: The ``Server`` before the move.
    :param migration: UUID of the migration, which is a consumer too.
    :param request_id: Of the request for the move.
    """

    server: footprint.Server
    source: compute_services.TargetHost
    destination: compute_services.TargetHost
    migration: str
    request_id: str

    def __str__(self):
        return '%s, moving to host %s as migration %s (request %s)' % (
            self.server, self.destination.host, self.migration,
            self.request_id)


class MovingTest(servers.BaseLocalDeleteTest):
    """A member who resizes a server, and an admin who moves it."""

    @classmethod
    def resource_setup(cls):
        super().resource_setup()
        cls.flavor_alt_id = cls.create_flavor(CONF.compute.flavor_ref_alt)

    def resize_server(self, server):
        """Resize a server to the other leased host, up to VERIFY_RESIZE.

        :param server: A ``Server`` that is ACTIVE.
        :returns: (the ``Server`` on its new host, the ``Move``).
        """
        move = self.request_resize(server)
        moved = self.await_status(server, 'VERIFY_RESIZE',
                                  CONF.compute.build_timeout)
        self.assertEqual(move.destination.host, moved.host, str(move))
        self.read_during()
        return moved, move

    def request_resize(self, server):
        """Ask for a resize to the other leased host, as the member.

        :param server: A ``Server`` that is ACTIVE.
        :returns: The ``Move``, which has begun.
        """
        return self._note_move(server, self._ask(
            server, self.servers_client.resize_server,
            server.id, self.flavor_alt_id))

    def request_migration(self, server):
        """Ask for a cold migration to the other leased host, as the admin.

        :param server: A ``Server`` that is ACTIVE.
        :returns: The ``Move``, which has begun.
        """
        return self._note_move(server, self._ask(
            server, self.admin_servers_client.migrate_server, server.id))

    def request_revert(self, server, move):
        """Ask for the revert of a resize, as the member.

        :param server: A ``Server`` in VERIFY_RESIZE.
        :param move: The ``Move`` that brought it there.
        :returns: The ``Move`` back; its source and destination are those of
            before.
        """
        answer = self.servers_client.revert_resize_server(server.id)
        return dataclasses.replace(
            move, request_id=answer.response['x-openstack-request-id'])

    def evacuate_server(self, server):
        """Evacuate a server from its dead host to the other leased one.

        :param server: A ``Server`` whose compute is stopped, and seen down.
        :returns: (the ``Server`` on its new host, the ``Move``).
        """
        move = self._note_move(
            server, self.admin_servers_client.evacuate_server(server.id))
        self.await_migration(move, 'done')
        moved = self.await_active(server)
        self.assertEqual(move.destination.host, moved.host, str(move))
        self.read_during()
        return moved, move

    def assert_moved_off(self, server, move):
        """Wait until a server holds something of its new host alone.

        :param server: The ``Server`` on its new host.
        :param move: The ``Move`` that brought it there.
        """
        providers = self.expect(
            lambda: set(self._read().by_consumer[server.id]),
            lambda held: move.source.provider_id not in held,
            '%s holds nothing of its old %s' % (server, move.source),
            CONF.local_delete.heal_timeout)
        self.assertEqual({move.destination.provider_id}, providers,
                         '%s should hold its new %s' % (
                             server, move.destination))

    def source_killed_in_move(self, request):
        """Catch a move half-way: its source dies before its turn comes.

        The destination has made ready for the server; what it told the source
        to do waits in the queue of a dead process.

        :param request: ``request_resize`` or ``request_migration``.
        :returns: A context manager that gives (the ``Move``, the
            ``compute_outage.Unnoticed``).
        """
        return self._source_out_in_move(request, self.compute_killed)

    def source_frozen_in_move(self, request):
        """Catch a move half-way: its source hangs when its turn comes.

        Given back, the source does its part; one that was killed and started
        anew would not.

        :param request: ``request_resize`` or ``request_migration``.
        :returns: A context manager that gives (the ``Move``, the
            ``compute_outage.Frozen``).
        """
        return self._source_out_in_move(request, self.compute_frozen)

    @contextlib.contextmanager
    def _source_out_in_move(self, request, outage):
        server = self.create_server()
        for _ in self.attempts_before_noticed(
                'before it was asked to move a server from it'):
            with outage(self.target_of(server)) as away:
                try:
                    move = request(server)
                except lib_exc.Conflict:
                    # Nova has noticed by now, and moves nothing from there.
                    continue
                self.await_event(move, 'compute_prep_resize')
                self.read_during()
                yield move, away
                return

    def _ask(self, server, request, *arguments):
        # Twice: a host may have been up again a moment after the refusal.
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
                'were down (defect %s of Nova): a compute service of this '
                'host was deleted once, and Nova looks at that one\'s record, '
                'which "nova-manage db archive_deleted_rows" takes away. '
                'Nova\'s answer: %s' % (
                    server.host, server, _DELETED_SERVICE, refusal))
        if _DELETED_SERVICE in CONF.local_delete.known_bugs:
            self.skipTest(told)
        self.fail(told)

    def _note_move(self, server, answer):
        # Until this is written down, what the server's undo finds is enough.
        migration = waiters.wait_until(
            lambda: next(self.admin.migrations(instance_uuid=server.id),
                         None),
            bool, '%s has a migration' % server,
            CONF.compute.build_timeout)['uuid']
        self.this_run.migrations.add(migration)
        self.watch.consumers.add(migration)
        self._intend_here('migration', migration=migration,
                          server=server.name)
        source = self.target_of(server)
        destination, = set(self.leased) - {source}
        return Move(server, source, destination, migration,
                    answer.response['x-openstack-request-id'])

    def await_migration(self, move, status):
        """Wait until a migration has a status.

        :param move: A ``Move``.
        :param status: The status, as Nova has it, such as 'post-migrating'.
        """
        def read():
            return next((migration['status'] for migration in
                         self.admin.migrations(instance_uuid=move.server.id)
                         if migration['uuid'] == move.migration), None)

        waiters.wait_until(
            read, lambda seen: seen == status,
            'the migration of %s is %s' % (move, status),
            CONF.compute.build_timeout)

    def await_source_done(self, move):
        """Wait until the source has done its part of a move.

        :param move: A ``Move`` whose destination is dead.
        :returns: The ``Server``, which Nova has on the destination by now.
        """
        waiters.wait_until(
            lambda: self._show_server(move.server.id)['OS-EXT-SRV-ATTR:host'],
            lambda host: host == move.destination.host,
            'the source has done its part of %s' % move,
            CONF.compute.build_timeout)
        self.await_migration(move, 'post-migrating')
        self.read_during()
        return self._note_host(move.server, move.destination.host)

    def await_event(self, move, event):
        """Wait until a compute has done its part of a move.

        :param move: A ``Move``.
        :param event: The part, such as 'compute_prep_resize'.
        """
        waiters.wait_until(
            lambda: self._results_of(move.server, move.request_id),
            lambda parts: parts.get(event) == 'Success',
            '%s of %s has succeeded' % (event, move),
            CONF.compute.build_timeout)
