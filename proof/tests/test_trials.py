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


"""The pure parts of the trials: what they read, and how they judge."""

import json
import pathlib
from unittest import mock

import fixtures

from allinone import api
from allinone import errors
from allinone.tests import base
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.safety import run as plugin_run
from proof.trials import crowd
from proof.trials import faults
from proof.trials import journals
from proof.trials import load
from proof.trials import marks
from proof.trials import noise
from proof.trials import pairs
from proof.trials import recording_proxy
from proof.trials import runs
from proof.trials import snapshot

Refusal = exceptions.Refusal

FAILED_LOG = """
{0} a.test_one [1.0s] ... FAILED

Captured traceback:
~~~~~~~~~~~~~~~~~~~
    Traceback (most recent call last):

      File "a.py", line 1, in test_one
    return Restore(*func_args, **func_kwargs)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    tempest.lib.exceptions.TimeoutException: Request timed out
Details: waited 1.0 s

During handling of the above exception, another exception occurred:

    Traceback (most recent call last):

      File "a.py", line 2, in restore
    self.give_back()

    a.exceptions.RestoreFailed: host compute1 was not given back: Conflict
Details: 409. To put it right: start it


Captured traceback-1:
~~~~~~~~~~~~~~~~~~~~~
    Traceback (most recent call last):

      File "a.py", line 2, in test_one
    self.nothing

    AttributeError: nothing


Captured pythonlogging:
~~~~~~~~~~~~~~~~~~~~~~~
    Body: None

{0} a.test_two ... SKIPPED: no host to take down: host compute1 is away

======
Totals
======
Ran: 2 tests in 1.0 sec.
 - Passed: 0
 - Skipped: 1
 - Expected Fail: 0
 - Unexpected Success: 0
 - Failed: 1
"""


class RunsTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.log = self.state / 'run.log'
        self.log.write_text(FAILED_LOG)

    def test_counts(self):
        self.assertEqual({'passed': 0, 'skipped': 1, 'failed': 1},
                         runs.counts(self.log))

    def test_skips(self):
        self.assertEqual(['no host to take down: host compute1 is away'],
                         runs.skips(self.log))

    def test_failures_are_shown_twice(self):
        self.log.write_text(FAILED_LOG * 2)
        self.assertEqual(
            ['a.exceptions.RestoreFailed: host compute1 was not given back: '
             'Conflict Details: 409. To put it right: start it',
             'AttributeError: nothing'], runs.failures(self.log))


class JournalsTest(base.TestCase):

    LINES = ({'version': 2, 'run': 'AA', 'cloud': 'http://'},
             {'intent': 1, 'kind': 'trait', 'what': {'trait': 'T'}},
             {'intent': 2, 'kind': 'compute', 'what': {
                 'outage': 'stopped', 'target': {'host': 'compute1'}}})

    def write(self, *lines, tail=''):
        (self.state / 'AA.journal').write_text(
            ''.join(json.dumps(line) + '\n' for line in lines) + tail)

    def test_open_and_complete(self):
        self.write(*self.LINES)
        self.assertEqual({('AA', 'compute1')},
                         journals.hosts_out(self.state))
        self.write(*self.LINES, {'complete': 2})
        self.assertEqual(set(), journals.hosts_out(self.state))
        self.assertEqual({'AA': [('trait', {'trait': 'T'})]},
                         journals.held(self.state))
        self.assertEqual(
            ['intend trait', 'intend compute stopped',
             'complete compute stopped'], journals.phases(self.state))

    def test_outages(self):
        self.write(*self.LINES, {'intent': 3, 'kind': 'scheduler', 'what': {}})
        self.assertEqual(['compute stopped', 'scheduler'],
                         journals.outages(self.state))

    def test_a_line_that_is_being_written(self):
        self.write(*self.LINES, tail='{"complete": 2')
        self.assertEqual({('AA', 'compute1')},
                         journals.hosts_out(self.state))


class SnapshotTest(base.TestCase):

    def test_differences(self):
        before = snapshot.Snapshot({'server': {'1': 'a', '2': 'b'}})
        after = snapshot.Snapshot({'server': {'2': 'c', '3': 'd'}})
        self.assertEqual(['server 1: was a, is None', 'server 2: was b, is c',
                          'server 3: was None, is d'],
                         before.differences(after))
        self.assertEqual([], before.differences(before))

    def test_split(self):
        """Only traits of runs that have ended are Nova's own."""
        left = ['server 1: was a, is None', 'trait COMPUTE_X on a: was ...',
                'trait CUSTOM_LOCAL_DELETE_AA on a: was None, is True']
        ghosts = ['trait CUSTOM_LOCAL_DELETE_BB on a: was None, is True',
                  'custom trait CUSTOM_LOCAL_DELETE_BB: was True, is None']
        self.assertEqual((left, ghosts),
                         snapshot.split(ghosts + left, {'AA'}))


