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


"""Looking at the cloud while something else goes on."""

import threading
from unittest import mock

import fixtures

from allinone.tests import base
from proof.trials import watch


class WatchTest(base.TestCase):

    def test_goes_on_when_an_api_is_away(self):
        done = threading.Event()
        answers = [1, OSError(), 2]

        def read():
            if not answers:
                done.set()
                raise OSError
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        with watch.watching(read, 0.001) as seen:
            self.assertTrue(done.wait(60))
        self.assertEqual([1, 2], seen.readings)

    def test_what_is_no_fault_of_an_api_is_raised(self):
        def read():
            raise KeyError('host')

        def look():
            with watch.watching(read, 0.001):
                pass

        self.assertRaises(KeyError, look)

    def watch(self, *moments, readings=()):
        """Look at moments, each a good reading or None; return the watch."""
        clock = self.useFixture(fixtures.MockPatch(
            'time.monotonic', side_effect=moments)).mock
        seen = watch.Watch(mock.Mock(side_effect=readings), 0)
        seen._over = mock.Mock()
        seen._over.is_set.side_effect = [*[False] * len(readings), True]
        seen._over.wait.side_effect = lambda _: (
            seen.end() if clock.call_count == len(moments) - 1 else None)
        seen.look()
        return seen

    def test_gaps(self):
        """Those before the first and after the last reading count too."""
        for moments, longest in (((0, 7, 8, 9), 7), ((0, 1, 8, 9), 7),
                                 ((0, 1, 2, 9), 7)):
            seen = self.watch(*moments, readings=(1, 2))
            self.assertEqual(longest, seen.longest_gap)
            self.assertEqual([], seen.problems())

    def test_a_gap_over_what_failed(self):
        seen = self.watch(0, 1, 2, 12, 13, readings=(1, OSError(), 3))
        self.assertEqual(['nothing was read for 11.0 s, and 10 s are the '
                          'limit'], seen.problems())

    def test_nothing_read(self):
        seen = self.watch(0, 1, 2, readings=(OSError(),))
        self.assertEqual(['nothing was read'], seen.problems())
