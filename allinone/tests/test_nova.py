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


"""Nova's own commands, and what their exit codes say."""

import subprocess

import fixtures

from allinone.services import nova
from allinone.tests import base


class ArchiveTest(base.TestCase):

    def end_with(self, code):
        """Let nova-manage fail with an exit code."""
        self.useFixture(fixtures.MockPatch(
            'allinone.commands.manage', autospec=True,
            side_effect=subprocess.CalledProcessError(code, ['nova-manage'])))

    def test_an_exit_code_of_1_says_that_rows_were_archived(self):
        self.end_with(1)
        self.assertIsNone(nova.archive(self.cloud))

    def test_another_is_a_failure(self):
        self.end_with(255)
        self.assertRaises(
            subprocess.CalledProcessError, nova.archive, self.cloud)
