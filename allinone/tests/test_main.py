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

"""The command line: what it takes, and how it refuses."""

import contextlib
import io
import os
import subprocess
import sys
from unittest import mock

import fixtures

from allinone import __main__ as main
from allinone import cache
from allinone import deployment
from allinone import errors
from allinone.tests import base


class WithoutEnvironmentTest(base.TestCase):

    def test_one_line_names_the_command_that_helps(self):
        """-S leaves the packages of the environment out."""
        for package in 'allinone', 'proof':
            done = subprocess.run(
                [sys.executable, '-S', '-m', package, '--help'],
                cwd=cache.HERE.parent, capture_output=True, text=True)
            self.assertEqual(1, done.returncode)
            self.assertRegex(
                done.stderr, r'^\S+ has no fasteners\. Run tools/setup\.sh, '
                r'and then "\. \.venv/bin/activate"\.\n$')


class MainTest(base.TestCase):

    def run_main(self, *arguments):
        return self.run_command(main.main, *arguments)

    @mock.patch('allinone.lifecycle.up', autospec=True)
    def test_options_before_and_after_the_verb(self, up):
        self.run_main('--state', self.state, 'up', '--port-base', '30000')
        up.assert_called_with(self.state, port_base=30000)
        self.run_main('up', '--state', self.state, '--tls', '--no-reclaim')
        up.assert_called_with(self.state, tls=True, reclaim=False)
        self.run_main('up', '--state', self.state, '--no-tls', '--qemu')
        up.assert_called_with(self.state, tls=False, qemu=True)
        self.run_main('up', '--state', self.state, '--computes', '5')
        up.assert_called_with(self.state, computes=5)
        self.run_main('up', '--state', self.state, '--release', '2025.2')
        up.assert_called_with(self.state, release='2025.2')

    @mock.patch('allinone.lifecycle.upgrade', autospec=True,
                return_value=None)
    def test_upgrade_gets_release_and_hosts(self, upgrade):
        deployment.save(self.cloud)
        code, _ = self.run_main('--state', self.state, 'upgrade', '--to',
                                '2026.2', '--keep-computes', 'compute1',
                                'compute2')
        self.assertEqual(0, code)
        upgrade.assert_called_with(self.cloud, '2026.2',
                                   ['compute1', 'compute2'])
        self.run_main('upgrade', '--to', '2026.2', '--state', self.state)
        upgrade.assert_called_with(self.cloud, '2026.2', [])

    def test_upgrade_needs_a_cloud_that_is_up(self):
        deployment.save(self.cloud)
        code, text = self.run_main('--state', self.state, 'upgrade', '--to',
                                   '2026.2')
        self.assertEqual(2, code)
        self.assertEqual(f'The all-in-one in {self.state} is not up: run '
                         f'"up" first\n', text)

    @mock.patch('allinone.workspace.run', autospec=True, return_value=3)
    def test_tempest_gets_its_arguments_and_gives_its_exit_code(self, run):
        deployment.save(self.cloud)
        code, _ = self.run_main('--state', self.state, 'tempest', '--regex',
                                '^x', '--serial', '--list')
        run.assert_called_with(self.cloud,
                               ['--regex', '^x', '--serial', '--list'])
        self.assertEqual(3, code)

    @mock.patch('allinone.lifecycle.up', autospec=True)
    def test_what_it_starts_keeps_its_bytecode(self, up):
        self.useFixture(fixtures.EnvironmentVariable(
            'PYTHONDONTWRITEBYTECODE', '1'))
        inherited = []
        up.side_effect = lambda *_, **__: inherited.extend(os.environ)
        self.run_main('--state', self.state, 'up')
        self.assertIn('PATH', inherited)
        self.assertNotIn('PYTHONDONTWRITEBYTECODE', inherited)

    def test_bad_input_is_one_line(self):
        code, text = self.run_main('--state', self.state, 'status')
        self.assertEqual(2, code)
        self.assertEqual(f'No all-in-one in {self.state}: run "up" first\n',
                         text)

    def test_what_needs_no_cloud(self):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code, _ = self.run_main('--version')
            self.assertEqual(0, code)
            for verb in ('up', 'status', 'tempest'):
                with mock.patch('subprocess.run', autospec=True) as run:
                    run.return_value.returncode = 0
                    code, text = self.run_main('--state', self.state, verb,
                                               '--help')
                self.assertEqual(0, code, text)
                self.assertEqual(verb == 'tempest', run.called)
        self.assertRegex(said.getvalue(), r'^local-delete-tempest-plugin .*, '
                         r'OpenStack \d{4}\.\d')

    def test_what_has_moved_says_where(self):
        for verb in ('mutate', 'trial'):
            code, text = self.run_main('--state', self.state, verb, '--all',
                                       'pairs', '-h')
            self.assertEqual(2, code)
            self.assertEqual(
                f'"python -m allinone {verb}" has moved: run "python -m proof '
                f'{verb}"\n', text)

    def test_kill_needs_a_cloud(self):
        deployment.save(self.cloud)
        code, text = self.run_main('--state', self.state, 'kill', 'nova-api')
        self.assertEqual(2, code)
        self.assertEqual(f'The all-in-one in {self.state} is not up: run '
                         f'"up" first\n', text)

    def test_unknown_argument(self):
        code, text = self.run_main('up', '--fast')
        self.assertEqual(2, code)
        self.assertIn('unrecognized arguments: --fast', text)

    def test_number_of_computes_that_is_no_number(self):
        code, text = self.run_main('--state', self.state, 'up', '--computes',
                                   'many')
        self.assertEqual(2, code)
        self.assertIn("argument --computes: invalid int value: 'many'", text)

    def test_release_that_is_not_there(self):
        state = self.state / 'new'
        with mock.patch('allinone.lifecycle._boot', autospec=True):
            code, text = self.run_main('--state', state, 'up', '--release',
                                       '2024.1')
        self.assertEqual(2, code)
        self.assertEqual('There is no release 2024.1: give --release 2025.1, '
                         '2025.2, 2026.1 or 2026.2\n', text)
        self.assertFalse(state.exists())

    def test_debug_raises(self):
        self.assertRaises(errors.BadInput, self.run_main, '--debug',
                          '--state', self.state, 'status')

    def test_a_directory_of_somebody_else_is_refused(self):
        (self.state / 'thesis.tex').touch()
        code, text = self.run_main('--state', self.state, 'up')
        self.assertEqual(2, code)
        self.assertIn('give another --state', text)
        self.assertTrue((self.state / 'thesis.tex').exists())
