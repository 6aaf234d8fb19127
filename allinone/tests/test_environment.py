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


"""The services' environment: what a process does before its own code."""

import subprocess
import sys

from allinone import environment
from allinone import files
from allinone import processes
from allinone.tests import base


class HookTest(base.TestCase):

    def start(self, **variables):
        """Return what a Python process prints that reads our .pth file."""
        line = environment._RUN_HOOK
        # site.py takes a line alone, and one that begins so.
        self.assertTrue(line.startswith('import '))
        self.assertEqual(1, len(line.splitlines()))
        files.write(self.cloud.hooks / 'nova-api' /
                    'hook.py', 'print(__file__)')
        return subprocess.run(
            [sys.executable, '-c', line], check=True, text=True,
            capture_output=True, env=variables).stdout

    def test_a_process_runs_the_hook_of_its_name(self):
        self.assertEqual(
            f'{self.cloud.hooks}/nova-api/hook.py\n',
            self.start(SUPERVISOR_PROCESS_NAME='nova-api',
                       **processes.marked(self.state)))

    def test_any_other_process_runs_none(self):
        for variables in ({}, processes.marked(self.state), dict(
                processes.marked(self.state),
                SUPERVISOR_PROCESS_NAME='placement-api')):
            self.assertEqual('', self.start(**variables))


class DriverTest(base.TestCase):

    def test_the_computes_name_the_driver_that_is_installed(self):
        """Nova looks for it in its package nova.virt alone."""
        driver = files.render('nova/compute.conf', self.cloud, host='compute1')
        self.assertIn(f'\ncompute_driver = {environment._DRIVER.stem}.Copying'
                      f'Driver\n', driver)
        self.assertIn('class CopyingDriver(', environment._DRIVER.read_text())
