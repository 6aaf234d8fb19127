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

import contextlib
import datetime
import json
import pathlib
import types
import unittest

import fixtures

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import stages
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario.steps import setup
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit.recovery import journal_case
from local_delete_tempest_plugin.tests.unit.upgrade import stage_case
from local_delete_tempest_plugin.upgrade import stage

UNTIL = datetime.datetime(2099, 1, 1, tzinfo=datetime.timezone.utc)


class StageTest(journal_case.JournalTest):
    """When a run is a stage, whatever its servers are."""

    def setUp(self):
        super().setUp()
        self.file = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path) / 'stage.json'
        self.run = run.Run(journal_case.RUN)
        self.written = journal.Journal(self.run.id)
        for name, value in ('THIS_RUN', self.run), ('JOURNAL', self.written):
            self.useFixture(fixtures.MockPatchObject(setup, name, value))
        self.undone = []

    def make(self, end):
        """Make a stage of which only the end is real.

        :param end: Gives what was made, or raises why nothing was.
        """
        test = self

        class Maker:
            def __init__(self, undo, progress):
                self._undo = undo

            def make(self, until, host_out):
                intent = test.written.intend(journal_case.TRAIT)
                self._undo.callback(test.undone.append, 'trait')
                self._undo.callback(test.written.complete, intent)
                return end()

        with fixtures.MockPatchObject(stage, 'StageMaker', Maker):
            return stage.make(self.file, UNTIL, False, lambda words: None)

    def test_the_file_is_there_before_the_run_is_a_stage(self):
        """Otherwise a stage could stay that nobody can verify."""
        seen = []
        intend = self.written.intend

        def note(change):
            if isinstance(change, stages.StageChange):
                seen.append(json.loads(self.file.read_text())['run'])
            return intend(change)

        self.written.intend = note
        self.make(stage_case.stage)
        self.assertEqual([self.run.id], seen)
        self.assertEqual(UNTIL, self.run.until)

    def test_it_outlives_its_process(self):
        self.make(stage_case.stage)
        self.assertEqual([], self.undone)
        self.assertEqual([], self.written.left())
        self.assertEqual([], self.abandoned())
        found = abandoned_runs.find(self.cloud(), self.run.id)
        self.addCleanup(found.close)
        self.assertEqual(
            ['trait', 'stage'],
            [intent.change.kind for intent in found.abandoned[0].intents])

    def test_nothing_is_left_of_one_that_failed(self):
        def skip():
            raise unittest.SkipTest('no host to take down')

        def interrupt():
            raise KeyboardInterrupt

        for end, failure in ((skip, exceptions.StageUnusable),
                             (interrupt, KeyboardInterrupt)):
            failed = self.assertRaises(failure, self.make, end)
            self.assertEqual(['trait'], self.undone)
            self.assertFalse(self.file.exists())
            self.assertFalse(self.path.exists())
            self.undone.clear()
            if end is skip:
                self.assertEqual('no host to take down', str(failed))

    def test_a_file_that_is_there_stays_as_it_is(self):
        self.file.write_text('mine')
        self.assertRaises(FileExistsError, self.make, stage_case.stage)
        self.assertEqual('mine', self.file.read_text())

    def test_other_runs_may_have_the_account_of_a_file(self):
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.config('oslo_concurrency', lock_path=str(folder))
        account = folder / 'test_accounts' / 'hash'
        account.parent.mkdir()
        for user_id, stays in ('the user', True), (None, False):
            account.write_text('X-%s' % self.run.name)
            with contextlib.suppress(FileNotFoundError):
                self.file.unlink()
            self.make(lambda user_id=user_id: stage_case.stage(
                user_id=user_id))
            self.assertEqual(stays, account.exists())


class KindsTest(base.TestCase):

    def allow_all(self):
        self.config('service_available', neutron=True, cinder=True)
        self.config('volume', max_microversion='latest')
        self.config('compute-feature-enabled', resize=True)
        self.config(target_hosts=['cmp1', 'cmp2'],
                    compute_stop_command='true {host}',
                    compute_start_command='true {host}')

    def kinds(self, networks=('one',)):
        maker = stage.StageMaker(contextlib.ExitStack(), None)
        maker.testbed = types.SimpleNamespace(networks=networks)
        return maker._kinds(), maker._outages(), [*maker.left_out.values()]

    def test_all(self):
        self.allow_all()
        self.assertEqual((['plain', 'port', 'volume', 'resize'],
                          ['forced-down', 'stopped'], []), self.kinds())

    def test_what_is_left_out_says_why(self):
        for group, options, kind, why in (
                ('service_available', {'cinder': False}, 'volume',
                 '[service_available] cinder is False'),
                ('compute-feature-enabled', {'resize': False}, 'resize',
                 '[compute-feature-enabled] resize is False'),
                ('local_delete', {'target_hosts': ['cmp1']}, 'resize',
                 '[local_delete] target_hosts names 1 host, and a move needs '
                 'two'),
                ('local_delete', {'compute_start_command': None}, 'stopped',
                 '[local_delete] compute_start_command: not set')):
            self.allow_all()
            self.config(group, **options)
            kinds, outages, left_out = self.kinds()
            self.assertNotIn(kind, kinds + outages)
            self.assertIn(why, left_out)
        kinds, _, left_out = self.kinds(setup.NO_NETWORK)
        self.assertNotIn('port', kinds)
        self.assertIn('the project has no network of its own, or several',
                      left_out)
