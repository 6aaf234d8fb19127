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


"""When the trial of kills kills, and what it leaves of a stop command."""

import argparse
import contextlib
import itertools
import json
import subprocess
from unittest import mock

import psutil

from allinone import readiness
from allinone.tests import base
from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.recovery import kinds
from proof.trials import kills
from proof.trials import progress
from proof.trials import runs
from proof.trials import seeds
from proof.trials import slow
from proof.trials import snapshot


class ProgressTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.log = self.state / 'tempest.log'
        self.progress = progress.Progress(self.state, self.log)

    def write(self, *lines, tail=''):
        with self.log.open('a') as log:
            log.write(''.join(
                f'2026-11-26 17:00:06.000 7 DEBUG x [-] {mark} '
                f'{json.dumps({"kind": kind})} log /a/spans.py:80\n'
                for mark, kind in lines) + tail)

    def intend(self, number, kind, **what):
        with (self.state / 'AA.journal').open('a') as journal:
            journal.write(json.dumps({'intent': number, 'kind': kind,
                                      'what': what}) + '\n')

    def test_nothing_yet(self):
        self.assertEqual(progress.NOTHING, self.progress.now())

    def test_a_line_of_the_journal(self):
        self.intend(1, 'flavor', name='x')
        self.write((spans.BEGUN, spans.UNDO), (spans.MARK, spans.WAIT))
        self.assertEqual('intend flavor', self.progress.now())

    def test_the_steps_of_the_last_outage(self):
        self.intend(1, 'compute', outage='stopped')
        # An outage calls the begin of its base class, which is a span too.
        self.write(*[(spans.BEGUN, spans.AWAY)] * 2,
                   (spans.BEGUN, spans.COMMAND))
        self.assertEqual('compute stopped: take away/command',
                         self.progress.now())
        self.write((spans.MARK, spans.COMMAND))
        self.assertEqual('compute stopped: take away', self.progress.now())
        self.write(*[(spans.MARK, spans.AWAY)] * 2)
        self.assertEqual('intend compute stopped', self.progress.now())
        self.intend(2, 'placement', answer='http-503')
        self.write((spans.BEGUN, spans.BACK))
        self.assertEqual('placement http-503: give back', self.progress.now())

    def test_a_thaw_while_another_host_is_out(self):
        self.intend(1, 'compute', outage='frozen')
        self.intend(2, 'compute', outage='stopped')
        self.assertEqual('intend compute stopped', self.progress.now())
        self.write((spans.BEGUN, spans.BACK), (spans.BEGUN, spans.COMMAND))
        self.assertEqual('compute frozen: give back/command',
                         self.progress.now())

    def test_an_intent_that_is_written_again(self):
        """A stop command that is under way is written into its intent."""
        for stop in (None, {'pid': 7}, None):
            self.intend(1, 'compute', outage='stopped', stop=stop)
        self.write((spans.BEGUN, spans.BACK))
        self.assertEqual('compute stopped: give back', self.progress.now())

    def test_a_line_that_is_being_written(self):
        self.intend(1, 'compute', outage='stopped')
        self.write(tail=f'{spans.BEGUN} {{"kind": "give')
        self.assertEqual('intend compute stopped', self.progress.now())
        self.write(tail=' back"} log\n')
        self.assertEqual('compute stopped: give back', self.progress.now())


