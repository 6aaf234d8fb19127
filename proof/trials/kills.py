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

"""Kill runs with kill -9 at many moments. Recover has to undo each run.

The last line of a run's journal is the phase of the run. Each moment is drawn
by chance within a phase. After a kill ``tempest local-delete recover`` runs,
and the whole cloud is compared with the cloud before. Then recover runs again
and must find nothing. The exit code is 1 unless every kill was recovered and
every phase was hit.

With --concurrency a run has several processes, and each of them a journal. All
of them are killed at once, at any moment of the run.
"""

import argparse
import collections
import dataclasses
import itertools
import json
import random
import statistics
import time

import prettytable

from allinone import deployment
from allinone import errors
from allinone import files
from allinone import readiness
from proof.trials import journals
from proof.trials import runs
from proof.trials import snapshot
from proof.trials import watch

# Few scenarios, with every outage and every kind of resource.
_SCENARIOS = ('test_allocations_removed_by_api',
              'test_allocations_removed_after_compute_restart',
              'test_server_kept_when_placement_unavailable',
              'test_allocations_removed_when_service_disabled',
              'test_floating_ip_of_user_port_kept_forced_down',
              'test_server_group_left_forced_down',
              'test_volume_of_server_over_quota_detached')

# One of each of several classes, which run side by side.
_SIDE_BY_SIDE = ('test_allocations_removed_by_api',
                 'test_floating_ip_of_user_port_kept_forced_down',
                 'test_server_group_left_stopped',
                 'test_deleted_with_destination_out_forced_down',
                 'test_evacuated_and_old_host_back',
                 'test_data_volume_detached_stopped')

_NOTHING_HELD = 'nothing in the journal'

_POLL = 0.01
_LIMIT = 900

# At a phase that was never hit.
_MORE_TRIES = 5


