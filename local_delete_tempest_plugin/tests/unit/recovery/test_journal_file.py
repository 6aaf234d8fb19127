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

import errno
import fcntl
import logging
import os
import pathlib
import resource
import signal

import fixtures

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import journal_file
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit.recovery import journal_case

RUN = journal_case.RUN
TRAIT = journal_case.TRAIT
LEASE = journal_case.LEASE
KEPT = 'BA9876543210'


class JournalFileTest(journal_case.JournalTest):

    def test_nobody_finds_a_journal_that_is_not_held_yet(self):
        """Otherwise another process of the run would take it for abandoned."""
        lock = fcntl.flock
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
        lock = fcntl.flock

        def complete_first(file, operation):
            kept.complete(intent)
            lock(file, operation)

        with fixtures.MockPatch('fcntl.flock', complete_first):
            self.assertEqual([], self.abandoned())

    def test_alive_with_the_next_journal(self):
        """What was opened is gone, and a journal of the same name is held."""
        kept = journal.Journal(RUN)
        first = kept.intend(TRAIT)
        lock = fcntl.flock
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
                     lambda: abandoned_runs.dismiss(RUN)):
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
            found = abandoned_runs.find(cloud)
            found.close()
            self.assertEqual(([], []), (found.abandoned, found.unusable))
            # This one never goes, so it lives at each look.
            self.assertIn(KEPT, {one.run_id for one in found.passed_over})
            self.assertTrue(journal.is_alive(KEPT))
            self.assertIn(KEPT, journal.of_live_runs())
            self.assertTrue((journal_file.directory() / (
                KEPT + '.journal')).exists())
        self.assertEqual((0, 0), os.waitpid(child, os.WNOHANG))

    def come_and_go(self):
        kept, came = journal.Journal(KEPT), journal.Journal(RUN)
        kept.intend(TRAIT)
        while True:
            came.complete(came.intend(TRAIT))