class DrawTest(base.TestCase):

    def test_every_outage_and_every_step(self):
        """A new kind of outage needs a place in the trial."""
        # The first two are no outages of a run that lives. The third is a step
        # of another outage.
        outages = {f'compute {name}' for name in compute_outage.OUTAGES
                   if name not in ('attempt', 'unknown',
                                   'unnoticed-forced-down')}
        answers = kinds.KINDS['placement'].__dataclass_fields__[
            'answer'].metadata['enum']
        self.assertEqual(outages | {'scheduler', 'conductor'} | {
            f'placement {answer}' for answer in answers}, set(kills.OUTAGES))
        self.assertEqual(
            {f'intend {outage}' for outage in kills.OUTAGES},
            {f'intend {outage}' for outage in kills.OUTAGES}
            & {phase for _, phase in kills.phases()})

    def test_seeds_in_a_row_draw_every_phase(self):
        every = kills.phases()
        drawn = {kills.draw(seed, 60).phase
                 for seed in range(500, 500 + len(every))}
        self.assertEqual({phase for _, phase in every}, drawn)
        self.assertEqual(len(every), len(drawn))

    def test_a_seed_repeats_its_moment(self):
        self.assertEqual(kills.draw(7, 60), kills.draw(7, 60))
        self.assertNotEqual(kills.draw(7, 60).seconds,
                            kills.draw(7 + len(kills.phases()), 60).seconds)

    def test_stop_commands_take_up_to_a_minute(self):
        moments = [kills.draw(seed, 60) for seed in range(2000)]
        stops = [one for one in moments if progress.STOP in one.phase]
        lengths = [one.stop_seconds for one in stops]
        self.assertLess(min(lengths), 5)
        self.assertGreater(max(lengths), 55)
        self.assertEqual(set(slow.Kind), {one.stop for one in stops})
        for one in stops:
            self.assertLessEqual(one.seconds, one.stop_seconds)
        self.assertEqual({0}, {one.stop_seconds for one in moments
                               if one not in stops})
        for chosen in (lambda one: one.recover_seconds is not None,
                       lambda one: one.journal_lost):
            self.assertEqual({True, False}, {
                chosen(one) for one in moments})

    def test_each_new_seed_differs_and_is_printed(self):
        parser = argparse.ArgumentParser()
        seeds.add_argument(parser, 'the moments')
        with mock.patch('builtins.print', autospec=True) as printed:
            self.assertEqual(7, seeds.chosen(parser.parse_args(
                ['--seed', '7'])))
            drawn = {seeds.chosen(parser.parse_args([])) for _ in range(9)}
        self.assertGreater(len(drawn), 1)
        self.assertEqual(10, printed.call_count)
        self.assertIn('trial kills --count 1 --seed 7',
                      seeds.repeat('kills', 7))


