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

import json
import logging
import signal

import fixtures
from tempest.lib import exceptions as lib_exc
import testtools

from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base


class Looks:
    """Gives one thing after the other, and the last one for ever."""

    def __init__(self, *seen):
        self.count = 0
        self._seen = seen

    def __call__(self):
        self.count += 1
        return self._seen[min(self.count, len(self._seen)) - 1]


class WaitTest(base.TestCase):

    def wait(self, read, accept=bool, limit=1):
        return waiters.wait_until(read, accept, 'the sun shines', limit)


class WaitUntilTest(WaitTest):

    def pauses(self, read, accept, limit=1000):
        """Wait with a clock that only pauses move on.

        :returns: (the pauses, what came of it).
        """
        now = [0.0]
        pauses = []

        def sleep(seconds):
            pauses.append(seconds)
            now[0] += seconds

        with fixtures.MockPatch('time.monotonic', lambda: now[0]), \
                fixtures.MockPatch('tenacity.nap.time.sleep', sleep):
            try:
                outcome = self.wait(read, accept, limit)
            except lib_exc.TimeoutException as error:
                outcome = error
        return pauses, outcome

    def test_accepted_at_once(self):
        pauses, outcome = self.pauses(Looks('sun'), bool)
        self.assertEqual(([], 'sun'), (pauses, outcome))

    def test_returns_what_was_accepted(self):
        looks = Looks(None, 'rain', 'sun')
        self.assertEqual('sun', self.wait(looks, lambda seen: seen == 'sun'))
        self.assertEqual(3, looks.count)

    def test_backs_off_up_to_the_ceiling(self):
        self.config(poll_interval_start=1.0, poll_interval_max=4.0)
        pauses, _ = self.pauses(Looks(*[False] * 40, True), bool)
        self.assertEqual([1.0] * 11, pauses[:11])
        self.assertAlmostEqual(1.1, pauses[11])
        self.assertEqual([4.0] * 5, pauses[-5:])

    def test_end_is_seen_a_tenth_late_at_most(self):
        self.config(poll_interval_start=0.2, poll_interval_max=3.0)
        for ready in (0.1, 1, 4.9, 12, 29):
            waited = [0.0]

            def read():
                return sum(waited) >= ready

            with fixtures.MockPatch('time.monotonic', lambda: sum(waited)), \
                    fixtures.MockPatch('tenacity.nap.time.sleep',
                                       waited.append):
                self.wait(read, limit=60)
            late = sum(waited) - ready
            self.assertLessEqual(
                late, max(0.2, ready / 10),
                'a wait of %s s was over %.2f s late' % (ready, late))

    def test_last_look_is_taken_at_the_limit(self):
        self.config(poll_interval_start=1.0, poll_interval_max=100.0)
        pauses, outcome = self.pauses(Looks(False), bool, limit=2.5)
        self.assertEqual([1.0, 1.0, 0.5], pauses)
        self.assertIsInstance(outcome, lib_exc.TimeoutException)

    def test_span_tells_polls_from_the_first_look(self):
        log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.pauses(Looks(False, False, True), bool)
        mark, line = log.output.strip().split(' ', 1)
        self.assertEqual(spans.MARK, mark)
        self.assertEqual(
            {'kind': spans.WAIT, 'awaited': 'the sun shines', 'looks': 3,
             'first': 0.0, 'seconds': 0.02}, json.loads(line))

    def test_slow_look_is_not_the_last(self):
        """A look that outlasts the limit began too early to be the judge."""
        looks = Looks(False, True)
        now = [0.0]

        def read():
            now[0] += 60
            return looks()

        with fixtures.MockPatch('time.monotonic', lambda: now[0]), \
                fixtures.MockPatch('tenacity.nap.time.sleep'):
            self.assertTrue(self.wait(read, limit=5))

    def test_failure_says_what_was_awaited_and_seen(self):
        _, error = self.pauses(Looks('rain', 'snow'),
                               lambda seen: seen == 'sun', limit=3)
        self.assertIn('waited 3.0 s (limit 3 s) until the sun shines; '
                      'last seen: snow', str(error))

    def test_what_read_raises_ends_the_wait(self):
        for raised in (fixtures.TimeoutException(), KeyboardInterrupt(),
                       lib_exc.NotFound(), lib_exc.TimeoutException('inner')):
            looks = Looks(False, True)

            def read():
                if looks():
                    raise raised
            with testtools.ExpectedException(type(raised)) as caught:
                self.wait(read)
            self.assertIsNone(caught)
            self.assertEqual(2, looks.count, raised)


class RealWaitTest(WaitTest):

    instant_waits = False

    def test_test_timeout_ends_a_pause(self):
        """OS_TEST_TIMEOUT comes while the wait sleeps."""
        self.config(poll_interval_start=60.0, poll_interval_max=60.0)
        self.useFixture(fixtures.Timeout(60, gentle=True))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        self.assertRaises(fixtures.TimeoutException, self.wait, Looks(False),
                          limit=120)


class ExpectTest(base.TestCase):
    """The type of a failure tells what the cloud did not do."""

    def test_a_failure_says_nothing_of_a_defect(self):
        failure = self.assertRaises(
            AssertionError, waiters.expect, lambda: None, bool,
            'a server has a migration', 0)
        self.assertNotIsInstance(failure, exceptions.DefectShown)
        self.assertIn('until a server has a migration; last seen: None',
                      str(failure))

    def test_the_caller_names_the_type(self):
        self.assertRaises(
            exceptions.ServerNotGone, waiters.expect, lambda: 'ACTIVE',
            lambda state: not state, 'server gone', 0,
            exceptions.ServerNotGone)
