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


"""Runs of the scenarios, and that none outlives its trial."""

import signal
import subprocess
from unittest import mock

import fixtures
import psutil

from allinone.tests import base
from proof.trials import runs


class LivingRunsTest(base.TestCase):
    """Runs that do not end by themselves."""

    def tempest(self, script):
        """Make a shell script pass for Tempest."""
        path = self.state / 'tempest'
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(0o700)
        self.useFixture(fixtures.MockPatch(
            'allinone.supervision.tool', return_value=path))
        return runs.Workspace(self.state)

    def assert_gone(self, process):
        _, alive = psutil.wait_procs(runs.group(process), timeout=10)
        self.assertEqual([], alive)

    @base.slow
    def test_no_process_outlives_an_exception(self):
        workspace = self.tempest('sleep 600 | sleep 600')

        def fail():
            with workspace.running('x', self.state / 'log') as process:
                found.append(process)
                self.assertNotEqual([], runs.group(process))
                raise KeyboardInterrupt

        found = []
        self.assertRaises(KeyboardInterrupt, fail)
        self.assert_gone(*found)

    @base.slow
    def test_what_heeds_no_signal_is_killed(self):
        process = subprocess.Popen(
            ['/bin/sh', '-c', 'trap "" TERM; echo ready; sleep 600'],
            stdout=subprocess.PIPE, start_new_session=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(runs.kill, process)
        process.stdout.readline()
        with runs._not_outlived(process, grace=0.01):
            pass
        self.assert_gone(process)
        self.assertEqual(-signal.SIGKILL, process.returncode)

    @base.slow
    def test_a_command_that_is_interrupted(self):
        workspace = self.tempest('sleep 600')
        process = workspace.start('x', self.state / 'log')
        self.addCleanup(runs.kill, process)
        self.useFixture(fixtures.MockPatchObject(
            workspace, '_start', return_value=process))
        with mock.patch.object(process, 'wait', autospec=True,
                               side_effect=[KeyboardInterrupt, None]):
            self.assertRaises(KeyboardInterrupt, workspace.command,
                              'recover', log=self.state / 'log')
        self.assert_gone(process)

    def test_what_hangs_is_killed_and_undone(self):
        # The arguments of a run begin with "run", those of recover do not.
        workspace = self.tempest(
            '[ "$1" = run ] && exec sleep 600; echo "$@"; exit 1')
        log = self.state / 'log'
        with workspace.running('x', log) as process:
            self.assertEqual(
                [f'hangs: {log}', f'recover failed: {log}'],
                workspace.wait(process, log, 0.01))
            self.assert_gone(process)
        self.assertIn('local-delete recover', log.read_text())

    @base.slow
    def test_what_outlives_its_leader_is_awaited(self):
        last = self.state / 'last'
        workspace = self.tempest(f'(sleep 0.2; touch {last}) & exit 0')
        with workspace.running('x', self.state / 'log') as process:
            self.assertTrue(runs.wait(process, 60))
            self.assertTrue(last.exists())
