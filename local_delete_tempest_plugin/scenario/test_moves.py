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

"""A resized server is deleted before its resize is confirmed."""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import moving
from local_delete_tempest_plugin.scenario import needs

CONF = config.CONF


@decorators.serial
class MovesTest(moving.MovingTest):

    @decorators.idempotent_id('3fd0b1d4-7d0b-4b52-9a3e-4a3a8a1be6b0')
    @decorators.attr(type='slow')
    @needs.needs(needs.two_hosts, needs.feature('resize'),
                 needs.stopped_compute)
    @utils.services('compute')
    def test_resized_server_deleted_with_destination_stopped(self):
        """Both hosts get back what a server in VERIFY_RESIZE held.

        The destination, which has the server, is dead; the source, whose part
        the migration holds, is alive (nova.compute.api._local_delete).
        """
        with self.footprint_unchanged(hosts=moving.HOSTS):
            server, move = self.resize_server(self.create_server())
            with self.compute_stopped(move.destination):
                self.delete_server_locally(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)
