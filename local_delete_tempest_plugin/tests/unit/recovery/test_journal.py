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
import errno
import io
import json
import logging
import os
import pathlib
import resource
import signal

import fixtures
import testtools

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.recovery import leases
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import base

RUN = '0123456789AB'
CLOUD = 'https://keystone.test/v3'
KEPT = 'BA9876543210'
OURS = run.Run(RUN)
TRAIT = leases.TraitChange(OURS.trait)
LEASE = leases.LeaseChange('B', OURS.trait)


class JournalTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path) / 'journals'
        self.config(journal_dir=str(self.folder))
        self.config(group='identity', uri_v3=CLOUD)
        self.path = self.folder / (RUN + '.journal')

    def write(self, *lines, mode=0o600):
        """Leave the journal of an abandoned run."""
        self.folder.mkdir(exist_ok=True)
        self.path.write_text(''.join(
            line if isinstance(line, str) else json.dumps(line) + '\n'
            for line in lines))
        self.path.chmod(mode)

    def head(self, **changes):
        return dict({'version': 3, 'run': RUN, 'cloud': {
            'uri': CLOUD, 'region': 'RegionOne', 'ids': []}}, **changes)

    def abandoned(self):
        """Read the journals of abandoned runs, and let go of them.

        :returns: [(run id, [change])].
        """
        found = []
        for left in journal.find_abandoned(self.cloud()):
            found.append((left.run_id, [intent.change
                                        for intent in left.intents]))
            left.close(recovered=False)
        return found

    def cloud(self):
        return identity.Cloud.of_conf()

    def problem(self):
        return str(self.assertRaises(
            exceptions.JournalUnusable, self.abandoned)).replace(
                str(self.path), 'PATH')

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

    def test_a_run_that_lives_is_not_abandoned(self):
        kept = journal.Journal(RUN)
        kept.intend(TRAIT)
        self.assertEqual([], self.abandoned())
        kept._file.close()
        self.assertEqual([(RUN, [TRAIT])], self.abandoned())

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

    def test_nobody_finds_a_journal_that_is_not_held_yet(self):
        """Otherwise another process of the run would take it for abandoned."""
        lock = journal.fcntl.flock
        seen = []

        def look_first(file, operation):
            seen.append(list(self.folder.glob('*.journal')))
            lock(file, operation)

        with fixtures.MockPatch('fcntl.flock', look_first):
            journal.Journal(RUN).intend(TRAIT)
        self.assertEqual([[]], seen)
        self.assertEqual([self.path], list(self.folder.iterdir()))

    def test_removed_by_its_run_after_it_was_opened(self):
        """The run may have a journal of the same name again by then."""
        kept = journal.Journal(RUN)
        intent = kept.intend(TRAIT)
        lock = journal.fcntl.flock

        def complete_first(file, operation):
            kept.complete(intent)
            lock(file, operation)

        with fixtures.MockPatch('fcntl.flock', complete_first):
            self.assertEqual([], self.abandoned())

    def test_alive_with_the_next_journal(self):
        """What was opened is gone, and a journal of the same name is held."""
        kept = journal.Journal(RUN)
        first = kept.intend(TRAIT)
        lock = journal.fcntl.flock
        replaced = []

        def replace_first(file, operation):
            if not replaced:
                replaced.append(file)
                kept.complete(first)
                kept.intend(LEASE)
            lock(file, operation)

        for look in (lambda: journal.is_alive(RUN),
                     lambda: journal.of_live_runs() == {RUN: [LEASE]},
                     lambda: self.abandoned() == []):
            replaced.clear()
            with fixtures.MockPatch('fcntl.flock', replace_first):
                self.assertTrue(look())
            first = kept.left()[0]

    def test_alive_as_long_as_its_process_holds_it(self):
        self.assertFalse(journal.is_alive(RUN))
        kept = journal.Journal(RUN)
        kept.intend(TRAIT)
        self.assertTrue(journal.is_alive(RUN))
        kept._file.close()
        self.assertFalse(journal.is_alive(RUN))

    def test_a_complete_intent_is_not_to_undo(self):
        self.write(self.head(),
                   {'intent': 1, 'kind': 'trait',
                    'what': {'trait': OURS.trait}},
                   {'intent': 2, 'kind': 'lease',
                    'what': {'provider_id': 'B', 'trait': OURS.trait}},
                   {'complete': 1})
        self.assertEqual([(RUN, [LEASE])], self.abandoned())

    def test_recovered_is_removed(self):
        self.write(self.head())
        left, = journal.find_abandoned(self.cloud())
        left.close(recovered=True)
        self.assertEqual([], self.abandoned())
        self.assertFalse(self.path.exists())

    def test_another_cloud_is_passed_over(self):
        self.write(self.head(cloud={'uri': 'https://other.test/v3',
                                    'region': 'RegionOne', 'ids': []}))
        self.assertEqual([], self.abandoned())
        self.assertTrue(self.path.exists())

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
        self.write(self.head(version=4))
        self.assertEqual('journal PATH is of version 4, and this plugin reads '
                         'up to 3', self.problem())

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

    def test_what_is_undone_stays_so(self):
        """A change that was undone may be somebody else's the next time."""
        self.write(self.head(), *(
            {'intent': number, 'kind': 'trait', 'what': {'trait': OURS.trait}}
            for number in (1, 2)), '{"intent": 3, "ki')
        left, = journal.find_abandoned(self.cloud())
        left.complete(left.intents[1])
        left.close(recovered=False)
        self.assertEqual([(RUN, [TRAIT])], self.abandoned())

    def test_no_plain_file(self):
        """Whoever opens a FIFO would wait permanently for its other end."""
        self.folder.mkdir(mode=0o700)
        os.mkfifo(self.path, 0o600)
        self.assertEqual('journal PATH is no plain file', self.problem())
        self.assertFalse(journal.is_alive(RUN))
        self.assertEqual({}, journal.of_live_runs())

    def test_others_could_forge_it(self):
        self.folder.mkdir()
        for mode in (0o777, 0o1777, 0o770, 0o702):
            self.folder.chmod(mode)
            for look in (self.abandoned, journal.of_live_runs,
                         lambda: journal.Journal(RUN).intend(TRAIT)):
                refused = self.assertRaises(
                    exceptions.JournalUnusable, look)
                self.assertEqual(
                    'journal %s is a directory that has mode %o, so that '
                    'others could forge or remove journals: set '
                    '[local_delete] journal_dir to a directory that only you '
                    'may write' % (self.folder, mode), str(refused))
        self.assertEqual([], list(self.folder.iterdir()))

    def test_directory_of_another_user(self):
        self.write(self.head())
        owner = self.folder.stat().st_uid
        self.useFixture(fixtures.MockPatch('os.geteuid', lambda: owner + 2))
        stat = os.stat(self.folder)
        other = os.stat_result((*stat[:4], owner + 1, *stat[5:]))
        self.useFixture(fixtures.MockPatchObject(
            pathlib.Path, 'stat', lambda path: other))
        self.assertIn('is a directory that belongs to user id %d' % (
            owner + 1), self.problem())

    def test_a_directory_that_cannot_be_read_is_not_empty(self):
        """As the one of root is for any other user."""
        self.write(self.head())
        for name in 'os.listdir', 'os.scandir':
            self.useFixture(fixtures.MockPatch(name, side_effect=(
                PermissionError(errno.EACCES, 'Permission denied'))))
        for look in (self.abandoned, journal.of_live_runs,
                     lambda: journal.dismiss(RUN)):
            refused = self.assertRaises(exceptions.JournalUnusable, look)
            self.assertEqual(
                'journal %s cannot be read (Permission denied): see '
                '[local_delete] journal_dir' % self.folder, str(refused))

    def test_a_directory_has_one_place(self):
        """A relative one is another one for whoever calls from elsewhere."""
        for group, option in (('local_delete', 'journal_dir'),
                              ('oslo_concurrency', 'lock_path')):
            self.config(journal_dir=None)
            self.config(group=group, **{option: 'here'})
            for look in (self.abandoned, journal.of_live_runs,
                         lambda: journal.is_alive(RUN),
                         lambda: journal.Journal(RUN).intend(TRAIT)):
                refused = self.assertRaises(
                    exceptions.JournalUnusable, look)
                self.assertIn(
                    'is a relative path, so each working directory has '
                    'journals of its own', str(refused))

    def test_no_directory(self):
        self.folder.touch()
        self.assertIn('cannot be read (Not a directory)', self.problem())

    def test_dismissed(self):
        self.write(self.head(), {'intent': 1, 'kind': 'trait',
                                 'what': {'trait': OURS.trait}}, 'nonsense\n')
        text = self.path.read_text()
        path, intents = journal.dismiss(RUN, dry_run=True)
        self.assertEqual((self.path, TRAIT), (path, intents[0].change))
        for name in ('.dismissed', '.dismissed.2'):
            self.write(text)
            path, _ = journal.dismiss(RUN)
            self.assertEqual(self.path.with_suffix(name), path)
            self.assertEqual(text, path.read_text())
            self.assertEqual([], self.abandoned())

    def test_dismissed_though_nobody_can_read_it(self):
        self.folder.mkdir(mode=0o700)
        for make in (os.mkfifo, os.mkdir):
            make(self.path)
            journal.dismiss(RUN)
        self.write('nonsense\n')
        journal.dismiss(RUN)
        self.assertEqual([], self.abandoned())

    def test_a_run_that_lives_is_not_dismissed(self):
        kept = journal.Journal(RUN)
        kept.intend(TRAIT)
        for run_id, problem in ((RUN, 'is held by a run that lives'),
                                ('BA9876543210', 'is not there')):
            refused = self.assertRaises(
                exceptions.JournalUnusable, journal.dismiss, run_id)
            self.assertIn(problem, str(refused))
        self.assertTrue(journal.is_alive(RUN))

    def test_others_could_have_written_it(self):
        self.write(self.head(), mode=0o660)
        self.assertEqual(
            'journal PATH has mode 660, so that others could have written '
            'it; 600 would be right', self.problem())

    def test_belongs_to_another_user(self):
        self.write(self.head())
        self.useFixture(fixtures.MockPatch(
            'os.geteuid', lambda: self.path.stat().st_uid + 1))
        self.assertIn('belongs to user id', self.problem())

    def test_a_link_is_not_followed(self):
        self.write(self.head())
        target = self.folder / 'elsewhere'
        self.path.rename(target)
        self.path.symlink_to(target)
        self.assertIn('cannot be opened', self.problem())

    def test_nothing_is_intended_that_cannot_be_written(self):
        self.folder.touch()
        refused = self.assertRaises(
            exceptions.JournalUnusable, journal.Journal(RUN).intend, TRAIT)
        self.assertEqual('journal %s cannot be written (File exists), so '
                         'nothing is changed' % self.folder, str(refused))

    def test_full_disk_from_the_start(self):
        """A file without a head would be corrupt once there is room."""
        kept = journal.Journal(RUN)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5, limits[1]))
        try:
            self.assertRaises(exceptions.JournalUnusable,
                              kept.intend, TRAIT)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        self.assertFalse(self.path.exists())
        kept.intend(LEASE)
        del kept
        self.assertIn('"run"', self.path.read_text().splitlines()[0])

    def test_bad_ones_do_not_hide_good_ones(self):
        self.write('nonsense\n')
        good = self.path.with_name('BA9876543210.journal')
        good.touch(mode=0o600)
        good.write_text(json.dumps(self.head(run='BA9876543210')) + '\n')
        found = journal.find(self.cloud())
        self.addCleanup(found.close)
        error, = found.unusable
        self.assertIn('journal %s is corrupt in line 1' % self.path,
                      str(error))
        self.assertEqual(['BA9876543210'],
                         [left.run_id for left in found.abandoned])

    def test_a_run_that_lives_is_not_undone(self):
        journal.refuse_if_alive(RUN)
        alive = journal.Journal(RUN)
        alive.intend(TRAIT)
        with testtools.ExpectedException(
                exceptions.JournalUnusable, '.*held by a run that lives.*'):
            journal.refuse_if_alive(RUN)

    def test_a_look_whether_it_lives_does_not_hide_it(self):
        """Whoever only looks holds the journal for a moment."""
        self.write(self.head())
        looking = open(self.path)
        journal.fcntl.flock(looking, journal.fcntl.LOCK_SH)
        self.useFixture(fixtures.MockPatch(
            'tenacity.nap.time.sleep', lambda seconds: looking.close()))
        self.assertEqual([(RUN, [])], self.abandoned())

    def test_full_disk(self):
        """Half a line is taken back, so that the next one can be read."""
        kept = journal.Journal(RUN)
        first = kept.intend(TRAIT)
        size = self.path.stat().st_size
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5, limits[1]))
        try:
            self.assertRaises(exceptions.JournalUnusable,
                              kept.intend, LEASE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        self.assertEqual(size, self.path.stat().st_size)
        kept.complete(first)
        self.assertFalse(self.path.exists())


class TwoProcessesTest(base.TestCase):
    """Journals come and go while another process looks for abandoned ones."""

    instant_waits = False

    @base.slow
    def test_stress(self):
        """LOCAL_DELETE_STRESS sets how often the other process looks."""
        folder = self.useFixture(fixtures.TempDir()).path
        self.config(journal_dir=folder)
        self.useFixture(fixtures.MockPatch('os.fsync'))
        # Each look writes of each journal that it passes over.
        logging.disable()
        self.addCleanup(logging.disable, logging.NOTSET)
        child = os.fork()
        if not child:
            try:
                self.come_and_go()
            finally:
                os._exit(1)
        self.addCleanup(os.waitpid, child, 0)
        self.addCleanup(os.kill, child, signal.SIGKILL)
        waiters.wait_until(lambda: journal.is_alive(KEPT), bool,
                           'the other process has a journal', 600)
        cloud = identity.Cloud.of_conf()
        for _ in range(int(os.environ.get('LOCAL_DELETE_STRESS', 200))):
            found = journal.find(cloud)
            found.close()
            self.assertEqual(([], []), (found.abandoned, found.unusable))
            # This one never goes, so it lives at each look.
            self.assertIn(KEPT, {one.run_id for one in found.passed_over})
            self.assertTrue(journal.is_alive(KEPT))
            self.assertIn(KEPT, journal.of_live_runs())
            self.assertTrue((journal.directory() / (
                KEPT + '.journal')).exists())
        self.assertEqual((0, 0), os.waitpid(child, os.WNOHANG))

    def come_and_go(self):
        kept, came = journal.Journal(KEPT), journal.Journal(RUN)
        kept.intend(TRAIT)
        while True:
            came.complete(came.intend(TRAIT))
