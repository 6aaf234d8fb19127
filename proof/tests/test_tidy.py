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

"""Cleaning up after a mutant, with the plugin's recover."""

from unittest import mock

from allinone import files
from allinone.tests import base
from proof.mutation import tidy
from proof.trials import runs

ONE, TWO, THREE = '0123456789AB', 'AA9876543210', 'BBABABABABAB'


class RecoverTest(base.TestCase):

    def recover(self, shown):
        """Return the arguments of each recover.

        :param shown: {path: text of the answer}
        """
        workspace = runs.Workspace(self.state)
        files.write(workspace.journals / f'{ONE}.journal', '')
        admin = mock.Mock()
        for service, _ in tidy._SHOW_RUNS:
            getattr(admin, service).get.side_effect = lambda path: mock.Mock(
                text=shown.get(path, '{}'))
        with mock.patch.object(workspace, 'command', autospec=True) as command:
            tidy._recover(admin, workspace, None)
        return [call.args for call in command.call_args_list]

    def test_a_run_is_found_by_its_journal(self):
        self.assertEqual([('recover',)], self.recover({}))

    def test_other_runs_are_found_by_what_the_cloud_shows(self):
        self.assertEqual(
            [('recover',), ('recover', '--run', TWO),
             ('recover', '--run', THREE)], self.recover({
                 '/os-services': 'local-delete-tempest-plugin run '
                 f'{THREE}; to undo: tempest local-delete recover --run '
                 f'{THREE}',
                 '/projects': f'tempest-local-delete-{ONE.lower()}-1',
                 '/traits?name=startswith:CUSTOM_':
                     f'CUSTOM_LOCAL_DELETE_{TWO}, CUSTOM_OTHER_{ONE}'}))
