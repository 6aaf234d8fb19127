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


"""When the operator of the trial acts, and how the trial judges."""

import types
from unittest import mock

from keystoneauth1 import exceptions as keystone_exceptions

from allinone.tests import base
from proof.trials import acts
from proof.trials import operator


class DrawTest(base.TestCase):

    def test_seeds_in_a_row_draw_every_combination(self):
        every = operator.combinations()
        drawn = [operator.draw(seed)
                 for seed in range(300, 300 + len(every))]
        self.assertEqual(set(every), {
            (plan.act, plan.outage, plan.moment) for plan in drawn})
        self.assertEqual(operator.draw(3), operator.draw(3))
        self.assertEqual({True, False}, {plan.fence for plan in drawn})

    def test_all_acts_have_a_scenario_for_each_outage(self):
        self.assertEqual(set(operator._SCENARIOS), {
            outage for act in acts.ACTS for outage, _ in act.where})
        self.assertEqual(len(acts.ACTS), len({act.name for act in acts.ACTS}))

    def test_all_acts_come_at_any_moment_that_there_is(self):
        self.assertEqual(set(acts.Moment), {
            moment for act in acts.ACTS for _, moment in act.where})

    def test_no_act_that_the_run_does_itself(self):
        for act, outage in (('force down', acts.FORCED_DOWN),
                            ('stop the process', acts.STOPPED)):
            self.assertNotIn((act, outage), [
                (one.name, where) for one, where, _ in
                operator.combinations()])


class JudgeTest(base.TestCase):

    def test_what_is_left_over(self):
        touches = ('service nova-compute a: ', 'aggregate x: ')
        own = ['service nova-compute a: was up, is down',
               'aggregate x: was None, is [a]']
        others = ['service nova-compute b: was up, is down',
                  'flavor 1: was None, is x']
        self.assertEqual(others, operator.left_over(own + others, touches))
        self.assertEqual(own, operator.left_over(own, ()))

    def test_unsaid(self):
        for code, failures, printed, is_said in (
                (None, 'host a is left to you', '', True),
                (None, '', '', False),
                (3, '', 'host a: left to you', True),
                (1, '', 'host a: not undone', True),
                (3, 'host a', 'undone', False),
                (0, 'host a', 'host a: undone', False)):
            found = operator.unsaid(code, 'host a', failures, printed)
            self.assertEqual(is_said, not found, (code, failures, printed))

    def test_an_outcome_without_a_problem_is_good(self):
        def judge(*problems):
            return operator._judge([operator.Outcome(
                1, 'force down, in an outage', True, True, 3,
                list(problems))])

        self.assertEqual(0, judge())
        self.assertEqual(1, judge('the act does not stand'))


class ActsTest(base.TestCase):

    def site(self, **service):
        site = mock.Mock(spec=acts.Site, host='a', memory={}, runs=True,
                         is_left=False, admin=mock.Mock())
        site.service.return_value = dict(
            {'id': '1', 'state': 'up', 'status': 'enabled',
             'disabled_reason': None, 'forced_down': False}, **service)
        return site

    def act(self, name):
        [found] = [act for act in acts.ACTS if act.name == name]
        return found

    def test_disable(self):
        act = self.act('disable with a reason')
        site = self.site()
        act.do(site)
        site.update.assert_called_once_with(
            status='disabled', disabled_reason=acts.TICKET)
        self.assertEqual(2, len(act.problems(site)))
        self.assertEqual([], act.problems(self.site(
            status='disabled', disabled_reason=acts.TICKET)))

    def test_what_the_run_did_is_gone_where_the_operator_disabled(self):
        [line] = self.act('disable with a reason').problems(self.site(
            status='disabled', disabled_reason=acts.TICKET,
            forced_down=True))
        self.assertEqual('forced_down of a is True, and not False', line)

    def test_what_recover_left_to_the_operator_is_his(self):
        act = self.act('disable with a reason')
        site = self.site(status='disabled', disabled_reason=acts.TICKET,
                         forced_down=True)
        site.is_left = True
        self.assertEqual([], act.problems(site))
        act.take_back(site)
        site.repair.assert_called_once_with()

    def test_a_disable_without_a_reason_has_none(self):
        act = self.act('disable without a reason')
        site = self.site()
        act.do(site)
        site.update.assert_called_once_with(status='disabled')
        [line] = act.problems(self.site(
            status='disabled', disabled_reason='of a run'))
        self.assertIn('disabled_reason', line)

    def test_force_down(self):
        act = self.act('force down')
        self.assertEqual(1, len(act.problems(self.site())))
        self.assertEqual([], act.problems(self.site(forced_down=True)))

    def test_stop(self):
        act = self.act('stop the process')
        site = self.site()
        self.assertEqual(1, len(act.problems(site)))
        site.runs = False
        self.assertEqual([], act.problems(site))

    def test_a_service_that_is_gone(self):
        site = self.site()
        site.service.return_value = None
        self.assertEqual(['a has no compute service'],
                         self.act('force down').problems(site))

    def test_trait(self):
        act = self.act('put a trait')
        site = self.site()
        site.of_provider.return_value = ['HW_X']
        site.provider.return_value = {'uuid': '7', 'generation': 3}
        act.do(site)
        path, = site.admin.placement.put.call_args.args
        self.assertEqual('/resource_providers/7/traits', path)
        self.assertEqual({'traits': [act.trait, 'HW_X'],
                          'resource_provider_generation': 3},
                         site.admin.placement.put.call_args.kwargs['json'])
        self.assertEqual(1, len(act.problems(site)))

    def test_an_act_that_is_refused_is_tried_again(self):
        act = types.SimpleNamespace(name='x', do=mock.Mock(side_effect=[
            keystone_exceptions.Conflict, acts.Gone, None]))
        self.assertTrue(acts.attempt(act, None))
        act.do.side_effect = keystone_exceptions.Conflict
        with mock.patch('proof.trials.acts._REFUSED', 0.01):
            self.assertFalse(acts.attempt(act, None))
        act.do.side_effect = KeyError
        self.assertRaises(KeyError, acts.attempt, act, None)


