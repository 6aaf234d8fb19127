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

import dataclasses

from tempest import config

from local_delete_tempest_plugin import compute_service
from local_delete_tempest_plugin.scenario import base
from local_delete_tempest_plugin import waiters

CONF = config.CONF

#: How many hosts the run leases for a move.
HOSTS = 2


@dataclasses.dataclass(frozen=True)
class Move:
    """A server on its way, or moved, between the leased hosts.

    :param server: The ``Server`` before the move.
    :param migration: UUID of the migration, which is a consumer too.
    """

    server: base.Server
    source: compute_service.TargetHost
    destination: compute_service.TargetHost
    migration: str

    def __str__(self):
        return '%s, moving to host %s as migration %s' % (
            self.server, self.destination.host, self.migration)


class MovingTest(base.BaseLocalDeleteTest):
    """A member who resizes a server, and an admin who evacuates it."""

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
        self.assertEqual(move.destination.host, moved.host, str(moved))
        self.read_during()
        return moved, move

    def request_resize(self, server):
        """Ask for a resize to the other leased host, as the member.

        :param server: A ``Server`` that is ACTIVE.
        :returns: The ``Move``, which has begun.
        """
        self.servers_client.resize_server(server.id, self.flavor_alt_id)
        return self._note_move(server)

    def evacuate_server(self, server):
        """Evacuate a server from its dead host to the other leased one.

        :param server: A ``Server`` whose compute is stopped, and seen down.
        :returns: (the ``Server`` on its new host, the ``Move``).
        """
        self.admin_servers_client.evacuate_server(server.id)
        move = self._note_move(server)
        self.await_migration(move, 'done')
        moved = self.await_active(server)
        self.assertEqual(move.destination.host, moved.host, str(moved))
        self.read_during()
        return moved, move

    def _note_move(self, server):
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
        return Move(server, source, destination, migration)

    def await_migration(self, move, status):
        """Wait until a migration has a status.

        :param move: A ``Move``.
        :param status: The status, as Nova has it, such as 'pre-migrating'.
        """
        def read():
            return next((migration['status'] for migration in
                         self.admin.migrations(instance_uuid=move.server.id)
                         if migration['uuid'] == move.migration), None)

        waiters.wait_until(
            read, lambda seen: seen == status,
            'the migration of %s is %s' % (move, status),
            CONF.compute.build_timeout)
