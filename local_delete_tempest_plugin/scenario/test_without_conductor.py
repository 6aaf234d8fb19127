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

"""A server is deleted whose move was lost with the conductor.

Every tenant of the cloud feels that, so the class runs alone.
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import known_bug
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import live_migrations
from local_delete_tempest_plugin.scenario.steps import moves

CONF = config.CONF

can_lose_move = needs.needs(needs.two_hosts, needs.scheduler_away,
                            needs.conductor_away)


@decorators.serial
class NoConductorTest(live_migrations.LiveMigrations, moves.Moves):

    @decorators.idempotent_id('d9316b5f-7863-41df-9cfa-bbc5cab8af28')
    @decorators.attr(type='slow')
    @known_bug.known_bug('live-migration-conductor-lost')
    @can_lose_move
    @needs.needs(needs.feature('live_migration'))
    @utils.services('compute')
    def test_deleted_after_lost_live_migration(self):
        """A live migration is lost, and its server deleted after that.

        The conductor waits for the scheduler, and dies. The migration holds
        all that the server held, and nobody gives it back
        (LiveMigrationTask._execute, ComputeManager._complete_deletion).
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server = self.create_server()
            self.lose_move(server, self.request_live_migration)
            self.delete_server_through_compute(server)
            self.assert_nothing_left(CONF.local_delete.heal_timeout)

    @decorators.idempotent_id('f9b5f809-04f0-4f9a-8f3c-da9d954aefe4')
    @decorators.attr(type='slow')
    @known_bug.known_bug('resize-conductor-lost')
    @can_lose_move
    @needs.needs(needs.feature('cold_migration'))
    @utils.services('compute')
    def test_deleted_after_lost_cold_migration(self):
        """A cold migration is lost, and its server deleted after that.

        The migration holds all that the server held, and nobody gives it back
        (MigrationTask._preallocate_migration).
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server = self.create_server()
            self.lose_move(server, self.ask_for_migration)
            self.delete_server_through_compute(server)
            self.assert_nothing_left(CONF.local_delete.heal_timeout)
