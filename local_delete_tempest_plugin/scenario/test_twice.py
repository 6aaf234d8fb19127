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

"""Deletes that race with another, or with the host's outage."""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import concurrent_deletes

CONF = config.CONF

_TWICE = 2
# So many servers that some meet the flag set, and some lifted.
_SERVERS = 8


class TwiceTest(concurrent_deletes.ConcurrentDeletes):

    @decorators.idempotent_id('be7f5fdb-7334-4652-a881-25c4fb48d673')
    @decorators.attr(type='slow')
    @each_outage.each_outage('826cd500-64f0-4a40-a6bc-2b14d3fd5d15')
    @utils.services('compute')
    def test_server_deleted_twice_at_once(self, outage):
        """Two deletes at the same moment leave no more than one does.

        One delete is accepted. The answer to the other is up to chance, and
        not judged: 204, 404, or 500 (ObjectActionError: "host changed", of
        Instance.destroy).
        """
        with self.footprint_unchanged():
            server = self.create_server()
            with outage():
                answers = self.delete_at_once([server] * _TWICE)
                self.assert_accepted(answers, at_least=1)
                self.servers.await_gone(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('0069c9bd-4a67-484f-9d8b-2dea81469ae7')
    @decorators.attr(type='slow')
    @needs.needs(needs.candidates)
    @utils.services('compute')
    def test_servers_deleted_while_flag_flips(self):
        """A compute that is forced down and up again loses no delete.

        Either the API deletes a server alone, or its compute does
        (nova.compute.api.API._delete).
        """
        with self.footprint_unchanged():
            servers = self.create_servers(_SERVERS)
            with self.forced_down() as outage:
                with self.flipping(outage) as flips:
                    self.delete_between_flips(servers, flips)
                self.await_all_deleted(servers)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)