@dataclasses.dataclass(frozen=True)
class Moment:
    """When to kill: a time within a phase of a scenario."""

    scenario: str
    phase: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One kill, and the result of recover."""

    aimed: Moment
    hit: str
    journal_lost: bool
    recover_seconds: float
    problems: list[str]
    #: Traits of earlier runs that Nova brought back, which recover did not do.
    ghosts: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the trial."""
    parser.add_argument('--count', type=int, default=50, metavar='N',
                        help='how many runs to kill, and at least as many as '
                             'there are phases (default: 50)')
    parser.add_argument('--concurrency', type=int, default=1, metavar='N',
                        help='how many processes a run has (default: 1)')
    parser.add_argument('--seed', type=int, default=1, metavar='N',
                        help='number that decides the moments (default: 1)')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Run the trial, print its figures, and return the exit code."""
    folder = files.directory(cloud.state / 'trials' / 'kills')
    workspace = runs.another(cloud, folder / 'workspace')
    if arguments.concurrency > 1:
        return _kill_all(cloud, workspace, folder, arguments)
    lengths = {}
    for scenario in _SCENARIOS:
        log = folder / f'trace-{scenario}.log'
        log.unlink(missing_ok=True)
        lengths.update(_trace(workspace, scenario, log))
    moments = _draw(lengths, arguments.count, random.Random(arguments.seed))
    outcomes: list[Outcome] = []
    before = snapshot.take(cloud)
    while moments:
        number = len(outcomes) + 1
        outcome, before = _try(
            cloud, workspace, moments.pop(0), before, number,
            folder / f'kill-{number:03}.log')
        _note(folder, outcomes, outcome)
        if not moments:
            moments = _missed(lengths, outcomes)
    return _judge(outcomes, {phase for _, phase in lengths})


def _note(folder, outcomes, outcome):
    outcomes.append(outcome)
    print(f'{len(outcomes):3}: {outcome.hit}: '
          f'{"; ".join(outcome.problems) or "recovered"} '
          f'({outcome.recover_seconds:.0f} s)', flush=True)
    files.write(folder / 'kills.json', json.dumps(
        [dataclasses.asdict(outcome) for outcome in outcomes], indent=1))


def _kill_all(cloud, workspace, folder, arguments):
    """Kill runs of several processes."""
    regex = '|'.join(_SIDE_BY_SIDE)
    log = folder / 'trace.log'
    log.unlink(missing_ok=True)
    begin = time.monotonic()
    with workspace.running(regex, log, arguments.concurrency) as process:
        runs.wait(process, _LIMIT)
    length = time.monotonic() - begin
    if runs.counts(log) != {'passed': len(_SIDE_BY_SIDE), 'skipped': 0,
                            'failed': 0}:
        raise errors.StepFailed(f'does not pass to begin with: {log}')
    chance = random.Random(arguments.seed)
    outcomes: list[Outcome] = []
    before = snapshot.take(cloud)
    for number in range(1, arguments.count + 1):
        # Some runs are faster than the first.
        moment = Moment(regex, 'any', chance.uniform(0, 0.8 * length))
        log = folder / f'kill-{number:03}.log'
        process = workspace.start(regex, log, arguments.concurrency)
        was_alive = not runs.ended(process, moment.seconds)
        outcome, before = _kill(cloud, workspace, process, moment, before,
                                number, log, was_alive)
        _note(folder, outcomes, outcome)
    return _judge(outcomes, set())


def _trace(workspace, scenario, log):
    """Run a scenario to its end, and measure its phases.

    :returns: (scenario, phase) to seconds.
    """
    with workspace.running(scenario, log) as process, watch.watching(
            lambda: (time.monotonic(), journals.phases(workspace.journals)),
            _POLL) as seen:
        runs.wait(process, _LIMIT)
    begins = [(phase, next(readings)[0]) for phase, readings in
              itertools.groupby(seen.readings, lambda one: one[1][-1:])]
    lengths = {}
    for (phase, begin), (_, end) in itertools.pairwise(begins):
        for name in phase:
            # The shortest: a kill that comes too late hits the next phase.
            lengths[scenario, name] = min(
                end - begin, lengths.get((scenario, name), end - begin))
    if runs.counts(log) != {'passed': 1, 'skipped': 0, 'failed': 0}:
        raise errors.StepFailed(
            f'{scenario} does not pass to begin with: {log}')
    return lengths


def _draw(lengths, count, chance):
    """Draw moments: each phase as often as any other, as far as that goes."""
    names = sorted({phase for _, phase in lengths})
    drawn = []
    while len(drawn) < max(count, len(names)):
        chance.shuffle(names)
        for phase in names:
            scenario, _ = chance.choice(
                [key for key in lengths if key[1] == phase])
            drawn.append(Moment(scenario, phase, chance.uniform(
                0, lengths[scenario, phase])))
    return drawn[:max(count, len(names))]


def _missed(lengths, outcomes):
    """Aim again at phases that were over before the kill, at their begin."""
    hit = {outcome.hit for outcome in outcomes}
    aimed = collections.Counter(outcome.aimed for outcome in outcomes)
    return [moment for moment in (
        Moment(scenario, phase, 0) for scenario, phase in sorted(lengths)
        if phase not in hit) if aimed[moment] < _MORE_TRIES]


def _try(cloud, workspace, moment, before, number, log):
    process = workspace.start(moment.scenario, log)
    readiness.wait(moment.phase, lambda: (
        moment.phase in journals.phases(workspace.journals)[-1:]
        or runs.ended(process)), _LIMIT, _POLL)
    was_alive = not runs.ended(process, moment.seconds)
    return _kill(cloud, workspace, process, moment, before, number, log,
                 was_alive)


def _kill(cloud, workspace, process, moment, before, number, log, was_alive):
    """Kill a run, recover it, and compare the cloud."""
    runs.kill(process)
    held = journals.phases(workspace.journals)
    run_ids = [path.stem for path in workspace.journals.glob('*.journal')]
    # Each fifth as from another machine. Only the journal tells that Placement
    # or the scheduler is stopped.
    lost = number % 5 == 0 and not any(
        kind in one for kind in ('placement', 'scheduler') for one in held)
    commands = [()]
    if lost and held:
        _lose_journals(workspace)
        commands = [('--run', run_id) for run_id in run_ids]
    begin = time.monotonic()
    problems = [] if was_alive else [f'ended before it was killed: {log}']
    for arguments in commands:
        if workspace.command('recover', *arguments, log=log):
            problems.append(f'recover failed: {log}')
    seconds = time.monotonic() - begin
    after = snapshot.take(cloud)
    left, ghosts = snapshot.split(before.differences(after), run_ids)
    problems += left
    for arguments in commands:
        problems += _again(workspace, arguments, log)
    hit = held[-1] if held else _NOTHING_HELD
    return Outcome(
        moment, f'{len(run_ids)} journals' if len(run_ids) > 1 else hit,
        lost and bool(held), seconds, problems, ghosts), after


def _lose_journals(workspace):
    for path in workspace.journals.glob('*.journal'):
        path.unlink()


def _again(workspace, arguments, log):
    second = log.with_suffix('.again.json')
    second.unlink(missing_ok=True)
    code = workspace.command('recover', *arguments, '-f', 'json', log=second)
    # Tempest's log comes before the table.
    found = second.read_text().splitlines()[-1:]
    return [] if code == 0 and found == ['[]'] else [
        f'recover run again found something: {second}']


def _judge(outcomes, names):
    table = prettytable.PrettyTable(
        ("The journal's last line", 'Kills', 'Recovered', 'Seconds'))
    table.align = 'l'
    for phase in sorted({outcome.hit for outcome in outcomes}):
        of_phase = [one for one in outcomes if one.hit == phase]
        table.add_row((
            phase, len(of_phase),
            sum(not one.problems for one in of_phase),
            f'{statistics.median(one.recover_seconds for one in of_phase):.0f}'
        ))
    print(table)
    missed = names - {outcome.hit for outcome in outcomes}
    if missed:
        print(f'Never hit: {", ".join(sorted(missed))}')
    good = sum(not outcome.problems for outcome in outcomes)
    print(f'{good} of {len(outcomes)} kills recovered; '
          f'{sum(outcome.journal_lost for outcome in outcomes)} with the '
          f'journal lost; {sum(bool(outcome.ghosts) for outcome in outcomes)} '
          f'times Nova changed the traits of an earlier run')
    return 1 if missed or good < len(outcomes) else 0
