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

"""What the tests of all outages have in common."""

import contextlib
import os
import signal
import time

import fixtures

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import undo
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

RUN = run.Run('0123456789AB')


class OutageTest(base.TestCase):
    """A cloud whose processes are stopped by real commands.

    A file with the name of a host, or "placement", means that it is stopped.
    """

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.stopped = self.useFixture(fixtures.TempDir())
        self.journals = self.useFixture(fixtures.TempDir()).path
        # A real process takes real time to die, and the waits are instant.
        self.useFixture(fixtures.MockPatchObject(
            commands, '_KILL_LIMIT', 10 ** 6))
        # No test cuts the power, and each journal would wait for the disk.
        self.useFixture(fixtures.MockPatch('os.fsync'))
        # The time-outs of the tests, and the end of one that hangs.
        self.useFixture(fixtures.Timeout(600, gentle=True))
        self.config(
            allow_outages=True, target_hosts=['cmp1'],
            journal_dir=self.journals,
            service_down_timeout=1, service_up_timeout=1, trait_timeout=1,
            placement_timeout=1, stop_settle_time=1)
        self.set_commands()
        self.build_cloud()

    def set_commands(self):
        stop, start = ('%s %s/' % (command, self.stopped.path)
                       for command in ('touch', 'rm'))
        self.config(compute_stop_command=stop + '{host}',
                    compute_start_command=start + '{host}',
                    compute_freeze_command=stop + '{host}',
                    compute_thaw_command=start + '{host}',
                    placement_stop_command=stop + 'placement',
                    placement_start_command=start + 'placement')

    def build_cloud(self):
        self.cloud = fake_cloud.FakeCloud()
        self.cloud.is_running = lambda host: not self.is_stopped(host)
        self.target = self.cloud.add_compute('cmp1', 1)
        self.cloud.add_compute('cmp2', 2)
        self.before = self.cloud.settings_of('cmp1')

    def is_stopped(self, name):
        return os.path.exists(self.stopped.join(name))

    def start_at_the_second_try(self, name):
        """Make a start command that a stop under way makes void once."""
        tried = self.stopped.join('tried')
        return 'sh -c "test -e {0} && rm {1} || touch {0}"'.format(
            tried, self.stopped.join(name))

    def strike_later(self, name, requests):
        """Let the far side of a stop command go on after it was cut off.

        :param requests: It takes effect at this request from now on.
        """
        left = iter(range(requests))
        answer = self.cloud.before_answer

        def strike(method, path):
            if next(left, None) == requests - 1:
                open(self.stopped.join(name), 'w').close()
                self.struck = len(self.cloud.requests)
            answer(method, path)

        self.struck = None
        self.cloud.before_answer = strike

    def assert_stays(self, make, option, name, code=255,
                     error=exceptions.CommandFailed):
        """Let a stop command take effect only after the start.

        :param code: The command ends with this at once.
        :param error: The outage ends with this.
        """
        self.config(stop_settle_time=300, poll_interval_max=3,
                    poll_interval_start=1, service_up_timeout=100,
                    placement_timeout=100,
                    **{option: self.stop_script(name, 'exit %d' % code)})
        away = make()
        with away:
            self.assertRaises(error, away.begin)
            self.strike_later(name, 40)
        self.assertIsNotNone(
            self.struck, 'given back before the stop took effect')
        self.assert_as_before()

    def stop_script(self, name, script):
        # A command for a host has to have {host} in it.
        return "sh -c '%s' %s" % (
            script, '{host}' if name == 'cmp1' else name)

    def assert_stays_after_a_kill(self, make, option, name):
        """Kill a run whose stop command is under way, and recover."""
        self.config('identity', uri_v3='https://keystone.test/v3')
        path = self.stopped.join(name)
        begun = self.stopped.join('begun')
        self.config(**{option: self.stop_script(
            name, 'touch %s; sleep 1; touch %s' % (begun, path))})
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                make().begin()
            os._exit(0)
        until = time.monotonic() + 30
        while not os.path.exists(begun):
            self.assertLess(time.monotonic(), until)
            os.sched_yield()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.unlink(begun)
        if name == 'cmp1':
            # The child has fenced a host of its own copy of the cloud.
            self.cloud.service_of(name).update(
                status='disabled', disabled_reason=RUN.fence_reason)
        undo.Recovery(self.cloud.admin()).recover_all(
            abandoned_runs.find_abandoned(identity.Cloud.of_conf()))
        began = time.monotonic()
        while time.monotonic() < began + 1.5:
            self.assertFalse(os.path.exists(path), 'stopped after recover')
            os.sched_yield()
        self.assert_as_before()

    def arguments(self):
        admin = self.cloud.admin()
        return (admin, journal.Journal(RUN.id), guard.Guard(RUN, admin),
                self.target)

    def make(self, kind, reason=None):
        return kind(*self.arguments(), reason=reason)

    def use(self, away):
        """Go through a whole outage, as a scenario does.

        :returns: The settings of the service while it was away.
        """
        away.setUp()
        try:
            try:
                away.begin()
                return self.cloud.settings_of('cmp1')
            finally:
                away.restore()
        finally:
            away.cleanUp()

    def assert_as_before(self, message=''):
        self.assertEqual(self.before, self.cloud.settings_of('cmp1'), message)
        self.assertEqual([], os.listdir(self.journals), message)

    def time_out_at(self, number, when, away):
        """Let OS_TEST_TIMEOUT come in a request.

        :param when: 'before' the cloud has seen it, or 'after' that.
        :returns: Whether there are so many requests.
        """
        count = 0
        request = self.cloud.request

        def time_out(moment):
            if (count, when) == (number, moment):
                signal.raise_signal(signal.SIGALRM)

        def request_with_time_out(*args, **kwargs):
            nonlocal count
            count += 1
            time_out('before')
            answer = request(*args, **kwargs)
            time_out('after')
            return answer

        self.cloud.request = request_with_time_out
        try:
            self.use(away)
        except fixtures.TimeoutException:
            return True
        self.assertLess(count, number, 'the time-out was swallowed')
        return False

    def assert_survives_time_outs(self, make):
        for when in ('before', 'after'):
            number = 1
            while True:
                self.build_cloud()
                if not self.time_out_at(number, when, make()):
                    break
                self.assert_as_before('timed out %s request %d: %s' % (
                    when, number, self.cloud.calls()))
                number += 1
            self.assertGreater(number, 1)


