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

"""Whoever gives a compute back changes only what is the run's own."""

import copy
import dataclasses
import itertools
import pathlib

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.outages import provider_state
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import undo
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit import outage_case

FENCE = outage_case.RUN.fence_reason
TICKET = 'TICKET-4712, do not start'

# All that an operator does to a host that nobody is to use.
OUT_OF_USE = {'status': 'disabled', 'disabled_reason': TICKET,
              'forced_down': True}


class _Killed(BaseException):
    """The process is gone, and none of its clean-ups runs."""


class RestoreTest(outage_case.OutageTest):

    KINDS = [kind for kind in compute_outage.OUTAGES.values()
             if kind not in (compute_outage.Attempt, compute_outage.Unknown,
                             compute_outage.UnnoticedForcedDown)]

    def setUp(self):
        super().setUp()
        self.config(service_up_timeout=60, trait_timeout=60)
        self.config('identity', uri_v3='https://keystone.test/v3')

    def change(self, kind, reason=FENCE):
        """Make what a journal holds of an outage."""
        return compute_outage.ComputeChange(
            kind.name, self.target, reason,
            self.cloud.compute_services().show('cmp1'))

    def act(self, **settings):
        """Change the host as an operator does with Nova's API."""
        self.cloud._update_service(self.service()['id'], settings)

    def service(self):
        return self.cloud.service_of('cmp1')

    def stop(self):
        pathlib.Path(self.stopped.join('cmp1')).touch()

    def settings(self):
        return {name: self.service()[name] for name in OUT_OF_USE}

    def left_of(self, restore, *arguments):
        return str(self.assertRaises(
            exceptions.LeftToOperator, restore, *arguments))

    def begun(self, kind, reason=None):
        away = self.make(kind, reason)
        away.setUp()
        self.addCleanup(away.cleanUp)
        away.begin()
        return away

    def recover(self, written):
        """Undo what the journal of a killed process holds."""
        if written._file:
            written._file.close()
        for abandoned in abandoned_runs.find_abandoned(
                identity.Cloud.of_conf()):
            left = []
            for intent in reversed(abandoned.intents):
                try:
                    intent.change.undo(self.cloud.admin())
                except exceptions.LeftToOperator as error:
                    left.append(str(error))
            abandoned.close(recovered=True)
            return left

    def killed_at(self, number, when, away):
        """Kill the process in a request of an outage.

        A host whose death is unnoticed is forced down as well.

        :returns: Whether there are so many requests.
        """
        request, count = self.cloud.request, 0

        def die(moment):
            if (count, when) == (number, moment):
                raise _Killed

        def mortal(*args, **kwargs):
            nonlocal count
            count += 1
            die('before')
            answer = request(*args, **kwargs)
            die('after')
            return answer

        self.cloud.request = mortal
        try:
            away.begin()
            if isinstance(away, compute_outage.Unnoticed):
                away.force_down()
            away.restore()
        except _Killed:
            return True
        finally:
            self.cloud.request = request
        return False

    def assert_recovered_wherever_it_is_killed(self, kind,
                                               reasons=(None, FENCE)):
        for reason, when in itertools.product(reasons, ('before', 'after')):
            number = 1
            while True:
                self.build_cloud()
                before = self.held()
                admin, written, guard, target = self.arguments()
                away = kind(admin, written, guard, target, reason)
                if not self.killed_at(number, when, away):
                    break
                self.assertIn(self.recover(written), (None, []))
                where = 'killed %s request %d' % (when, number)
                self.assert_as_before(where)
                self.assertEqual(before, self.held(), where)
                number += 1
            self.assertGreater(number, 10)

    def held(self):
        """Give what Placement has on the provider of the host."""
        return copy.deepcopy(
            self.cloud.inventories[self.target.provider_id])


