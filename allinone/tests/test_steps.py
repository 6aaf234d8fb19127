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

"""Steps run in their order, side by side, and fail with a name."""

import graphlib
import subprocess
import threading

import testtools

from allinone import errors
from allinone import steps


class StepsTest(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.begun = []
        self.done = []

    def step(self, name, *after, action=lambda: None):
        return steps.Step(name, action, after)

    def report(self, name, seconds):
        (self.begun if seconds is None else self.done).append(name)

    def test_each_step_waits_for_what_it_needs(self):
        steps.run([self.step('c', 'b'), self.step('b', 'a'), self.step('a')],
                  self.report)
        self.assertEqual(['a', 'b', 'c'], self.begun)
        self.assertEqual(['a', 'b', 'c'], self.done)

    def test_independent_steps_run_side_by_side(self):
        both = threading.Barrier(2, timeout=10)
        steps.run([self.step('a', action=both.wait),
                   self.step('b', action=both.wait)], self.report)
        self.assertEqual({'a', 'b'}, set(self.done))

    def test_failure_names_the_step_and_begins_no_other(self):
        def fail():
            raise errors.StepFailed('no luck')
        error = self.assertRaises(errors.StepFailed, steps.run, [
            self.step('a', action=fail), self.step('b', 'a')], self.report)
        self.assertEqual('a: no luck', str(error))
        self.assertEqual([], self.done)

    def test_failure_ends_the_wait_of_the_others(self):
        aborted = threading.Event()
        seen = []

        def fail():
            raise errors.StepFailed('no luck')

        def wait():
            seen.append(aborted.wait(3))
        self.assertRaises(errors.StepFailed, steps.run, [
            self.step('a', action=fail), self.step('b', action=wait)],
            self.report, aborted.set)
        self.assertEqual([True], seen)

    def test_failed_command_is_quoted_by_its_last_line(self):
        def fail():
            subprocess.run(
                ['sh', '-c', 'echo first >&2; echo last >&2; exit 3'],
                check=True, capture_output=True, text=True)
        error = self.assertRaises(errors.StepFailed, steps.run,
                                  [self.step('a', action=fail)], self.report)
        self.assertEqual('a: sh ended with 3: last', str(error))

    def test_cycle(self):
        self.assertRaises(
            graphlib.CycleError, steps.run,
            [self.step('a', 'b'), self.step('b', 'a')], self.report)