class ControlServiceTest(OutageTest):
    """A cloud with a service of Nova's control plane, to be taken away.

    A file named "controller" means that the service is stopped.

    :cvar outage: The class of its outage.
    """

    def setUp(self):
        super().setUp()
        self.config(**{'allow_%s_outage' % self.outage.word: True})

    def set_commands(self):
        super().set_commands()
        path = self.stopped.join('controller')
        stop, start = self.outage.needs
        self.config(**{stop: 'touch ' + path, start: 'rm ' + path})

    def make(self):
        return self.outage(self.cloud.admin(), journal.Journal(RUN.id))

    def assert_as_before(self, message=''):
        self.assertFalse(self.is_stopped('controller'), message)
        self.assertEqual([], os.listdir(self.journals), message)

    def test_stopped_and_started(self):
        with self.make() as away:
            away.begin()
            self.assertTrue(self.is_stopped('controller'))
        self.assert_as_before()

    @base.slow
    def test_given_back_whenever_the_test_times_out(self):
        self.assert_survives_time_outs(self.make)

    def test_a_stop_that_was_cut_off_takes_effect_much_later(self):
        self.assert_stays(self.make, self.outage.needs[0], 'controller')

    def test_stopped_only_if_the_operator_allows_it(self):
        option = 'allow_%s_outage' % self.outage.word
        self.config(**{option: False})
        error = self.assertRaises(exceptions.OutageRefused, self.use,
                                  self.make())
        self.assertEqual(exceptions.Refusal.OPTION_OFF, error.code)
        self.assertIn('[local_delete] %s' % option, str(error))
        self.assert_as_before()