def skip(*codes, words='host a may not be taken down'):
    """Return the reason of a skip, as the plugin makes it of refusals."""
    return str(exceptions.OutageRefused(
        Refusal.TOO_FEW_HOSTS, 'no host to take down: ' + '; '.join(
            str(exceptions.OutageRefused(code, words)) for code in codes)))


class MarksTest(base.TestCase):

    def test_fences(self):
        other = plugin_run.Run()
        reasons = {'a': other.fence_reason, 'b': None, 'c': 'disk is broken'}
        self.assertEqual({(other.id, 'a')}, marks.fences([
            {'host': host, 'disabled_reason': reason}
            for host, reason in reasons.items()]))

    def test_lost(self):
        lost = {Refusal.LEASED, Refusal.FENCED, Refusal.FOREIGN_SERVER,
                Refusal.FOREIGN_CONSUMER}
        for code in Refusal:
            self.assertEqual(code in lost, marks.is_lost(skip(code)), code)
        self.assertTrue(marks.is_lost(skip(Refusal.NOT_UP, Refusal.LEASED)))
        self.assertFalse(marks.is_lost(skip()))

    def test_foreign(self):
        foreign = Refusal.FOREIGN_SERVER, Refusal.FOREIGN_CONSUMER
        for code in Refusal:
            self.assertEqual(
                code in foreign, marks.is_foreign(skip(code)), code)
        self.assertTrue(marks.is_foreign(skip(*foreign)))
        self.assertFalse(marks.is_foreign(skip(*foreign, Refusal.NOT_UP)))
        self.assertFalse(marks.is_foreign(skip()))
        self.assertFalse(marks.is_foreign('no host to take down'))

    def test_foreign_refusals(self):
        log = '\n'.join((skip(Refusal.FOREIGN_SERVER), 'Leased host a',
                         skip(Refusal.FENCED, Refusal.FOREIGN_CONSUMER)))
        self.assertEqual(2, marks.foreign_refusals(log))

    def test_any_words_of_the_guard(self):
        """Reworded, it is judged as before: by the codes."""
        for code in Refusal:
            judged = {
                (marks.is_lost(text), marks.is_foreign(text),
                 marks.foreign_refusals(text))
                for text in (skip(code, words=words) for words in (
                    'host a may not be taken down: server 1, which is not of '
                    'this run, is on it', 'Nein', '; is leased by another '
                    'run: CUSTOM_LOCAL_DELETE_0123456789AB', ''))}
            self.assertEqual(1, len(judged), code)


class PairsTest(base.TestCase):

    def read(self, out=(), fenced=(), leased=()):
        return pairs.Reading(frozenset(out), frozenset(fenced),
                             frozenset(leased)).hosts_taken_twice()

    def test_each_its_own(self):
        one, two = ('AA', 'compute1'), ('BB', 'compute2')
        self.assertEqual([], self.read((one, two), (one, two), (one, two)))

    def test_two_leases_on_one_host(self):
        self.assertEqual(
            ['two runs have compute1: AA (leased, out), BB (leased)'],
            self.read(out=[('AA', 'compute1')], leased=[
                ('AA', 'compute1'), ('BB', 'compute1')]))

    def test_a_lease_on_the_host_that_the_other_fenced(self):
        self.assertEqual(
            ['two runs have compute1: AA (fenced), BB (leased)'],
            self.read(fenced=[('AA', 'compute1')],
                      leased=[('BB', 'compute1')]))


class NoiseTest(base.TestCase):

    def reading(self, moment, down='', fenced=''):
        return noise.Reading(moment, moment + 0.5, frozenset(down.split()),
                             frozenset(fenced.split()))

    def test_intervals(self):
        """Out from the end of the first look to the begin of the last."""
        readings = [self.reading(1), self.reading(2, down='a'),
                    self.reading(3, down='a b'), self.reading(4, down='b'),
                    self.reading(5, down='a b')]
        self.assertEqual(
            {noise.Interval('a', 2.5, 3), noise.Interval('b', 3.5, 5),
             noise.Interval('a', 5.5, 5)},
            set(noise.intervals(readings, 'down')))
        self.assertEqual([], noise.intervals(readings, 'fenced'))

    def harm(self, posted, placed, deleting):
        server = load.Server(posted=posted, id='1', host='a', placed=placed,
                             deleting=deleting)
        out = noise.Interval('a', 10, 20)
        return (bool(noise.harm([server], [out], [])),
                bool(noise.harm([server], [], [out])))

    def test_harm(self):
        self.assertEqual((False, False), self.harm(1, 2, 9))
        self.assertEqual((False, False), self.harm(11, 21, 22))
        # There before the fence: that is a refusal, and no harm.
        self.assertEqual((True, False), self.harm(1, 2, 11))
        self.assertEqual((True, True), self.harm(11, 12, 13))
        self.assertEqual((True, False), self.harm(9, 12, None))

    def test_no_harm_elsewhere(self):
        server = load.Server(posted=11, id='1', host='b', placed=12)
        out = [noise.Interval('a', 10, 20)]
        self.assertEqual([], noise.harm([server], out, out))

    def test_never_placed(self):
        self.assertEqual([], noise.harm(
            [load.Server(posted=11)], [noise.Interval(None, 10, 20)], []))

    def test_untried(self):
        figures = {'scenarios passed': 5, 'foreign refusals': 1,
                   'hosts down': 2, 'hosts fenced': 3, 'readings': 9}
        self.assertEqual([], noise.untried(figures))
        for what in ('scenarios passed', 'foreign refusals', 'hosts down',
                     'hosts fenced'):
            [line] = noise.untried({**figures, what: 0})
            self.assertIn(f'{what}: none', line)


