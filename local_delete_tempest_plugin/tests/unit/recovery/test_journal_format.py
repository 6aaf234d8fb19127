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

from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit.recovery import journal_case

RUN = journal_case.RUN
OURS = journal_case.OURS
TRAIT = journal_case.TRAIT
LEASE = journal_case.LEASE


class JournalFormatTest(journal_case.JournalTest):

    def test_a_complete_intent_is_not_to_undo(self):
        self.write(self.head(),
                   {'intent': 1, 'kind': 'trait',
                    'what': {'trait': OURS.trait}},
                   {'intent': 2, 'kind': 'lease',
                    'what': {'provider_id': 'B', 'trait': OURS.trait}},
                   {'complete': 1})
        self.assertEqual([(RUN, [LEASE])], self.abandoned())

    def test_cut_short_by_the_crash(self):
        """What was cut short is an intent whose change was never made."""
        self.write(self.head(), '{"intent": 1, "ki')
        self.assertEqual([(RUN, [])], self.abandoned())
        self.write('{"versi')
        self.assertEqual([(RUN, [])], self.abandoned())
        self.write('')
        self.assertEqual([(RUN, [])], self.abandoned())

    def test_a_file_of_somebody_else_is_not_one_cut_short(self):
        """It would be removed, because it says of nothing to undo."""
        self.path = self.path.with_name('database.journal')
        for text in '', 'SQLite format 3':
            self.write(text)
            self.assertEqual(
                'journal PATH is corrupt in line 1, so nothing tells of which '
                'cloud its run is. Move it to another directory',
                self.problem())
        self.assertTrue(self.path.exists())

    def test_unusable(self):
        for head in ({'version': 1}, self.head(cloud='x'),
                     self.head(version=2), self.head(version=0),
                     self.head(run='../x'), '[]\n'):
            self.write(head)
            self.assertEqual(
                'journal PATH is corrupt in line 1, so nothing tells of which '
                'cloud its run is. What the run has left in this cloud: '
                'tempest local-delete recover --run %s; then: tempest '
                'local-delete recover --dismiss %s' % (RUN, RUN),
                self.problem())
        self.write(self.head(version=5))
        self.assertEqual('journal PATH is of version 5, and this plugin reads '
                         'up to 4', self.problem())

    def test_unusable_and_its_name_tells_no_run(self):
        self.write('nonsense\n')
        self.path = self.path.rename(self.folder / 'x.journal')
        self.assertEqual(
            'journal PATH is corrupt in line 1, so nothing tells of which '
            'cloud its run is. Move it to another directory', self.problem())

    def test_a_damaged_line_costs_that_line(self):
        whole = {'intent': 1, 'kind': 'trait', 'what': {'trait': OURS.trait}}
        for damaged in ('nonsense\n', '\0\n', {'intent': 1, 'kind': 'trait'},
                        {'intent': 'one', 'kind': 'trait', 'what': {}}):
            self.write(self.head(), damaged, whole)
            (_, (unusable, trait)), = self.abandoned()
            self.assertEqual(kinds.Unusable(
                str(self.path), 'is corrupt in line 2'), unusable)
            self.assertEqual(TRAIT, trait)

    def test_a_run_changes_nothing_of_others(self):
        """Somebody has edited the journal, or put two of them together."""
        other = run.Run('A' * 12)
        service = {'id': 'i', 'host': 'cmp1', 'state': 'up',
                   'status': 'enabled', 'disabled_reason': None,
                   'forced_down': False, 'updated_at': None}
        target = {'host': 'cmp1', 'provider_id': 'p', 'provider_name': 'n'}
        for kind, what in (
                ('trait', {'trait': 'HW_CPU_X86_AVX'}),
                ('trait', {'trait': other.trait}),
                ('lease', {'provider_id': 'p', 'trait': 'CUSTOM_GOLD'}),
                ('flavor', {'name': 'm1.tiny'}),
                ('volume', {'name': other.name}),
                ('server', {'name': 'web-1'}),
                ('migration', {'migration': 'm', 'server': 'web-1'}),
                ('credentials', {'run_id': other.id}),
                ('compute', {'outage': 'forced-down', 'target': target,
                             'reason': 'Bob: disk', 'before': service})):
            self.write(self.head(), {
                'intent': 1, 'kind': kind, 'what': what})
            (_, (unusable,)), = self.abandoned()
            self.assertIsInstance(unusable, kinds.Unusable, str(unusable))
            self.assertIn('has an intent of kind %s that is not of run %s: '
                          % (kind, RUN), str(unusable))