class AttemptTest(base.TestCase):
    """One act, with a run and a cloud that are not there."""

    HELD = [('compute', {'outage': 'stopped', 'target': {'host': 'a'}})]

    def setUp(self):
        super().setUp()
        self.act = mock.Mock(spec=acts.Act, may_be_left=True, is_said=(
            acts.Moment.DEAD,))
        self.act.name = 'force down'
        self.act.touches.return_value = ('service nova-compute a: ',)
        self.act.problems.return_value = []
        self.workspace = mock.MagicMock(journals=self.state, log=self.state)
        self.workspace.commanding.return_value.__enter__.return_value = (
            self.recover) = mock.Mock()
        self.recover.wait.return_value = 3
        self.workspace.command.return_value = 0
        (self.state / 'run.log').touch()
        (self.state / 'recover.log').write_text('host a is left to you')
        self.left = [[]]
        for name, value in (
                ('runs.another', {'return_value': self.workspace}),
                ('runs.ended', {'return_value': False}),
                ('runs.kill', {}), ('runs.wait', {'return_value': True}),
                ('runs.failures', {'return_value': []}),
                ('progress.Progress', {}),
                ('acts.Site.service', {}),
                ('acts.attempt', {'return_value': True}),
                ('journals.held', {'side_effect': self.held}),
                ('snapshot.settle', {
                    'side_effect': lambda find, limit: self.left.pop(0)
                    if self.left else []})):
            setattr(self, name.replace('.', '_'), self.enterContext(
                mock.patch(f'proof.trials.{name}', autospec=True, **value)))
        self.progress_Progress.return_value.now.return_value = (
            'intend compute stopped')
        self.journal = {'AA': self.HELD}

    def held(self, folder):
        return self.journal

    def run_act(self, moment, **recover):
        def end(*_):
            self.journal = {}
            return recover.get('code', 3)

        self.recover.wait.side_effect = end
        plan = operator.Plan(5, self.act, acts.STOPPED, moment, 1, True)
        return operator._Attempt(self.cloud, self.state, plan, None).run()

    def test_after_a_kill(self):
        outcome = self.run_act(acts.Moment.DEAD)
        self.assertEqual([], outcome.problems)
        self.assertEqual((True, True, 3), (
            outcome.done, outcome.in_time, outcome.code))
        self.runs_kill.assert_called_once()
        self.act.take_back.assert_called_once()

    def test_an_act_that_came_too_late(self):
        """The run had given all back, so nobody has to say anything."""
        self.runs_kill.side_effect = lambda *_: self.journal.clear()
        outcome = self.run_act(acts.Moment.DEAD)
        self.assertEqual((True, False, None, []), (
            outcome.done, outcome.in_time, outcome.code, outcome.problems))

    def test_recover_is_silent(self):
        [line] = self.run_act(acts.Moment.DEAD, code=0).problems
        self.assertIn('recover ended with 0', line)

    def test_an_act_that_recover_undid(self):
        self.act.problems.return_value = ['forced_down of a is False']
        [line] = self.run_act(acts.Moment.RECOVER).problems
        self.assertIn('does not stand: forced_down of a is False', line)

    def test_what_the_run_left(self):
        self.left = [['flavor 1: was None, is x'], []]
        [line] = self.run_act(acts.Moment.RECOVER).problems
        self.assertIn('flavor 1', line)

    def test_a_trait_that_nova_makes_again(self):
        """It may be left if a message has said so, and recover removes it."""
        trait = 'custom trait CUSTOM_LOCAL_DELETE_AA: was None, is True'
        for said, other, removed, good in (
                (True, [], True, True), (False, [], True, False),
                (True, [], False, False), (True, ['flavor 1'], True, False)):
            self.journal = {'AA': self.HELD}
            self.left = [[], [trait, *other], [] if removed else [trait]]
            (self.state / 'recover.log').write_text(
                'host a, "recover --run AA" removes it' if said else 'host a')
            problems = self.run_act(acts.Moment.DEAD).problems
            self.assertEqual(good, not problems, (said, other, problems))

    def test_a_host_without_providers_of_neutron_is_deleted(self):
        self.act.__class__ = acts.DeleteService
        self.run_act(acts.Moment.DEAD)
        hosts = self.runs_another.call_args[1]['target_hosts'].split(',')
        self.assertEqual(set(self.cloud.hosts) - {self.cloud.bandwidth_host},
                         set(hosts))

    def test_a_run_that_gives_back_itself(self):
        self.runs_wait.side_effect = lambda *_: self.journal.clear() or True
        # It ends, and its phase was never "give back".
        self.runs_ended.return_value = True
        outcome = self.run_act(acts.Moment.BACK)
        self.runs_ended.return_value = False
        self.assertIn('never came to its phase', str(outcome.problems))
        self.journal = {'AA': self.HELD}
        self.progress_Progress.return_value.now.return_value = (
            'compute stopped: give back/heartbeats')
        outcome = self.run_act(acts.Moment.BACK)
        self.assertEqual(([], None), (outcome.problems, outcome.code))

    def test_an_act_that_was_refused_is_not_judged(self):
        self.acts_attempt.return_value = False
        self.act.problems.return_value = ['x']
        outcome = self.run_act(acts.Moment.DEAD)
        self.assertEqual(([], False), (outcome.problems, outcome.done))
        self.act.take_back.assert_not_called()
