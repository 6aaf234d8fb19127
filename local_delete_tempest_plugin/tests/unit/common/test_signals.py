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
import os
import signal
import subprocess
import sys
import threading
import traceback

import fixtures
import testtools

from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin.tests.unit import base

DEFERRED = (signal.SIGALRM, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """What the handlers of the tests raise, as fixtures.Timeout's does."""


class DeferredTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.delivered = []
        for signum in DEFERRED:
            self.addCleanup(signal.signal, signum, signal.signal(
                signum, self.interrupt))

    def interrupt(self, signum, frame):
        self.delivered.append(signum)
        raise Interrupted(signum)

    def assert_as_before(self):
        self.assertEqual(
            [self.interrupt] * len(DEFERRED),
            list(map(signal.getsignal, DEFERRED)))
        self.assertEqual(set(), signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    def test_delivered_after_the_body(self):
        for signum in DEFERRED:
            done = []
            with testtools.ExpectedException(Interrupted, '%d' % signum):
                with signals.deferred():
                    os.kill(os.getpid(), signum)
                    signal.raise_signal(signum)
                    self.assertEqual([], self.delivered)
                    done.append(True)
            self.assertEqual([True], done)
            self.assertEqual([signum], self.delivered)
            self.assert_as_before()
            self.delivered.clear()

    def test_none_is_lost(self):
        """Ctrl-C counts, though a time-out was there before it."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        error = self.assertRaises(Interrupted, self.time_out_and_interrupt)
        self.assertIn('KeyboardInterrupt', ''.join(
            traceback.format_exception(error)))

    def time_out_and_interrupt(self):
        try:
            with signals.deferred():
                signal.raise_signal(signal.SIGALRM)
                signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            # Python calls one handler, and the other one a little later.
            for _ in range(100):
                str(self.delivered)
            raise

    def test_nested(self):
        with testtools.ExpectedException(Interrupted):
            with signals.deferred():
                with signals.deferred():
                    signal.raise_signal(signal.SIGALRM)
                self.assertEqual([], self.delivered)
        self.assertEqual([signal.SIGALRM], self.delivered)
        self.assert_as_before()

    def test_body_fails(self):
        with testtools.ExpectedException(KeyError):
            with signals.deferred():
                raise KeyError()
        self.assert_as_before()

    def test_body_fails_and_is_interrupted(self):
        error = self.assertRaises(Interrupted, self.fail_and_interrupt)
        self.assertIsInstance(error.__context__, KeyError)
        self.assert_as_before()

    def fail_and_interrupt(self):
        with signals.deferred():
            signal.raise_signal(signal.SIGALRM)
            raise KeyError()

    def test_interrupted_between_any_two_lines(self):
        """Nothing is lost, doubled or left, whenever the signal comes."""
        for signum in DEFERRED:
            line = 1
            while self.interrupt_at(line, signum):
                self.assertEqual([signum], self.delivered,
                                 'interrupted at line event %d' % line)
                self.assert_as_before()
                self.delivered.clear()
                line += 1
            self.assertTrue(line > 20, line)

    def interrupt_at(self, wanted, signum):
        lines = 0

        def trace(frame, event, arg):
            nonlocal lines
            if frame.f_code.co_filename not in (
                    signals.__file__, contextlib.__file__):
                return None
            if event == 'line':
                lines += 1
                if lines == wanted:
                    signal.raise_signal(signum)
            return trace

        before = sys.gettrace()
        with contextlib.suppress(Interrupted):
            try:
                sys.settrace(trace)
                with signals.deferred():
                    pass
            finally:
                sys.settrace(before)
        return lines >= wanted

    def test_commands_of_a_restore_can_be_ended(self):
        """A signal that is blocked stays so in a child; these are not."""
        for name in ('ALRM', 'INT', 'TERM'):
            with signals.deferred():
                code = subprocess.run(
                    ['sh', '-c', 'kill -%s $$; exit 0' % name]).returncode
            self.assertEqual(-getattr(signal, 'SIG' + name), code)

    def test_another_thread(self):
        """Only the main thread is interrupted; others have no handlers."""
        seen = []

        def body():
            with signals.deferred():
                seen.extend(map(signal.getsignal, DEFERRED))

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        self.assertEqual([self.interrupt] * len(DEFERRED), seen)

    def test_what_waits_is_logged(self):
        log = self.useFixture(fixtures.FakeLogger())
        with contextlib.suppress(Interrupted):
            with signals.deferred():
                signal.raise_signal(signal.SIGINT)
        self.assertIn('SIGINT waits until everything is given back',
                      log.output)


class EndTest(base.TestCase):

    @base.slow
    def test_clean_ups_are_run(self):
        for signum in (signal.SIGTERM, signal.SIGHUP):
            ended = subprocess.run(
                [sys.executable, '-c', """
from local_delete_tempest_plugin.common import signals
import os
import signal
# Under nohup SIGHUP is ignored, and stays so.
signal.signal({0}, signal.SIG_DFL)
signals.end_as_ctrl_c_does()
try:
    os.kill(os.getpid(), {0})
finally:
    print('cleaned up', flush=True)
""".format(int(signum))], capture_output=True, text=True)
            self.assertEqual('cleaned up\n', ended.stdout)
            self.assertIn('KeyboardInterrupt', ended.stderr)

    def test_handlers_of_others_are_left(self):
        def handler(signum, frame):
            """What somebody else wants done."""

        for signum in (signal.SIGTERM, signal.SIGHUP):
            self.addCleanup(signal.signal, signum,
                            signal.signal(signum, handler))
        signals.end_as_ctrl_c_does()
        self.assertIs(handler, signal.getsignal(signal.SIGTERM))
        self.assertIs(handler, signal.getsignal(signal.SIGHUP))
