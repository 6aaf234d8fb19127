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
import os
import signal
import subprocess
import time

import fixtures
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.outages import compute_restore
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit import outage_case

FENCE = outage_case.RUN.fence_reason


class ComputeOutageTest(outage_case.OutageTest):

    KINDS = (*((kind, reason) for kind in (
        compute_outage.ForcedDown, compute_outage.Stopped,
        compute_outage.Unnoticed, compute_outage.Frozen)
        for reason in (None, FENCE)),
        (compute_outage.Disabled, FENCE))

    def failed_restore(self, away):
        return str(self.assertRaises(exceptions.RestoreFailed, away.restore))

    def is_down(self):
        return self.cloud.compute_services().show('cmp1').state == 'down'

    def begun(self, kind, reason=None):
        away = self.make(kind, reason)
        away.setUp()
        self.addCleanup(away.cleanUp)
        self.addCleanup(self.put_right)
        away.begin()
        self.cloud.requests.clear()
        return away

    def put_right(self):
        """Let a test that broke something end with a good restore."""
        self.set_commands()
        self.cloud.before_answer = lambda method, path: None
        self.cloud.service_down_time = 4

    def settings_sent(self):
        return [sent for method, path, _, sent in self.cloud.requests
                if method == 'PUT']

    def test_taken_away_and_given_back(self):
        for (kind, reason), away in zip(self.KINDS, (
                {'forced_down': True},
                {'forced_down': True, 'status': 'disabled',
                 'disabled_reason': FENCE},
                {'runs': False},
                {'runs': False, 'status': 'disabled',
                 'disabled_reason': FENCE},
                {'runs': False},
                {'runs': False, 'status': 'disabled',
                 'disabled_reason': FENCE},
                {'runs': False},
                {'runs': False, 'status': 'disabled',
                 'disabled_reason': FENCE},
                {'status': 'disabled', 'disabled_reason': FENCE}),
                strict=True):
            self.build_cloud()
            seen = self.use(self.make(kind, reason))
            if reason:
                self.assertIn(compute_restore.DISABLED_TRAIT,
                              seen['traits'][self.target.provider_id])
                away['traits'] = seen['traits']
            self.assertEqual(dict(self.before, **away), seen, kind)
            self.assert_as_before(kind)

    def test_what_somebody_had_no_right_to_is_given_back(self):
        """A member who can force a host down must not keep it down."""
        def attempt(service):
            self.cloud.service_of('cmp1').update(
                forced_down=True, status='disabled')
            self.fail('a member can')

        admin, written, watchman, target = self.arguments()
        self.assertRaises(
            self.failureException, self.use, compute_outage.Attempt(
                admin, written, watchman, target, attempt=attempt))
        self.assert_as_before()

    @base.slow
    def test_what_nova_does_after_its_client_gave_up(self):
        """A proxy answers 504, or a database hangs, and Nova goes on."""
        self.config(poll_interval_max=3)
        for number in (1, 2):
            self.build_cloud()
            self.do_late(number)
            self.assertRaises(
                exceptions.RequestFailed, self.use,
                self.make(compute_outage.ForcedDown, FENCE))
            self.assertEqual([], self.waiting, 'it came after the restore')
            self.assert_as_before('PUT %d' % number)

    def do_late(self, number):
        """Let Nova do what one of its requests asked for, but late."""
        dispatch, puts, self.waiting = self.cloud._dispatch, [], []

        def late(method, *arguments):
            if self.waiting and len(self.cloud.requests) > self.due:
                dispatch(*self.waiting.pop())
            if method == 'PUT':
                puts.append(arguments)
                if len(puts) == number:
                    self.waiting.append((method, *arguments))
                    self.due = len(self.cloud.requests) + 40
                    transport._note_unanswered(90)
                    raise exceptions.RequestFailed(
                        call='PUT', problem='no whole answer within 90 s')
            return dispatch(method, *arguments)

        self.cloud._dispatch = late

    def test_ctrl_c_does_not_give_up_on_nova(self):
        """Otherwise the restore would look before Nova has done it."""
        # A shell lets what it starts in the background ignore SIGINT.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(
            signal.SIGINT, signal.default_int_handler))
        for number in (1, 2):
            self.build_cloud()
            dispatch, puts = self.cloud._dispatch, []

            def interrupted(method, *arguments):
                if method == 'PUT':
                    puts.append(arguments)
                    if len(puts) == number:
                        signal.raise_signal(signal.SIGINT)
                        # What follows a signal that is obeyed at once.
                        answered.append(number)
                return dispatch(method, *arguments)

            answered: list[int] = []
            self.cloud._dispatch = interrupted
            self.assertRaises(
                KeyboardInterrupt, self.use,
                self.make(compute_outage.ForcedDown, FENCE))
            self.assertEqual([number], answered)
            self.assert_as_before()

    def test_deleted_service_comes_back_as_another(self):
        """Nova knows neither the host nor its provider meanwhile."""
        before = self.cloud.service_of('cmp1')['id']
        away = self.begun(compute_outage.ServiceDeleted, FENCE)
        self.assertEqual(['cmp2'], [
            service['host'] for service in self.cloud.services])
        self.assertNotIn(self.target.provider_id, [
            provider['uuid'] for provider in self.cloud.providers])
        away.restore()
        self.assert_as_before()
        self.assertNotEqual(before, self.cloud.service_of('cmp1')['id'])

    def test_service_of_an_aggregates_host_is_not_deleted(self):
        self.cloud.aggregates = [('az1', ['cmp1'])]
        refusal = self.assertRaises(
            exceptions.OutageRefused, self.use,
            self.make(compute_outage.ServiceDeleted, FENCE))
        self.assertEqual(exceptions.Refusal.NOT_RECOVERABLE, refusal.code)
        self.assertIn('az1', str(refusal))
        self.assertEqual([], self.cloud.calls('PUT', 'DELETE'))
        self.assert_as_before()

    def test_seen_down_before_begin_returns(self):
        """A delete between the kill and that moment hangs."""
        for kind in (compute_outage.ForcedDown, compute_outage.Stopped):
            self.build_cloud()
            away = self.begun(kind)
            self.assertTrue(self.is_down())
            away.restore()
            self.assertFalse(self.is_down())

    def test_forced_down_is_seen_a_little_later(self):
        shown = self.cloud._shown
        looks = iter(['up'] * 3)

        def show(service):
            answer = shown(service)
            if answer['state'] == 'down':
                answer['state'] = next(looks, 'down')
            return answer

        self.cloud._shown = show
        self.begun(compute_outage.ForcedDown)
        self.assertTrue(self.is_down())

    def test_trait_appears_a_little_later(self):
        sync = self.cloud._sync_trait
        self.cloud._sync_trait = lambda service: None

        def look(method, path):
            if len([call for call in self.cloud.calls('GET')
                    if call.endswith('/traits')]) > 2:
                self.cloud._sync_trait = sync
                sync(self.cloud.service_of('cmp1'))
                self.cloud.before_answer = lambda method, path: None

        self.cloud.before_answer = look
        self.begun(compute_outage.Disabled, FENCE)
        self.assertIn(compute_restore.DISABLED_TRAIT,
                      self.cloud.traits[self.target.provider_id])

    def test_up_before_it_is_enabled(self):
        """The process may have been silent for a while."""
        away = self.begun(compute_outage.ForcedDown, FENCE)
        self.cloud.is_running = lambda host: len(self.cloud.requests) > 8
        self.cloud.service_of('cmp1')['heartbeat'] = -100
        away.restore()
        enabled = self.cloud.calls().index(
            'PUT os-services/' + fake_cloud.uuid(101), 3)
        self.assertGreater(enabled, 8)

    def test_dead_and_taken_for_alive(self):
        away = self.begun(compute_outage.Unnoticed, FENCE)
        self.assertTrue(self.is_stopped('cmp1'))
        self.assertFalse(self.is_down())
        away.await_down()
        self.assertTrue(self.is_down())
        self.assertEqual([], self.settings_sent())
        away.restore()
        self.assert_as_before()

    def test_dead_and_forced_down_by_the_operator(self):
        away = self.begun(compute_outage.Unnoticed, FENCE)
        away.force_down()
        self.assertTrue(self.is_down())
        self.assertTrue(self.cloud.service_of('cmp1')['forced_down'])
        away.restore()
        self.assertEqual([{'forced_down': True}, {'forced_down': False},
                          {'status': 'enabled'}], self.settings_sent())
        self.assert_as_before()

    def test_frozen_and_thawed_by_commands_of_their_own(self):
        self.config(compute_stop_command='false {host}',
                    compute_start_command='false {host}')
        away = self.begun(compute_outage.Frozen, FENCE)
        self.assertTrue(self.is_stopped('cmp1'))
        self.assertFalse(self.is_down())
        away.restore()
        self.assert_as_before()

    def test_frozen_only_if_it_can_be_thawed(self):
        self.config(compute_thaw_command=None)
        error = self.assertRaises(exceptions.CommandFailed, self.use,
                                  self.make(compute_outage.Frozen))
        self.assertIn('compute_thaw_command: is not set', str(error))
        self.assert_as_before()

    def test_not_thawed(self):
        away = self.begun(compute_outage.Frozen)
        self.config(compute_thaw_command='true {host}')
        self.cloud.service_down_time = 1
        message = self.failed_restore(away)
        self.assertIn('has sent 2 heartbeats since its start', message)
        self.assertTrue(message.endswith('To put it right: true cmp1'),
                        message)

    def test_taken_away_in_an_unknown_way(self):
        """As found in the cloud alone; each way needs its own command."""
        for kind, useless in (
                (compute_outage.Frozen, 'compute_start_command'),
                (compute_outage.Stopped, 'compute_thaw_command')):
            self.build_cloud()
            admin = self.cloud.admin()
            before = admin.services.show('cmp1')
            away = self.begun(kind, FENCE)
            self.config(**{useless: 'false {host}'})
            compute_outage.ComputeChange(
                'unknown', self.target, FENCE, before).undo(admin)
            self.assertEqual(self.before, self.cloud.settings_of('cmp1'))
            self.config(compute_thaw_command='true {host}',
                        compute_start_command='true {host}')
            away.restore()
            self.put_right()

    def test_a_freeze_that_nobody_knows_takes_effect_after_the_thaw(self):
        """The journal is lost, and the freeze command is under way."""
        admin = self.cloud.admin()
        before = admin.services.show('cmp1')
        away = self.begun(compute_outage.Frozen, FENCE)
        # It starts no process that is there already.
        self.config(compute_start_command='true {host}',
                    stop_settle_time=300, poll_interval_start=1,
                    poll_interval_max=3, service_up_timeout=100)
        change, = compute_outage.ComputeChange.find(admin, outage_case.RUN)
        self.assertEqual((before.host, commands.Underway()),
                         (change.target.host, change.stop))
        self.strike_later('cmp1', 40)
        change.undo(admin)
        self.assertIsNotNone(self.struck)
        self.assertFalse(self.is_stopped('cmp1'))
        self.assertEqual(self.before, self.cloud.settings_of('cmp1'))
        away.restore()

    def test_never_noticed(self):
        away = self.begun(compute_outage.Unnoticed)
        self.cloud.service_down_time = 10 ** 6
        self.assertIn('until the compute service of host cmp1 is seen down',
                      str(self.assertRaises(lib_exc.TimeoutException,
                                            away.await_down)))

    def test_not_seen_down(self):
        self.cloud.service_down_time = 10 ** 6
        error = self.assertRaises(lib_exc.TimeoutException, self.use,
                                  self.make(compute_outage.Stopped))
        self.assertIn('until the compute service of host cmp1 is seen down; '
                      'last seen: nova-compute on cmp1: up', str(error))
        self.assert_as_before()

    def test_enabled_last(self):
        """Enabling a service that is down would leave the trait."""
        away = self.begun(compute_outage.ForcedDown, FENCE)
        away.restore()
        self.assertEqual([{'forced_down': False}, {'status': 'enabled'}],
                         self.settings_sent())
        self.assert_as_before()

    def assert_given_back_whenever_the_test_times_out(self, kind):
        # With a fence, which takes all requests of an outage without one.
        self.assert_survives_time_outs(lambda: self.make(kind, FENCE))

    @base.slow
    def test_forced_down_and_given_back_whenever_the_test_times_out(self):
        self.assert_given_back_whenever_the_test_times_out(
            compute_outage.ForcedDown)

    @base.slow
    def test_stopped_and_given_back_whenever_the_test_times_out(self):
        self.assert_given_back_whenever_the_test_times_out(
            compute_outage.Stopped)

    @base.slow
    def test_unnoticed_and_given_back_whenever_the_test_times_out(self):
        self.assert_given_back_whenever_the_test_times_out(
            compute_outage.Unnoticed)

    @base.slow
    def test_frozen_and_given_back_whenever_the_test_times_out(self):
        self.assert_given_back_whenever_the_test_times_out(
            compute_outage.Frozen)

    @base.slow
    def test_disabled_and_given_back_whenever_the_test_times_out(self):
        self.assert_given_back_whenever_the_test_times_out(
            compute_outage.Disabled)

    def test_given_back_though_the_stop_command_is_struck(self):
        self.config(compute_stop_command='sh -c "touch %s/{host}; '
                    'kill -ALRM $$PPID; sleep 60"' % self.stopped.path)
        self.assertRaises(fixtures.TimeoutException, self.use,
                          self.make(compute_outage.Stopped))
        self.assert_as_before()

    def test_given_back_once(self):
        away = self.begun(compute_outage.ForcedDown)
        away.restore()
        self.cloud.requests.clear()
        away.restore()
        self.assertEqual([], self.cloud.requests)

    def test_nothing_to_give_back(self):
        """useFixture alone changes nothing."""
        with self.make(compute_outage.Stopped):
            pass
        self.assertEqual([], self.cloud.requests)

    def test_second_try(self):
        """What failed may succeed in the fixture's clean-up."""
        away = self.begun(compute_outage.ForcedDown)

        def fail(method, path):
            raise fake_cloud.Answer(503, {'e': 1})

        self.cloud.before_answer = fail
        self.failed_restore(away)
        self.assertNotEqual([], os.listdir(self.journals))
        self.put_right()
        away.restore()
        self.assert_as_before()

    def test_one_step_fails_and_the_others_are_made(self):
        """Whatever goes wrong first, the host is not left down for it."""
        for failure in (fake_cloud.Answer(400, {'e': 1}),
                        OSError('no route')):
            self.build_cloud()
            away = self.begun(compute_outage.ForcedDown, FENCE)

            def fail_once(method, path):
                if len(self.cloud.requests) == 2:
                    # The step after it needs a host that is not down.
                    self.cloud.service_of('cmp1')['forced_down'] = False
                    raise failure

            self.cloud.before_answer = fail_once
            self.failed_restore(away)
            self.assertEqual(self.before, self.cloud.settings_of('cmp1'))
            away.restore()
            self.assert_as_before()

    def test_api_that_is_away_for_a_while(self):
        """Or an ingress, a limiter, Keystone, or the database of the cell."""
        self.config(api_timeout=300, poll_interval_max=3)
        for kind in (compute_outage.ForcedDown, compute_outage.Stopped):
            for answer in ((503, {'e': 1}), (401, {'e': 1}), (403, {'e': 1}),
                           (404, {'e': 1}), (408, {'e': 1}), (409, {'e': 1}),
                           (429, {'e': 1}), (200, {'services': []})):
                self.build_cloud()
                away = self.begun(kind, FENCE)

                def fail_at_first(method, path):
                    if (len(self.cloud.requests) <= 20
                            and path.startswith('os-services')
                            and (method, answer[0]) != ('PUT', 200)):
                        raise fake_cloud.Answer(*answer)

                self.cloud.before_answer = fail_at_first
                away.restore()
                self.assertGreater(len(self.cloud.requests), 20)
                self.assert_as_before(answer)

    def test_decommissioned_host_takes_the_limit_once(self):
        """Not once for each step of the restore."""
        self.config(api_timeout=100, poll_interval_max=3)
        away = self.begun(compute_outage.Stopped, FENCE)
        services = list(self.cloud.services)
        self.cloud.services.remove(self.cloud.service_of('cmp1'))
        began = time.monotonic()
        self.assertIn('has 0 nova-compute services',
                      self.failed_restore(away))
        waited = time.monotonic() - began
        self.assertTrue(100 <= waited < 200, waited)
        self.cloud.services[:] = services

    def test_api_refuses(self):
        away = self.begun(compute_outage.ForcedDown, FENCE)

        def refuse(method, path):
            if method == 'PUT':
                raise fake_cloud.Answer(403, {'forbidden': {
                    'code': 403, 'message': 'Policy does not allow it'}})

        self.cloud.before_answer = refuse
        message = self.failed_restore(away)
        self.assertIn('the compute service of host cmp1 was not given back: ',
                      message)
        self.assertIn('Policy does not allow it', message)
        self.assertEqual(1, message.count('To put it right'))
        self.assertIn('To put it right: openstack', message)
        self.assertIn('--up cmp1 nova-compute', message)
        self.assertIn('--enable cmp1 nova-compute', message)

    def test_forced_down_as_the_oldest_compute(self):
        """Nova changes its service again once it is upgraded."""
        self.config(api_timeout=300)
        away = self.begun(compute_outage.ForcedDown, FENCE)

        def refuse(method, path):
            if method == 'PUT':
                raise fake_cloud.Answer(500, {'computeFault': {
                    'code': 500, 'message': 'Unexpected API Error.\n'
                    "<class 'nova.exception.ServiceTooOld'>"}})

        self.cloud.before_answer = refuse
        message = self.failed_restore(away)
        self.assertIn('Nova does not change the compute service of host cmp1, '
                      'because it is older than each compute', message)
        self.assertIn('To put it right: upgrade nova-compute on cmp1, and '
                      'restart it; openstack --os-compute-api-version 2.53 '
                      'compute service set --up cmp1', message)
        # No repetition would help.
        self.assertEqual(1, [method for method, *_ in self.cloud.requests
                             ].count('PUT'))

    def test_api_that_says_yes_and_does_nothing(self):
        away = self.begun(compute_outage.ForcedDown)

        def ignore(method, path):
            if method == 'PUT':
                raise fake_cloud.Answer(200, {'service': self.cloud._shown(
                    self.cloud.service_of('cmp1'))})

        self.cloud.before_answer = ignore
        message = self.failed_restore(away)
        self.assertIn('the compute service of host cmp1 was not given back: ',
                      message)
        self.assertIn('up, enabled, updated at', message)
        self.assertIn('is (nova-compute on cmp1: down, enabled, forced down',
                      message)
        self.assertIn('To put it right: openstack', message)
        self.assertIn('--up cmp1 nova-compute', message)

    def test_start_command_fails(self):
        away = self.begun(compute_outage.Stopped, FENCE)
        self.config(compute_start_command='sh -c "echo no {host} >&2; exit 4"')
        message = self.failed_restore(away)
        self.assertIn('[local_delete] compute_start_command: sh exited with '
                      '4: no cmp1', message)
        self.assertIn("To put it right: sh -c 'echo no cmp1 >&2; exit 4'; "
                      'openstack', message)
        # The fence stays: it says in the cloud itself what is to be done.
        self.assertEqual(
            ('disabled', FENCE),
            (self.cloud.service_of('cmp1')['status'],
             self.cloud.service_of('cmp1')['disabled_reason']))

    def test_start_command_that_is_gone(self):
        """An abandoned run may be recovered with another tempest.conf."""
        away = self.begun(compute_outage.Stopped)
        self.config(compute_start_command=None)
        message = self.failed_restore(away)
        self.assertIn('[local_delete] compute_start_command: is not set',
                      message)
        self.assertTrue(message.endswith(
            'To put it right: start nova-compute on cmp1'), message)

    def test_start_command_fails_though_the_process_runs(self):
        """A service manager may refuse to start what runs already."""
        away = self.begun(compute_outage.Stopped)
        os.unlink(self.stopped.join('cmp1'))
        away.restore()
        self.assert_as_before()

    def test_a_stop_takes_effect_after_the_start(self):
        away = self.begun(compute_outage.Stopped)
        self.config(compute_start_command=self.start_at_the_second_try(
            '{host}'))
        away.restore()
        self.assert_as_before()

    def test_a_stop_that_was_cut_off_takes_effect_much_later(self):
        for kind, option in (
                (compute_outage.Stopped, 'compute_stop_command'),
                (compute_outage.Unnoticed, 'compute_stop_command'),
                (compute_outage.Frozen, 'compute_freeze_command')):
            self.build_cloud()
            self.assert_stays(lambda: self.make(kind, FENCE), option, 'cmp1')
            # Nobody's server lands on the host before that is over.
            enabled = [number for number, sent in enumerate(
                self.cloud.requests) if sent[3] == {'status': 'enabled'}]
            self.assertGreater(enabled[0], self.struck)
            self.set_commands()

    def test_a_stop_that_returned_at_once_takes_effect_much_later(self):
        """As with "systemctl --no-block", or a SIGTERM."""
        self.assert_stays(lambda: self.make(compute_outage.Stopped, FENCE),
                          'compute_stop_command', 'cmp1',
                          code=0, error=exceptions.TimedOut)

    def test_a_stop_is_on_disk_before_it_is_run(self):
        copy = self.stopped.join('copy')
        path = os.path.join(self.journals, outage_case.RUN.id + '.journal')
        self.config(compute_stop_command='cp %s %s-{host}' % (path, copy))
        self.cloud.is_running = lambda host: not os.path.exists(
            '%s-%s' % (copy, host))
        self.config(compute_start_command='mv %s-{host} %s' % (copy, copy))
        away = self.begun(compute_outage.Stopped, FENCE)
        away.restore()
        with open(copy) as file:
            stops = [json.loads(line)['what']['stop']
                     for line in file.readlines()[1:]]
        self.assertIsNone(stops[0])
        self.assertEqual(['began', 'boot_id', 'pid', 'start_time'],
                         sorted(stops[1]))
        self.assertIsNone(stops[1]['pid'])
        self.assertIsNotNone(stops[1]['began'])

    def test_a_stop_that_has_ended_is_not_watched(self):
        self.config(stop_settle_time=10 ** 6)
        away = self.begun(compute_outage.Stopped, FENCE)
        began = time.monotonic()
        away.restore()
        self.assertLess(time.monotonic() - began, 10 ** 5)
        self.assert_as_before()

    def test_a_stop_that_never_began_is_not_watched(self):
        self.config(stop_settle_time=10 ** 6,
                    compute_stop_command='no-such-program {host}')
        self.assertRaises(exceptions.CommandNotBegun, self.use,
                          self.make(compute_outage.Stopped, FENCE))
        self.assert_as_before()

    @base.slow
    def test_a_stop_whose_run_was_killed(self):
        for kind, option in (
                (compute_outage.Stopped, 'compute_stop_command'),
                (compute_outage.Frozen, 'compute_freeze_command')):
            self.assert_stays_after_a_kill(
                lambda: self.make(kind, FENCE), option, 'cmp1')
            self.set_commands()

    def test_a_stop_that_cannot_be_killed(self):
        """It may run as root; then the operator has to end it."""
        process = subprocess.Popen(['sleep', '60'], start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.config(command_timeout=1)
        change = compute_outage.ComputeChange(
            'stopped', self.target, None,
            self.cloud.admin().services.show('cmp1'),
            commands.Underway.now(process.pid))
        away = self.begun(compute_outage.Stopped)
        away._stop = change.stop
        with fixtures.MockPatch('os.killpg', side_effect=PermissionError):
            # The test's own clean-up may not take it for ended either.
            for _ in range(2):
                self.assertIn('cannot be killed', self.failed_restore(away))
            message = str(self.assertRaises(
                exceptions.RestoreFailed, change.undo, self.cloud.admin()))
        self.assertIn('kill process %d as root' % process.pid, message)
        change.undo(self.cloud.admin())
        self.assertEqual(-signal.SIGKILL, process.wait())

    def test_up_from_a_heartbeat_of_before_the_stop_is_not_up(self):
        away = self.begun(compute_outage.Stopped)
        self.config(compute_start_command='true {host}')
        self.cloud.service_down_time = 10 ** 6
        self.assertFalse(self.is_down())
        self.assertIn('has sent 2 heartbeats since its start',
                      self.failed_restore(away))

    def test_one_heartbeat_is_not_enough(self):
        """It may have been under way when the process was killed."""
        away = self.begun(compute_outage.Stopped)
        self.config(compute_start_command='true {host}')
        self.cloud.service_down_time = 10 ** 6

        def beat_once(method, path):
            self.cloud.service_of('cmp1')['updated_at'] = min(
                500, self.cloud.service_of('cmp1')['updated_at'] + 500)

        self.cloud.before_answer = beat_once
        self.assertIn('has sent 2 heartbeats since its start',
                      self.failed_restore(away))

    def test_disabled_by_somebody_else_meanwhile(self):
        away = self.begun(compute_outage.ForcedDown, FENCE)
        self.cloud.service_of('cmp1')['disabled_reason'] = 'broken fan'
        left = self.assertRaises(exceptions.LeftToOperator, away.restore)
        self.assertIn("somebody else has disabled it, with the reason "
                      "'broken fan'", str(left))
        service = self.cloud.service_of('cmp1')
        self.assertEqual(('disabled', 'broken fan', False), (
            service['status'], service['disabled_reason'],
            service['forced_down']))
        self.assertEqual([], os.listdir(self.journals))

    def test_refused_and_nothing_changed(self):
        self.config(allow_outages=False)
        for kind, reason in self.KINDS:
            self.assertRaises(exceptions.OutageRefused, self.use,
                              self.make(kind, reason))
        self.assertEqual([], self.cloud.calls('PUT'))
        self.assert_as_before()

    def test_refused_once_the_fence_is_up(self):
        """A foreign server was placed between the look and the fence."""
        def place(method, path):
            if method == 'PUT':
                self.cloud.hold(9, 1, 'theirs', VCPU=1)

        self.cloud.before_answer = place
        self.assertRaises(exceptions.OutageRefused, self.use,
                          self.make(compute_outage.Stopped, FENCE))
        self.assert_as_before()

    def test_stopped_only_if_it_can_be_started(self):
        for option in compute_outage.Stopped.needs:
            for command in (None, 'systemctl stop nova-compute',
                            'ssh "{host}'):
                self.set_commands()
                self.config(**{option: command})
                self.assertRaises(exceptions.CommandFailed, self.use,
                                  self.make(compute_outage.Stopped))
                self.assertEqual([], self.cloud.calls('PUT'))
                self.assert_as_before()