class FaultsTest(base.TestCase):

    def unclear(self, ending, *messages, says=()):
        return faults.unclear(faults.Fault('x', says=says), ending, messages)

    def test_ending(self):
        log = self.state / 'run.log'
        for counts, ending, meant in (
                ((1, 0, 0), 'passed', 'passed'),
                ((0, 1, 0), 'skipped', 'skipped'),
                ((0, 1, 1), 'failed', 'ended'), (None, 'failed', 'ended')):
            log.write_text(' - Passed: %d\n - Skipped: %d\n - Failed: %d\n'
                           % counts if counts else 'Terminated')
            self.assertEqual(ending, faults._ending(
                faults.Fault('x'), log))
            self.assertEqual(meant, faults._ending(
                faults.Fault('x', endings=faults._ENDED), log))

    def test_which_ending_is_a_hit(self):
        """What is there from the start is not met by a run that skips."""
        there = faults.Fault('x')
        self.assertTrue(faults.is_hit(there, False, 'failed'))
        self.assertFalse(faults.is_hit(there, True, 'skipped'))
        injected = faults.Fault('x', inject=print)
        self.assertTrue(faults.is_hit(injected, True, 'skipped'))
        self.assertFalse(faults.is_hit(injected, False, 'failed'))

    def test_unexpected(self):
        fault = faults.Fault('x', endings=frozenset({'failed'}))
        self.assertEqual([], faults.unexpected(fault, 'failed'))
        self.assertEqual(['skipped, but this fault lets a run end only as '
                          'failed'], faults.unexpected(fault, 'skipped'))
        self.assertEqual([], faults.unexpected(faults.Fault('x'), 'skipped'))

    def test_select(self):
        with mock.patch('os.geteuid', autospec=True, return_value=1):
            self.assertEqual(
                [(5, 'Ctrl-C')], [(place, fault.name) for place, fault in
                                  faults.select('Ctrl')])
            error = self.assertRaises(errors.BadInput, faults.select, '')
            self.assertIn('"disk of the journal full" needs root', str(error))
        with mock.patch('os.geteuid', autospec=True, return_value=0):
            self.assertEqual(len(faults.FAULTS), len(faults.select('')))

    def test_select_nothing(self):
        for only, text in (('nothing', 'matches no fault'),
                           ('(', 'no regular expression')):
            error = self.assertRaises(errors.BadInput, faults.select, only)
            self.assertIn(text, str(error))

    def test_a_proxy_answers_for_some_seconds(self):
        """Only nova-api, only its path, and only while the fault is on."""
        proxy = faults._Proxy(recording_proxy.REFUSED, '/os-services')
        workspace = runs.Workspace(self.state)
        workspace.configuration.parent.mkdir()
        with mock.patch('proof.trials.recording_proxy.recording',
                        autospec=True) as recording:
            recording.return_value.__enter__.return_value = 'http://proxy', []
            with proxy.around(self.cloud, workspace):
                answer, = recording.call_args.args
        self.assertIn('proxy_url = http://proxy',
                      workspace.configuration.read_text())
        nova = api.endpoint(self.cloud, 'compute')
        seen = []

        def look(*_):
            seen.append([bool(answer('GET', url)) for url in (
                f'{nova}/os-services?binary=x', f'{nova}/servers',
                self.cloud.url('neutron-api') + '/os-services')])

        with mock.patch('proof.trials.runs.ended', autospec=True,
                        side_effect=look):
            proxy.inject(mock.Mock())
        look()
        self.assertEqual([[True, False, False], [False] * 3], seen)

    def test_phases_have_a_scenario(self):
        for fault in faults.FAULTS:
            for phase in fault.phases:
                self.assertTrue(faults.scenario_of(phase), phase)

    @mock.patch('allinone.lifecycle.start', autospec=True)
    @mock.patch('allinone.lifecycle.kill', autospec=True)
    def test_a_killed_service_is_always_started_again(self, kill, start):
        def fail():
            with faults._killed(self.cloud, 'keystone'):
                raise KeyboardInterrupt

        self.assertRaises(KeyboardInterrupt, fail)
        start.assert_called_once_with(self.cloud, ['keystone'])
        kill.side_effect = errors.StepFailed
        self.assertRaises(errors.StepFailed, fail)
        self.assertEqual(2, start.call_count)

    @mock.patch('proof.trials.snapshot.take', autospec=True)
    @mock.patch('proof.trials.faults._try', autospec=True)
    def test_what_was_found_is_kept_when_it_ends_early(self, attempt, take):
        outcome = faults.Outcome('Ctrl-C', '', True, 'ended', [], False, [],
                                 [])
        attempt.side_effect = [outcome, KeyboardInterrupt]
        arguments = mock.Mock(only='Ctrl-C', count=2, seed=1)
        self.assertRaises(KeyboardInterrupt, faults.run, self.cloud,
                          arguments)
        [kept] = json.loads(
            (self.state / 'trials' / 'faults' / 'faults.json').read_text())
        self.assertEqual('Ctrl-C', kept['fault'])

    def test_clear(self):
        self.assertEqual([], self.unclear('passed'))
        self.assertEqual([], self.unclear('ended'))
        self.assertEqual([], self.unclear('failed', 'a.Failed: host a'))
        self.assertEqual([], self.unclear('failed', 'a.Failed: host a',
                                          says=('host a',)))
        self.assertEqual([], self.unclear('failed', 'a.Failed: host a',
                                          says=('Failed', 'host a')))
        self.assertEqual([], self.unclear('failed', 'a.TimeOut',
                                          says=('TimeOut',)))

    def test_unclear(self):
        self.assertEqual(['failed without a message'], self.unclear('failed'))
        self.assertEqual(['says nothing that helps: KeyError: 3'],
                         self.unclear('failed', 'a.Failed: x', 'KeyError: 3'))
        self.assertEqual(['says nothing that helps: a.Failed'],
                         self.unclear('failed', 'a.Failed'))
        self.assertEqual(
            ["does not say Failed, host b: ('a.Failed: host a',)"],
            self.unclear('failed', 'a.Failed: host a',
                         says=('Failed', 'host b')))

    def test_what_the_plugin_says_of_a_host_that_is_lost(self):
        fault, = [one for one in faults.FAULTS
                  if one.name == 'start command fails']
        lost = exceptions.RestoreFailed(
            what='host a', problem='no', remedy='false compute1; again')
        self.assertTrue(faults._says(fault, str(lost)))
        lost = exceptions.RestoreFailed(
            what='host a', problem='false compute1', remedy='buy another')
        self.assertFalse(faults._says(fault, str(lost)))


