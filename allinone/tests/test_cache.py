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

"""An entry of the cache is whole, or not there."""

import subprocess
import sys
import threading

import fixtures

from allinone import cache
from allinone.tests import base

# Tells that it makes the entry, and ends doing so when its input ends.
_SLOW_MAKER = """
import sys
from allinone import cache
def make(path):
    print("begun", flush=True)
    sys.stdin.read()
cache.provide("things", "one", make)
"""


class CacheTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.EnvironmentVariable(
            'XDG_CACHE_HOME', str(self.state)))

    def test_made_once(self):
        made = []

        def make(path):
            made.append(path)
            (path / 'file').write_text('content')
        for _ in range(2):
            entry = cache.provide('things', 'one', make)
        self.assertEqual('content', (entry / 'file').read_text())
        self.assertEqual(1, len(made))

    def test_interrupted_making_leaves_no_entry(self):
        def fail(path):
            (path / 'half').touch()
            raise KeyboardInterrupt
        self.assertRaises(KeyboardInterrupt, cache.provide, 'things', 'one',
                          fail)
        self.assertFalse(cache.has('things', 'one'))
        entry = cache.provide('things', 'one', lambda path: None)
        self.assertEqual([], list(entry.iterdir()))

    def test_second_step_waits_for_the_first(self):
        """The steps of one boot are threads of one process."""
        begun, again, done = (threading.Event() for _ in range(3))

        def make(path):
            begun.set()
            done.wait(10)
        first = threading.Thread(
            target=cache.provide, args=('things', 'one', make))
        second = threading.Thread(
            target=cache.provide,
            args=('things', 'one', lambda path: again.set()))
        first.start()
        begun.wait(10)
        second.start()
        self.assertFalse(again.wait(0.2), 'two steps make one entry at once')
        done.set()
        for thread in first, second:
            thread.join(10)
        self.assertFalse(again.is_set())
        self.assertTrue(cache.has('things', 'one'))

    def test_second_maker_waits_for_the_first(self):
        first = subprocess.Popen([sys.executable, '-c', _SLOW_MAKER],
                                 stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        self.addCleanup(first.communicate)
        first.stdout.readline()
        second = threading.Thread(
            target=cache.provide, args=('things', 'one', self.fail))
        second.start()
        second.join(0.2)
        self.assertTrue(second.is_alive())
        first.communicate(b'go on')
        second.join(10)
        self.assertFalse(second.is_alive())
        self.assertTrue(cache.has('things', 'one'))

    def test_key_depends_on_content(self):
        path = self.state / 'lock'
        path.write_text('nova==1')
        before = cache.key(path)
        path.write_text('nova==2')
        self.assertNotEqual(before, cache.key(path))
