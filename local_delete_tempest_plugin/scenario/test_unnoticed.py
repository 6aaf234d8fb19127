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

"""A compute is dead, and Nova has not noticed when a server is deleted.

This is the commonest outage of all. From the death of a compute to the moment
it is seen down, [DEFAULT] service_down_time of nova.conf passes.
"""

from collections.abc import Iterator
import contextlib

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import base
from local_delete_tempest_plugin.scenario.steps import footprint

CONF = config.CONF


class UnnoticedTest(base.BaseLocalDeleteTest):

    @contextlib.contextmanager
    def delete_waiting_in_queue(self) -> Iterator[
            tuple[footprint.Server, compute_outage.Unnoticed]]:
        """Delete a server into the queue of a dead compute.

        :returns: A context manager that gives the server, which is in
            deleting, and the outage.
        """
        for _ in self.attempts_before_noticed(
                'before a server of it was deleted'):
            server = self.create_server()
            with self.compute_killed() as killed:
                self.servers.request_delete(server)
                # A local delete is over when it is answered. Then Nova has
                # noticed, and the delete came too late.
                if self.servers.state_of(server) is not None:
                    yield server, killed
                    return

    @decorators.idempotent_id('9a21da13-39dc-4e85-a2c6-389407db901f')
    @decorators.attr(type='slow')
    @needs.needs(needs.stopped_compute)
    @utils.services('compute')
    def test_forced_down_and_deleted_again(self):
        """The operator forces the host down, the member deletes again.

        The first delete waits in the queue of the compute, and the server is
        in deleting. API._delete lets the second delete through, locally.
        """
        with self.footprint_unchanged():
            with self.delete_waiting_in_queue() as (server, killed):
                killed.force_down()
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('4dd799bc-3e26-42bc-99ff-2f10e973837d')
    @decorators.attr(type='slow')
    @needs.needs(needs.stopped_compute)
    @utils.services('compute')
    def test_noticed_and_deleted_again(self):
        """Nova notices by itself, the member deletes again."""
        with self.footprint_unchanged():
            with self.delete_waiting_in_queue() as (server, killed):
                killed.await_down()
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('179923f0-7d25-436c-8fb3-eb25796a4fb4')
    @decorators.attr(type='slow')
    @needs.needs(needs.stopped_compute)
    @utils.services('compute')
    def test_compute_back(self):
        """The compute comes back, and completes the delete.

        The delete is in its queue, and the server is in deleting
        (ComputeManager._init_instance). It must not matter which of these the
        compute finds first.
        """
        with self.footprint_unchanged():
            with self.delete_waiting_in_queue() as (server, _):
                pass
            self.servers.await_deleted_by_compute(server)
            self.assert_nothing_left(CONF.local_delete.heal_timeout)