class AnotherWorkspaceTest(base.TestCase):

    def test_shares_nothing_and_has_its_own_options(self):
        own = self.cloud.tempest
        (own / 'etc').mkdir(parents=True)
        (own / 'etc' / 'tempest.conf').write_text(f'lock_path = {own}/lock\n')
        (own / 'etc' / 'accounts.yaml').touch()
        (own / '.stestr.conf').touch()
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'new')
        copy = runs.another(self.cloud, folder, target_hosts='compute2')
        text = copy.configuration.read_text()
        self.assertNotIn(str(own), text)
        self.assertIn(f'lock_path = {folder}/lock\n', text)
        self.assertIn('[local_delete]\ntarget_hosts = compute2\n', text)


class CrowdTest(base.TestCase):
    """How the trial of many processes judges."""

    def take(self, refused=None):
        return {'run': '0123456789AB', 'wanted': 1, 'waited': 0.5,
                'refused': refused}

    def service(self, host, **changes):
        return dict({'host': host, 'state': 'up', 'status': 'enabled',
                     'forced_down': False}, **changes)

    def test_a_host_is_up_only_if_servers_can_be_sent_there(self):
        self.assertEqual({'one'}, crowd.up([
            self.service('one'), self.service('two', state='down'),
            self.service('three', status='disabled'),
            self.service('four', forced_down=True)]))

    def test_each_gets_hosts_each_time(self):
        takes = [self.take(), self.take()]
        self.assertEqual([], crowd.judge(takes, 2, apart=False))
        self.assertEqual(['2 takes, and not 3'],
                         crowd.judge(takes, 3, apart=False))
        takes.append(self.take('no host'))
        self.assertEqual(['refused: no host'],
                         crowd.judge(takes, 3, apart=False))

    def test_of_several_machines_not_each_gets_hosts(self):
        takes = [self.take(), self.take('no host')]
        self.assertEqual([], crowd.judge(takes, 2, apart=True))
        self.assertEqual(['no process ever got a host'],
                         crowd.judge(takes[1:], 1, apart=True))
