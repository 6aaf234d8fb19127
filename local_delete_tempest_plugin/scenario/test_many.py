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

"""Many servers of one dead host are deleted at once."""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import concurrent_deletes

CONF = config.CONF


class ManyTest(concurrent_deletes.ConcurrentDeletes):

    @decorators.idempotent_id('f90a766e-f6d4-42c8-9eda-aeae9648e7ab')
    @decorators.attr(type='slow')
    @each_outage.each_outage('70a857c8-ce82-4b3e-a63d-bfb669af282a')
    @needs.needs(needs.candidates)
    @utils.services('compute')
    def test_many_servers_deleted_at_once(self, outage):
        """Many deletes on one host are all accepted, and leave nothing.

        Each writes to the same provider (nova.compute.api.API._local_delete,
        SchedulerReportClient.delete_allocation_for_instance).
        """
        for _ in self.attempts_while_late():
            with self.footprint_unchanged():
                servers = self.create_servers(CONF.local_delete.many_servers)
                with outage():
                    self.delete_many_locally(servers)
                    self.assert_nothing_left(
                        CONF.local_delete.local_cleanup_timeout)