class ComputeRestoreTest(RestoreTest):

    def test_host_that_an_operator_took_over_since_is_not_touched(self):
        """He repaired it by hand, and took it out of use later."""
        for kind in compute_outage.OUTAGES.values():
            for reason in (None, FENCE):
                self.build_cloud()
                old = self.change(kind, reason)
                self.stop()
                self.service().update(OUT_OF_USE)
                message = self.left_of(old.undo, self.cloud.admin())
                self.assertEqual([], self.cloud.calls('PUT', 'DELETE'))
                self.assertTrue(self.is_stopped('cmp1'), kind)
                self.assertIn(
                    'is left to you, because somebody else has changed it '
                    'since the outage %r of the run, so nothing of it was '
                    'touched: nova-compute on cmp1: down, disabled, disabled '
                    'reason %r, forced down' % (kind.name, TICKET), message)
                for advice in ('--up', '--enable', 'openstack', 'rm '):
                    self.assertNotIn(advice, message)

    def test_host_that_an_operator_stopped_since_is_not_started(self):
        """He took the fence away, so the run has stopped nothing."""
        self.config(service_up_timeout=1)
        old = self.change(compute_outage.Stopped)
        self.stop()
        self.service()['heartbeat'] = -100
        message = self.left_of(old.undo, self.cloud.admin())
        self.assertTrue(self.is_stopped('cmp1'))
        self.assertIn('somebody else has given it back since, and it is down',
                      message)

    def test_host_that_an_operator_gave_back_is_as_before(self):
        for kind in self.KINDS:
            self.build_cloud()
            self.change(kind).undo(self.cloud.admin())
            self.assertEqual([], self.cloud.calls('PUT', 'DELETE'))
            self.assertEqual(self.before, self.cloud.settings_of('cmp1'))

    def test_service_that_an_operator_has_made_anew_is_not_touched(self):
        """A new service has nothing of what a run did to the old one."""
        old = self.change(compute_outage.ForcedDown, None)
        self.service().update(id='00000999-0000-4000-8000-000000000999',
                              forced_down=True)
        self.left_of(old.undo, self.cloud.admin())
        self.assertTrue(self.service()['forced_down'])

    def test_forced_down_meanwhile_stays(self):
        """Outages of most kinds never set the flag."""
        for kind in (compute_outage.Disabled, compute_outage.Stopped,
                     compute_outage.Frozen, compute_outage.Unnoticed):
            self.build_cloud()
            away = self.begun(kind, FENCE)
            self.act(forced_down=True)
            message = self.left_of(away.restore)
            self.assertIn('somebody else has forced it down', message)
            self.assertIn('recover --run %s" removes it'
                          % outage_case.RUN.id, message)
            self.assertEqual({'status': 'enabled', 'disabled_reason': None,
                              'forced_down': True}, self.settings(), kind)
            self.assertFalse(self.is_stopped('cmp1'))

    def test_forced_down_since_by_somebody_else_stays(self):
        """The journal tells whether an unnoticed host was forced down."""
        for kind in (compute_outage.Stopped, compute_outage.Unnoticed,
                     compute_outage.UnnoticedForcedDown):
            self.build_cloud()
            old = self.change(kind)
            self.stop()
            self.service().update(status='disabled', disabled_reason=FENCE,
                                  forced_down=True)
            if kind.forces_down:
                old.undo(self.cloud.admin())
                self.assertFalse(self.service()['forced_down'])
                continue
            self.left_of(old.undo, self.cloud.admin())
            self.assertEqual({'status': 'enabled', 'disabled_reason': None,
                              'forced_down': True}, self.settings())
            self.assertFalse(self.is_stopped('cmp1'))

    def test_disabled_without_a_reason_meanwhile_stays(self):
        for kind in (compute_outage.ForcedDown, compute_outage.Stopped):
            self.build_cloud()
            away = self.begun(kind)
            self.act(status='disabled')
            message = self.left_of(away.restore)
            self.assertIn('somebody else has disabled it, without a reason',
                          message)
            self.assertEqual({'status': 'disabled', 'disabled_reason': None,
                              'forced_down': False}, self.settings(), kind)
            self.assertFalse(self.is_stopped('cmp1'))

    def test_advice_says_nothing_against_the_ticket(self):
        """The start of the process fails, and only that is the run's."""
        away = self.begun(compute_outage.Stopped, FENCE)
        self.act(**OUT_OF_USE)
        self.config(compute_start_command='false {host}',
                    service_up_timeout=1)
        message = str(self.assertRaises(exceptions.RestoreFailed,
                                        away.restore))
        self.assertIn(TICKET, message)
        self.assertTrue(message.endswith('To put it right: false cmp1'),
                        message)
        self.set_commands()
        self.left_of(away.restore)

    @base.slow
    def test_forced_down_and_recovered_wherever_it_is_killed(self):
        self.assert_recovered_wherever_it_is_killed(compute_outage.ForcedDown)

    @base.slow
    def test_stopped_and_recovered_wherever_it_is_killed(self):
        self.assert_recovered_wherever_it_is_killed(compute_outage.Stopped)

    @base.slow
    def test_unnoticed_and_recovered_wherever_it_is_killed(self):
        self.assert_recovered_wherever_it_is_killed(compute_outage.Unnoticed)

    @base.slow
    def test_frozen_and_recovered_wherever_it_is_killed(self):
        self.assert_recovered_wherever_it_is_killed(compute_outage.Frozen)

    @base.slow
    def test_disabled_and_recovered_wherever_it_is_killed(self):
        self.assert_recovered_wherever_it_is_killed(
            compute_outage.Disabled, [FENCE])

    @base.slow
    def test_ticket_stands_whenever_it_was_written(self):
        """An operator disables the host during the restore."""
        for kind in self.KINDS:
            if kind is compute_outage.ServiceDeleted:
                continue
            number = 1
            while True:
                self.build_cloud()
                away = self.begun(kind, FENCE)
                self.cloud.requests.clear()

                def act(method, path, number=number):
                    # Nova cannot compare, so what comes between a look and
                    # the request after it is lost.
                    if len(self.cloud.requests) >= number and method == 'GET':
                        self.cloud.before_answer = lambda method, path: None
                        self.act(status='disabled', disabled_reason=TICKET)

                self.cloud.before_answer = act
                try:
                    away.restore()
                except exceptions.LeftToOperator as error:
                    self.assertIn(TICKET, str(error))
                    self.assertEqual({
                        'status': 'disabled', 'disabled_reason': TICKET,
                        'forced_down': False}, self.settings(), number)
                    self.assertFalse(self.is_stopped('cmp1'))
                else:
                    break
                number += 1
            self.cloud.before_answer = lambda method, path: None
            self.assertGreater(number, 3)


