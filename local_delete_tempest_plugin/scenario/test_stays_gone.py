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

"""What a local delete removed stays gone.

A request that is repeated late, or a message that is read late, can bring
something back. The audit of the host's compute then hides it as soon as the
host is back.
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import user_resources

CONF = config.CONF


class StaysGoneTest(user_resources.UserResources):

    @decorators.idempotent_id('8e6f4c0a-3d52-4b7e-9a15-6c2f0d7b81e4')
    @decorators.attr(type='slow')
    @each_outage.each_outage('2b9d7f13-64c8-4e0a-b5f1-90a3c6e8d247')
    @needs.keeps_host_out('stays_gone_period')
    @utils.services('compute')
    def test_stays_gone(self, outage):
        """Nothing of a deleted server comes back while its host is out."""
        volumes = ([self.bring_volume()] if CONF.service_available.cinder
                   else [])
        with self.footprint_unchanged():
            server = self.create_server()
            for volume in volumes:
                self.attach_volume(server, volume)
            with outage():
                self.delete_server_locally(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)
                self.watch.assert_stays_gone(
                    CONF.local_delete.stays_gone_period)
