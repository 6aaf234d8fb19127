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

import testtools

from local_delete_tempest_plugin.cmd import recover
from local_delete_tempest_plugin.tests.unit import fake_edge
from local_delete_tempest_plugin.tests.unit import sandbox

ACCOUNTS = """
- username: admin
  password: %s
  project_name: admin
  domain_name: Default
  roles: [admin]
""" % fake_edge.PASSWORD


class FindAdminTest(testtools.TestCase):

    def test_accounts_are_given_back(self):
        """The only admin of an accounts file is there for each command."""
        box = self.useFixture(sandbox.Sandbox())
        accounts = box.folder / 'accounts.yaml'
        accounts.write_text(ACCOUNTS)
        box.set('auth', use_dynamic_credentials=False,
                test_accounts_file=accounts)
        for _ in range(2):
            outcome = box.run(lambda: sandbox.run_command(
                recover.Recover, 'local-delete recover'))
            self.assertEqual((0, []), (outcome.code, outcome.changes),
                             outcome.lines)
