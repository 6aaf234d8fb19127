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

"""What belongs to a deployment is found and ended, and nothing else is."""

import os
import subprocess
import sys

import psutil

from allinone import commands
from allinone import processes
from allinone import readiness
from allinone.tests import base

# Starts a process in a session of its own, prints its pid, and is gone.
_ORPHAN = """
import subprocess, sys
child = subprocess.Popen(["sleep", "60"], start_new_session=True,
                         stdout=subprocess.DEVNULL)
print(child.pid)
"""


# Runs a command that takes a second once the test lets it go on.
_CALLER = """
import pathlib, sys
from allinone import commands, deployment
state = pathlib.Path(sys.argv[1])
commands.run(deployment.new(state, 1), "sh", "-c",
             f": > {state}/begun; read _ < {state}/go; sleep 1; "
             f": > {state}/ended",
             to_its_end=True)
"""


class ProcessesTest(base.TestCase):

    def start(self, state):
        child = subprocess.Popen(
            ['sleep', '60'], env={**os.environ, **processes.marked(state)})
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def pids(self):
        return {process.pid for process in processes.belonging_to(self.state)}

    @base.slow
    def test_orphan_is_found_and_ended(self):
        orphan = int(subprocess.run(
            [sys.executable, '-c', _ORPHAN], check=True, text=True,
            stdout=subprocess.PIPE,
            env={**os.environ, **processes.marked(self.state)}).stdout)
        self.assertEqual({orphan}, self.pids())
        self.assertEqual(1, processes.end(self.state))
        self.assertEqual(set(), self.pids())

    @base.slow
    def test_a_command_runs_to_its_end_though_its_caller_is_killed(self):
        ended = self.state / 'ended'
        os.mkfifo(self.state / 'go')
        caller = subprocess.Popen([sys.executable, '-c', _CALLER, self.state])
        self.addCleanup(caller.wait)
        self.addCleanup(processes.end, self.state)
        readiness.wait('the command', (self.state / 'begun').exists, 60)
        # Ctrl-C comes to the whole session.
        self.assertNotEqual(os.getsid(0), {
            os.getsid(one.pid) for one
            in processes.belonging_to(self.state)}.pop())
        caller.kill()
        self.assertFalse(ended.exists())
        (self.state / 'go').write_text('\n')
        commands.await_left(self.cloud)
        self.assertTrue(ended.exists())

    def test_another_deployment_is_left_alone(self):
        ours = self.start(self.state)
        theirs = self.start(f'{self.state}2')
        self.assertEqual(1, processes.end(self.state))
        self.assertFalse(psutil.pid_exists(ours.pid))
        self.assertIsNone(theirs.poll())
