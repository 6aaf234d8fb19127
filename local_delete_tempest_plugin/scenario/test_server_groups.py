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
"""What becomes of a server group of which a member is deleted locally."""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario.steps import user_resources

CONF = config.CONF


class ServerGroupsTest(user_resources.UserResources):

    @decorators.idempotent_id('d0218d36-2b70-41bc-8b44-78b56aac3942')
    @decorators.attr(type='slow')
    @each_outage.each_outage('df4ef5e1-2b78-4b22-91d9-779f96851ba7')
    @utils.services('compute')
    def test_server_group_left(self, outage):
        """A deleted server is no member of its server group any more.

        So the server counts neither for the group's policy nor for its quota.
        Its rows stay until they are archived, and the API does not show them
        (nova.api.openstack.compute.server_groups).
        """
        group = self.bring_server_group('soft-anti-affinity')
        with self.footprint_unchanged() as watch:
            server = self.create_server(scheduler_hints={'group': group[1]})
            self.assertEqual([server.id],
                             watch.during.resources[group]['members'],
                             '%s: the members of its group' % server)
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(
                    CONF.local_delete.local_cleanup_timeout)
