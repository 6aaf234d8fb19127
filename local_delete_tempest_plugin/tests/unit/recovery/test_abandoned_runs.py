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

import fcntl
import json
import os
import time

import fixtures
import testtools

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.tests.unit.recovery import journal_case

RUN = journal_case.RUN
OURS = journal_case.OURS
TRAIT = journal_case.TRAIT


class AbandonedRunsTest(journal_case.JournalTest):

    def test_a_run_that_lives_is_not_abandoned(self):
        kept = journal.Journal(RUN)
        kept.intend(TRAIT)
        self.assertEqual([], self.abandoned())
        kept._file.close()
        self.assertEqual([(RUN, [TRAIT])], self.abandoned())

    def leave_stage(self, until):
        self.write(self.head(), {'intent': 1, 'kind': 'trait', 'what': {
            'trait': OURS.trait}}, {'intent': 2, 'kind': 'stage', 'what': {
                'run_id': RUN, 'until': until}})

    def test_a_stage_is_not_abandoned_until_its_time_is_over(self):
        self.leave_stage(until=int(time.time()) + 3600)
        self.assertEqual([], self.abandoned())
        self.leave_stage(until=int(time.time()) - 1)
        self.assertEqual(
            [(RUN, ['trait', 'stage'])],
            [(run_id, [change.kind for change in changes])
             for run_id, changes in self.abandoned()])

    def test_a_stage_is_told_and_hides_no_other_run(self):
        self.leave_stage(until=1796368200)
        with fixtures.MockPatch('time.time', lambda: 1796368199):
            found = abandoned_runs.find(self.cloud())
            self.addCleanup(found.close)
            self.assertEqual([abandoned_runs.PassedOver(
                RUN, self.path, 'it is a stage, meant to stay until '
                '2026-12-04 07:10 UTC. To undo it now: tempest local-delete '
                'recover --run %s' % RUN, is_alive=True)], found.passed_over)
            told = abandoned_runs.find(self.cloud(), RUN)
            self.addCleanup(told.close)
            self.assertEqual([RUN], [left.run_id for left in told.abandoned])

    def test_recovered_is_removed(self):
        self.write(self.head())
        left, = abandoned_runs.find_abandoned(self.cloud())
        left.close(recovered=True)
        self.assertEqual([], self.abandoned())
        self.assertFalse(self.path.exists())

    def test_another_cloud_is_passed_over(self):
        self.write(self.head(cloud={'uri': 'https://other.test/v3',
                                    'region': 'RegionOne', 'ids': []}))
        self.assertEqual([], self.abandoned())
        self.assertTrue(self.path.exists())

    def test_what_is_undone_stays_so(self):
        """A change that was undone may be somebody else's the next time."""
        self.write(self.head(), *(
            {'intent': number, 'kind': 'trait', 'what': {'trait': OURS.trait}}
            for number in (1, 2)), '{"intent": 3, "ki')
        left, = abandoned_runs.find_abandoned(self.cloud())
        left.complete(left.intents[1])
        left.close(recovered=False)
        self.assertEqual([(RUN, [TRAIT])], self.abandoned())

    def test_dismissed(self):
        self.write(self.head(), {'intent': 1, 'kind': 'trait',
                                 'what': {'trait': OURS.trait}}, 'nonsense\n')
        text = self.path.read_text()
        path, intents = abandoned_runs.dismiss(RUN, dry_run=True)
        self.assertEqual((self.path, TRAIT), (path, intents[0].change))
        for name in ('.dismissed', '.dismissed.2'):
            self.write(text)
            path, _ = abandoned_runs.dismiss(RUN)
            self.assertEqual(self.path.with_suffix(name), path)
            self.assertEqual(text, path.read_text())
            self.assertEqual([], self.abandoned())

    def test_dismissed_though_nobody_can_read_it(self):
        self.folder.mkdir(mode=0o700)
        for make in (os.mkfifo, os.mkdir):
            make(self.path)
            abandoned_runs.dismiss(RUN)
        self.write('nonsense\n')
        abandoned_runs.dismiss(RUN)
        self.assertEqual([], self.abandoned())

    def test_a_run_that_lives_is_not_dismissed(self):
        kept = journal.Journal(RUN)
        kept.intend(TRAIT)
        for run_id, problem in ((RUN, 'is held by a run that lives'),
                                ('BA9876543210', 'is not there')):
            refused = self.assertRaises(
                exceptions.JournalUnusable, abandoned_runs.dismiss, run_id)
            self.assertIn(problem, str(refused))
        self.assertTrue(journal.is_alive(RUN))

    def test_bad_ones_do_not_hide_good_ones(self):
        self.write('nonsense\n')
        good = self.path.with_name('BA9876543210.journal')
        good.touch(mode=0o600)
        good.write_text(json.dumps(self.head(run='BA9876543210')) + '\n')
        found = abandoned_runs.find(self.cloud())
        self.addCleanup(found.close)
        error, = found.unusable
        self.assertIn('journal %s is corrupt in line 1' % self.path,
                      str(error))
        self.assertEqual(['BA9876543210'],
                         [left.run_id for left in found.abandoned])

    def test_a_run_that_lives_is_not_undone(self):
        abandoned_runs.refuse_if_alive(RUN)
        alive = journal.Journal(RUN)
        alive.intend(TRAIT)
        with testtools.ExpectedException(
                exceptions.JournalUnusable, '.*held by a run that lives.*'):
            abandoned_runs.refuse_if_alive(RUN)

    def test_a_look_whether_it_lives_does_not_hide_it(self):
        """Whoever only looks holds the journal for a moment."""
        self.write(self.head())
        looking = open(self.path)
        fcntl.flock(looking, fcntl.LOCK_SH)
        self.useFixture(fixtures.MockPatch(
            'tenacity.nap.time.sleep', lambda seconds: looking.close()))
        self.assertEqual([(RUN, [])], self.abandoned())
