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

It is the commonest outage of all: between the death of a compute and the
moment it is seen down, [DEFAULT] service_down_time of nova.conf passes.
"""

import contextlib

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import base

CONF = config.CONF


@decorators.serial
class UnnoticedTest(base.BaseLocalDeleteTest):

    @contextlib.contextmanager
    def delete_waiting_in_queue(self):
        """Delete a server into the queue of a dead compute.

        :returns: A context manager that gives (the ``Server``, which is in
            deleting, and the ``compute_outage.Unnoticed``).
        """
        for _ in self.attempts_before_noticed(
                'before a server of it was deleted'):
            server = self.create_server()
            with self.compute_killed() as killed:
                self.servers.request_delete(server)
                # A local delete is over when it is answered, so that this one
                # came too late: Nova has noticed.
                if self.servers.state_of(server) is not None:
                    yield server, killed
                    return

    @decorators.idempotent_id('9a21da13-39dc-4e85-a2c6-389407db901f')
    @decorators.attr(type='slow')
    @needs.needs(needs.stopped_compute)
    @utils.services('compute')
    def test_forced_down_and_deleted_again(self):
        """The operator says that the host is down, and the member repeats.

        The first delete waits in the queue of the compute, and the server in
        deleting; API._delete lets the second one through, locally.
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
        """Nova notices by itself, and the member repeats."""
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
        """The compute comes back, and completes what waited for it.

        The delete is in its queue, and the server in deleting
        (ComputeManager._init_instance); it must not matter which comes first.
        """
        with self.footprint_unchanged():
            with self.delete_waiting_in_queue() as (server, _):
                pass
            self.servers.await_deleted_by_compute(server)
            self.assert_nothing_left(CONF.local_delete.heal_timeout)
