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
import dataclasses
import io
import json

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.tests.unit.recovery import journal_case

RUN = journal_case.RUN
CLOUD = journal_case.CLOUD
OURS = journal_case.OURS
TRAIT = journal_case.TRAIT
LEASE = journal_case.LEASE


class JournalTest(journal_case.JournalTest):

    def test_says_what_is_left(self):
        written = journal.Journal(RUN)
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr):
            written.say_what_is_left()
            flavor = written.intend(run_resources.Flavor(OURS.name))
            trait = written.intend(TRAIT)
            written.complete(flavor)
            written.say_what_is_left()
            written.complete(trait)
            written.say_what_is_left()
        self.assertEqual(
            '%s: run %s ends and leaves behind: trait. To undo it: tempest '
            'local-delete recover\n' % (self.path, RUN), stderr.getvalue())

    def test_a_stage_outlives_its_process(self):
        """Its journal stays, and nothing of it is left to this process."""
        written = journal.Journal(RUN)
        written.intend(TRAIT)
        written.intend(LEASE)
        written.let_go()
        self.assertEqual([], written.left())
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr):
            written.say_what_is_left()
        self.assertEqual('', stderr.getvalue())
        self.assertEqual([(RUN, [TRAIT, LEASE])], self.abandoned())

    def test_another_process_goes_on(self):
        written = journal.Journal(RUN)
        written.intend(TRAIT)
        written.let_go()
        with open(self.path, 'a') as file:
            file.write('{"intent": 2, "ki')
        held, = abandoned_runs.find_abandoned(self.cloud())
        resumed = journal.Journal.resume(RUN, held.file, held.intents)
        lease = resumed.intend(LEASE)
        self.assertEqual({RUN: [TRAIT, LEASE]}, journal.of_live_runs())
        for intent in resumed.left():
            resumed.complete(intent)
        self.assertEqual(2, lease.number)
        self.assertFalse(self.path.exists())

    def test_an_intent_is_on_disk_for_its_owner_alone(self):
        journal.Journal(RUN).intend(run_resources.Flavor('f'))
        self.assertEqual([self.head(), {
            'intent': 1, 'kind': 'flavor', 'what': {'name': 'f'}}],
            [json.loads(line) for line in self.path.read_text().splitlines()])
        self.assertEqual(0o600, self.path.stat().st_mode & 0o777)

    def test_a_later_line_takes_the_place_of_an_intent(self):
        kept = journal.Journal(RUN)
        trait = kept.intend(TRAIT)
        kept.intend(LEASE)
        changed = dataclasses.replace(LEASE, provider_id='C')
        trait = kept.update(trait, changed)
        self.assertEqual({RUN: [changed, LEASE]}, journal.of_live_runs())
        kept.complete(trait)
        self.assertEqual({RUN: [LEASE]}, journal.of_live_runs())
        self.assertEqual([LEASE], [left.change for left in kept.left()])

    def test_gone_when_all_is_undone(self):
        kept = journal.Journal(RUN)
        first, second = kept.intend(TRAIT), kept.intend(LEASE)
        kept.complete(first)
        self.assertTrue(self.path.exists())
        kept.complete(second)
        self.assertFalse(self.path.exists())
        kept.complete(second)
        kept.intend(TRAIT)
        self.assertTrue(self.path.exists())

    def test_changes_of_runs_that_live(self):
        kept = journal.Journal(RUN)
        trait = kept.intend(TRAIT)
        kept.intend(LEASE)
        kept.complete(trait)
        self.assertEqual({RUN: [LEASE]}, journal.of_live_runs())
        self.config(group='identity', uri_v3='https://another.test/v3')
        self.assertEqual({}, journal.of_live_runs())
        self.config(group='identity', uri_v3=CLOUD)
        kept._file.close()
        self.assertEqual({}, journal.of_live_runs())

    def test_a_password_in_the_address_is_left_out(self):
        for address in 'https://me:secret@keystone.test/v3', CLOUD:
            self.config(group='identity', uri_v3=address)
            cloud = self.cloud()
            self.assertNotIn('secret', cloud.uri)
            self.assertTrue(cloud.is_at(address))

    def test_alive_as_long_as_its_process_holds_it(self):
        self.assertFalse(journal.is_alive(RUN))
        kept = journal.Journal(RUN)
        kept.intend(TRAIT)
        self.assertTrue(journal.is_alive(RUN))
        kept._file.close()
        self.assertFalse(journal.is_alive(RUN))

    def test_nothing_is_intended_that_cannot_be_written(self):
        self.folder.touch()
        refused = self.assertRaises(
            exceptions.JournalUnusable, journal.Journal(RUN).intend, TRAIT)
        self.assertEqual('journal %s cannot be written (File exists), so '
                         'nothing is changed' % self.folder, str(refused))
