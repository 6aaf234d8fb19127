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

"""A server is deleted during a live migration, or after it.

The migration of the server is a consumer too. It holds what the server had on
the source. Each port of the server is bound to both hosts.
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import known_bug
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import live_migrations
from local_delete_tempest_plugin.scenario.steps import moves
from local_delete_tempest_plugin.scenario.steps import user_resources

CONF = config.CONF

can_live_migrate = needs.needs(needs.two_hosts,
                               needs.feature('live_migration'))
can_kill = needs.needs(needs.stopped_compute)


class LiveMigratedTest(live_migrations.LiveMigrations,
                       user_resources.UserResources):
    """The live migration has come to an end."""

    @decorators.idempotent_id('3edbdecf-0aa0-4d03-aecc-c87cad1b8991')
    @decorators.attr(type='slow')
    @each_outage.each_outage('b07d4327-6781-4e44-8547-91246e5029dc')
    @can_live_migrate
    @utils.services('compute')
    def test_live_migrated_and_deleted(self, outage):
        """The source keeps nothing of a server that has left it.

        The destination is out when the server is deleted. The source has
        given up the migration's part before that
        (ComputeManager._delete_allocation_after_move).
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server = self.live_migrate(self.create_server())
            with outage(self.hosts.target_of(server)):
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('73f24695-356a-48fd-a851-80944c410e37')
    @decorators.attr(type='slow')
    @each_outage.each_outage('a7c6c5cb-72ea-4824-975a-9d69cf0dd4d5')
    @can_live_migrate
    @utils.services('compute')
    def test_aborted_and_deleted(self, outage):
        """The destination keeps nothing of a server that never came.

        The source has rolled the live migration back
        (ComputeManager._rollback_live_migration).
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server = self.abort_live_migration(self.create_server())
            with outage(self.hosts.target_of(server)):
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('4f7559ec-fc80-4270-a576-7afab4a88560')
    @decorators.attr(type='slow')
    @can_live_migrate
    @needs.needs(needs.port_bindings)
    @utils.services('compute', 'network')
    def test_port_of_aborted_live_migration_bound_once(self):
        """The user's port is no longer bound to the destination.

        The rollback deletes that binding, which was not active
        (neutron.API.setup_networks_on_host). The other one goes with the
        server.
        """
        port = self.bring_port()
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server = self.abort_live_migration(
                self.create_server(networks=[{'port': port[1]}]))
            self.assert_bound_only_to(server, port)
            with self.forced_down(self.hosts.target_of(server)):
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)


class CaughtLiveMoveTest(live_migrations.LiveMigrations):
    """A compute dies while the memory of the guest is copied."""

    @decorators.idempotent_id('c2ffdf38-7278-4edc-9028-1323bc3c7102')
    @decorators.attr(type='slow')
    @known_bug.known_bug('live-migration-cut-off-leaked')
    @can_live_migrate
    @can_kill
    @utils.services('compute')
    def test_deleted_with_source_dead(self):
        """Nothing is left of a live migration whose source has died.

        API._local_delete frees only the server's allocation, which is on the
        destination.
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            with self.killed_while_copying('source') as (move, killed):
                killed.force_down()
                self.delete_server_locally(move.server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('beca10de-6b70-4e0e-9ae5-f749e02c620f')
    @decorators.attr(type='slow')
    @known_bug.known_bug('live-migration-cut-off-leaked')
    @can_live_migrate
    @can_kill
    @utils.services('compute')
    def test_deleted_with_destination_dead(self):
        """Nothing is left of a live migration to a host that has died.

        The source cannot end the live migration, and keeps the migration's
        part (ComputeManager._post_live_migration).
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            with self.killed_while_copying('destination') as (move, killed):
                killed.force_down()
                server = self.end_on_dead_destination(move)
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)
