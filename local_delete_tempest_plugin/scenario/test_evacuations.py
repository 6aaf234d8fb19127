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

"""A server is evacuated from a dead host, which comes back."""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import moves

CONF = config.CONF

can_evacuate = needs.needs(needs.two_hosts, needs.stopped_compute)


class EvacuationsTest(moves.Moves):
    # forced_down alone is not enough, because the guest would still run on
    # the host. Nova refuses to lift the flag until the host has restarted.

    @decorators.idempotent_id('08216676-47c8-4be2-88f9-0eb23cba84d9')
    @decorators.attr(type='slow')
    @can_evacuate
    @utils.services('compute')
    def test_evacuated_then_deleted(self):
        """The old host comes back when the server is gone (bug 1794996).

        When the compute starts, ComputeManager._destroy_evacuated_instances
        meets a deleted server. It must neither fail the start nor leave
        anything of the server.
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server = self.create_server()
            with self.compute_stopped(self.hosts.target_of(server)) as stopped:
                server, _ = self.evacuate_server(server)
                self.delete_server_through_compute(server)
                self.assert_given_back(stopped)
            self.assert_nothing_left(CONF.local_delete.heal_timeout)

    @decorators.idempotent_id('254adaab-6607-483a-b74e-9a68b90f3092')
    @decorators.attr(type='slow')
    @can_evacuate
    @utils.services('compute')
    def test_evacuated_and_old_host_back(self):
        """The old host gives up only its own part of the server.

        The server lives on the new host until it is deleted there
        (ComputeManager._destroy_evacuated_instances).
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server = self.create_server()
            with self.compute_stopped(self.hosts.target_of(server)) as stopped:
                server, move = self.evacuate_server(server)
                self.assert_given_back(stopped)
            self.assert_moved_off(server, move)
            self.delete_server_through_compute(server)
            self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    @decorators.idempotent_id('efd4ec51-6084-482c-9bdc-88e379543aeb')
    @decorators.attr(type='slow')
    @can_evacuate
    @utils.services('compute')
    def test_evacuated_then_deleted_with_both_out(self):
        """The new host is down too when the evacuated server is deleted.

        The server's allocation is on both hosts, and all of it goes
        (API._local_delete).
        """
        with self.footprint_unchanged(hosts=moves.HOSTS):
            server = self.create_server()
            with self.compute_stopped(self.hosts.target_of(server)):
                server, move = self.evacuate_server(server)
                with self.compute_stopped(move.destination):
                    self.delete_server_locally(server)
                    self.assert_nothing_left(
                        CONF.local_delete.local_cleanup_timeout)