class SlowTest(base.TestCase):
    """A run that is killed, and its stop command."""

    def setUp(self):
        super().setUp()
        self.struck = self.state / 'struck {host}'

    def run_and_kill(self, kind):
        """Kill a run, and then let end what its command waits for."""
        stop = slow.command(f"touch '{self.struck}'", 600, kind)
        log = self.state / 'run'
        # The plugin gives each command a session of its own.
        log.write_text('import shlex, subprocess, sys\nsubprocess.Popen('
                       'shlex.split(sys.argv[1]), start_new_session=True'
                       ').wait()')
        process = subprocess.Popen(
            ['python3', log, stop], start_new_session=True,
            stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        begun = readiness.wait(
            'the sleep of the command',
            lambda: [each for command in slow.commands_of(process)
                     for each in (command, *command.children(recursive=True))
                     if any(child.name() == 'sleep' for child
                            in command.children(recursive=True))], 60)
        with slow.killed_too(process, kind):
            runs.kill(process)
        self.assertFalse(self.struck.exists(), kind)
        for one in begun:
            with contextlib.suppress(psutil.NoSuchProcess):
                if one.name() == 'sleep':
                    one.kill()
        readiness.wait('the end of the command',
                       lambda: not any(map(_lives, begun)), 60)
        return self.struck.exists()

    @base.slow
    def test_what_strikes(self):
        for kind in slow.Kind:
            self.struck.unlink(missing_ok=True)
            self.assertEqual(kind.strikes, self.run_and_kill(kind), kind)

    def test_a_command_that_ends_while_it_is_looked_at(self):
        ended, other = (mock.Mock(spec=psutil.Process, pid=pid)
                        for pid in (7, 8))
        run = mock.Mock(spec=psutil.Process, **{
            'children.return_value': [other, ended, other]})

        def getpgid(pid):
            if pid == ended.pid:
                raise ProcessLookupError
            return pid

        with mock.patch('proof.trials.runs.group', autospec=True,
                        return_value=[run]), \
                mock.patch('os.getpgid', autospec=True, side_effect=getpgid):
            self.assertEqual([other, other], slow.commands_of(mock.Mock()))

    def test_options_of_a_workspace(self):
        workspace = runs.Workspace(self.state)
        (self.state / 'etc').mkdir()
        workspace.configuration.write_text(
            '[local_delete]\ncompute_stop_command = stop {host} 100%\n'
            'placement_stop_command = quick\n')
        workspace.set(placement_stop_command='stop placement')
        made = slow.options(workspace, 7, slow.Kind.GOES_ON)
        self.assertEqual({'compute_stop_command', 'placement_stop_command'},
                         set(made))
        self.assertIn('sleep 7.0; exec stop', made['compute_stop_command'])
        self.assertIn('{host}', made['compute_stop_command'])
        self.assertIn('stop placement', made['placement_stop_command'])


def _lives(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


class FallenTest(base.TestCase):

    def fallen(self, *readings, placement=('',)):
        before = snapshot.Snapshot({'service': {'a': 'up', 'b': 'up'}})
        # Each look at the clock takes a second.
        with mock.patch('proof.trials.snapshot.api', autospec=True), \
                mock.patch('proof.trials.snapshot.time', mock.Mock(
                    monotonic=itertools.count().__next__)), \
                mock.patch('proof.trials.snapshot._PAUSE', 0.001), \
                mock.patch('proof.trials.snapshot._services', autospec=True,
                           side_effect=[*readings, *[before.kinds['service']]
                                        * 1000]), \
                mock.patch('proof.trials.snapshot._placement_away',
                           autospec=True, side_effect=[
                               *placement, *[[]] * 1000]):
            return before.fallen(self.cloud, 30)

    def test_all_stay_up(self):
        self.assertEqual([], self.fallen({'a': 'up', 'b': 'up'},
                                         placement=[[]]))

    def test_a_service_that_falls_and_comes_back(self):
        [line] = self.fallen({'a': 'up', 'b': 'up'}, {'a': 'up', 'b': 'down'},
                             placement=[[]])
        self.assertIn('service b: was up, is down', line)
        self.assertIn('after all was well', line)

    def test_placement(self):
        [line] = self.fallen(placement=[['Placement does not answer: 503']])
        self.assertIn('Placement does not answer', line)


class RecoverKilledTest(base.TestCase):

    def tempest(self, script):
        path = self.state / 'tempest'
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(0o700)
        self.enterContext(mock.patch('allinone.supervision.tool',
                                     autospec=True, return_value=path))
        workspace = runs.Workspace(self.state)
        workspace.log.parent.mkdir(exist_ok=True)
        workspace.log.touch()
        return workspace

    def kill(self, workspace, seconds):
        return kills._kill_recover(workspace, (), kills.Moment(
            1, '', '', 0, recover_seconds=seconds), self.state / 'kill.log')

    def killed_after(self, workspace, line):
        """Let recover be killed once its log has a line, and not sooner."""
        def ended(process, seconds):
            readiness.wait(line, lambda: line in workspace.log.read_text(),
                           60)
            return False
        return mock.patch('proof.trials.runs.ended', autospec=True,
                          side_effect=ended)

    @base.slow
    def test_killed(self):
        # Both write to one log, and the run never ended its step.
        line = f'{spans.BEGUN} {{"kind": "%s"}}\n'
        workspace = self.tempest(
            f"echo '{line % spans.BACK}' >> logs/tempest.log; "
            'exec sleep 600')
        workspace.log.write_text(line % spans.AWAY)
        with self.killed_after(workspace, line % spans.BACK):
            self.assertEqual(spans.BACK, self.kill(workspace, 1))
        self.assertEqual('', self.kill(workspace, None))

    def test_ended_before(self):
        self.assertEqual('', self.kill(self.tempest('exit 0'), 60))