class ServiceDeletedTest(RestoreTest):
    """An admin had set a ratio and a trait, and nova-compute knows neither."""

    def build_cloud(self):
        super().build_cloud()
        self.provider = self.target.provider_id
        self.cloud.inventories[self.provider]['VCPU']['allocation_ratio'] = 1.5
        self.cloud.traits[self.provider].add('HW_CPU_X86_AESNI')
        self.before = self.cloud.settings_of('cmp1')

    def settings_sent(self):
        return [call for call in self.cloud.calls('PUT', 'DELETE')
                if self.provider in call]

    def ratio(self):
        return self.cloud.inventories[self.provider]['VCPU'][
            'allocation_ratio']

    def deleted(self):
        away = self.begun(compute_outage.ServiceDeleted, FENCE)
        self.cloud.requests.clear()
        return away

    def forget_provider(self):
        """Have the service deleted, and registered again by an operator."""
        old = dataclasses.replace(
            self.change(compute_outage.ServiceDeleted),
            provider=provider_state.ProviderState.read(
                self.cloud.admin(), self.target))
        self.cloud._delete_service(self.service()['id'], None)
        self.cloud._tick()
        self.cloud.requests.clear()
        return old

    def refused(self, away):
        refusal = self.assertRaises(exceptions.OutageRefused, self.use, away)
        self.assertEqual([], self.cloud.calls('DELETE'))
        self.assert_as_before()
        return refusal

    def test_what_an_admin_had_set_is_back(self):
        self.deleted().restore()
        self.assert_as_before()
        self.assertEqual(1.5, self.ratio())

    def test_what_does_not_come_back_forbids_the_delete(self):
        def set_up(what):
            self.build_cloud()
            if what == 'aggregate az1':
                self.cloud.aggregates = [('az1', ['cmp1'])]
            elif what == 'aggregate x of Placement':
                self.cloud.provider_aggregates[self.provider] = ['x']
            elif what == 'trait CUSTOM_FAST':
                self.cloud.traits[self.provider].add('CUSTOM_FAST')
            elif what == 'inventory of CUSTOM_KEY':
                self.cloud.inventories[self.provider]['CUSTOM_KEY'] = (
                    self.cloud.inventories[self.provider]['VCPU'])
            else:
                self.cloud.add_provider(77, 'numa0', 1)
            self.before = self.cloud.settings_of('cmp1')

        self.cloud.provider_aggregates = {}
        for what in ('aggregate az1', 'trait CUSTOM_FAST', 'provider numa0',
                     'inventory of CUSTOM_KEY'):
            set_up(what)
            refusal = self.refused(
                self.make(compute_outage.ServiceDeleted, FENCE))
            self.assertEqual(exceptions.Refusal.NOT_RECOVERABLE, refusal.code)
            self.assertIn('it would not get back: ' + what, str(refusal))
            self.assertEqual([], self.cloud.calls('PUT'))

    def come(self, change):
        """Let somebody change the host while the run waits for it."""
        def come(method, path):
            if self.is_stopped('cmp1'):
                self.cloud.before_answer = lambda method, path: None
                change()

        self.cloud.before_answer = come
        return self.refused(self.make(compute_outage.ServiceDeleted, FENCE))

    def test_aggregate_that_came_while_the_run_waited(self):
        refusal = self.come(
            lambda: self.cloud.aggregates.append(('az1', ['cmp1'])))
        self.assertIn('aggregate az1', str(refusal))

    def test_server_that_came_while_the_run_waited(self):
        refusal = self.come(
            lambda: self.cloud.hold(9, 1, 'theirs', VCPU=1))
        self.assertEqual(exceptions.Refusal.FOREIGN_CONSUMER, refusal.code)

    def test_what_cannot_be_set_again_is_named(self):
        away = self.deleted()

        def ignore(method, path):
            if method == 'PUT' and path.endswith('/inventories'):
                raise fake_cloud.Answer(*self.cloud._list_inventories(
                    self.provider, query={}))

        self.cloud.before_answer = ignore
        message = str(self.assertRaises(exceptions.RestoreFailed,
                                        away.restore))
        self.assertIn('is not as it was: allocation_ratio of VCPU was 1.5 '
                      'and is 4.0', message)
        self.cloud.before_answer = lambda method, path: None
        # At the end of its class, another object tries it again.
        for left in list(away._journal._open.values()):
            left.change.undo(self.cloud.admin())
            away._journal.complete(left)
        self.assertEqual(1.5, self.ratio())
        self.assert_as_before()

    def test_host_that_an_operator_started_since_is_not_touched(self):
        """He may have set other values by now."""
        old = self.forget_provider()
        message = self.left_of(old.undo, self.cloud.admin())
        self.assertIn(
            'somebody else has started nova-compute after the run had deleted '
            'its service, and now the trait HW_CPU_X86_AESNI is gone, '
            'allocation_ratio of VCPU was 1.5 and is 4.0', message)
        self.assertEqual([], self.cloud.calls('PUT', 'DELETE'))

    def test_host_that_an_operator_put_right_since_is_as_before(self):
        old = self.forget_provider()
        self.cloud.inventories[self.provider]['VCPU']['allocation_ratio'] = 1.5
        self.cloud.traits[self.provider].add('HW_CPU_X86_AESNI')
        old.undo(self.cloud.admin())
        self.assertEqual([], self.cloud.calls('PUT', 'DELETE'))

    @base.slow
    def test_recovered_wherever_it_is_killed(self):
        self.assert_recovered_wherever_it_is_killed(
            compute_outage.ServiceDeleted, [FENCE])

    @base.slow
    def test_recovered_wherever_recover_is_killed(self):
        """Nobody else has started nova-compute, but the recover before."""
        number = 1
        while True:
            self.build_cloud()
            before = self.held()
            away = self.make(compute_outage.ServiceDeleted, FENCE)
            away.begin()
            away._journal._file.close()
            killed = self.recover_and_be_killed_at(number)
            self.assertEqual([], self.recover_again())
            where = 'killed at request %d' % number
            self.assert_as_before(where)
            self.assertEqual(before, self.held(), where)
            if not killed:
                break
            number += 1
        self.assertGreater(number, 10)

    def recover_and_be_killed_at(self, number):
        request, left = self.cloud.request, iter(range(number))

        def mortal(*arguments, **options):
            answer = request(*arguments, **options)
            if next(left, 0) == number - 1:
                raise _Killed
            return answer

        self.cloud.request = mortal
        try:
            self.recover_again()
        except _Killed:
            return True
        finally:
            self.cloud.request = request
        return False

    def recover_again(self):
        outcomes = []
        for abandoned in abandoned_runs.find_abandoned(
                identity.Cloud.of_conf()):
            try:
                outcomes += undo.Recovery(self.cloud.admin()).undo_all(
                    abandoned)
            except BaseException:
                abandoned.close(recovered=False)
                raise
            abandoned.close(recovered=True)
        return [outcome.why for outcome in outcomes if outcome.why]
