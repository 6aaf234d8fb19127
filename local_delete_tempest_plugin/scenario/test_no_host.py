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
"""A server is deleted that never was on a host.

There is only a record of it in cell0. test_without_scheduler and
test_without_fence tell of a build that nobody carries out.
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario.steps import unfinished_builds

CONF = config.CONF


class NoHostTest(unfinished_builds.UnfinishedBuilds):

    @decorators.idempotent_id('227c9434-0b51-4b8c-9f71-80d1f700a6dc')
    @decorators.attr(type='slow')
    @utils.services('compute')
    def test_never_scheduled_server_deleted(self):
        """A server in ERROR for which no host was found can be deleted.

        Its record is in cell0 (ComputeTaskManager._bury_in_cell0).
        """
        with self.footprint_unchanged():
            server = self.create_server_without_host()
            self.delete_server_locally(server)
            self.assert_unlisted(server)
            self.assert_nothing_left(CONF.local_delete.local_cleanup_timeout)
