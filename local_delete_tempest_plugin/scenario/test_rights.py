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

"""What only an admin may do, nobody else may."""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import personas

CONF = config.CONF


class RightsTest(personas.Personas):

    @decorators.idempotent_id('0400fc75-1bb3-4fbe-96d0-b03f52b7b72e')
    @decorators.attr(type='slow')
    @utils.services('compute')
    def test_member_cannot_take_compute_down(self):
        """Neither a member nor a reader forces a compute down or disables it.

        Otherwise they could make any server's delete a local delete
        (nova.policies.services).
        """
        with self.footprint_unchanged():
            self.assert_service_refused(self.project_member)
            self.assert_service_refused(self.project_reader)

    @decorators.idempotent_id('7b19a0d8-4de9-4a33-85be-3dc7ebca6e9e')
    @decorators.attr(type='slow')
    @needs.needs(needs.candidates)
    @utils.services('compute')
    def test_member_cannot_use_placement(self):
        """Neither a member nor a reader sees or changes what others hold.

        Each of them sees the usages of the own project (placement.policies).
        """
        with self.footprint_unchanged():
            for persona in (self.project_member, self.project_reader):
                self.assert_placement_refused(persona)
                self.assert_own_usages_shown(persona)

    @decorators.idempotent_id('0e4b89a1-5a19-4ac9-bbe0-bbb3aeeca4b4')
    @decorators.attr(type='slow')
    @utils.services('compute')
    def test_server_kept_from_other_project_and_reader(self):
        """Only a member of its project deletes a server locally.

        To another project the server is not there. A reader changes nothing
        (nova.policies.servers, nova.policies.deferred_delete).
        """
        with self.footprint_unchanged():
            server = self.create_server()
            with self.forced_down():
                self.assert_delete_forbidden(self.other_member, server)
                self.assert_delete_forbidden(self.project_reader, server)
                self.delete_server_locally(server)

    @decorators.idempotent_id('99e65d3e-c0bd-4094-8466-5b409885fb26')
    @decorators.attr(type='slow')
    @utils.services('compute')
    def test_unknown_caller_refused(self):
        """A caller without a valid token gets 401 and nothing else.

        (keystonemiddleware.auth_token)
        """
        self.assert_unknown_refused({})
        self.assert_unknown_refused({'X-Auth-Token': 'invalid'})
