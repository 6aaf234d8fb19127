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

Each seed stands for a phase of a run: a step of an outage, or a line of the
journal. The moment within the phase is drawn by chance. So is how long the
stop commands take, up to a minute, and what goes on of a stop command whose
run is killed. After a kill ``tempest local-delete recover`` runs. In one half
of the tries recover is killed too, and runs again.

Then the whole cloud is compared with the cloud before, and recover runs again
and must find nothing. Where a stop command still goes on, the services are
read all the time until it has stopped its service: they have to be up by then.
The exit code is 0 if every kill was recovered. If --count is as high as the
number of phases, every phase has to be hit, too.

With --concurrency a run has several processes, and each of them a journal. All
of them are killed at once, at any moment of the run.
"""

import argparse
import dataclasses
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
from proof.trials import progress
from proof.trials import runs
from proof.trials import seeds
from proof.trials import slow
from proof.trials import snapshot

# For each outage a scenario, and the steps of the outage. A step that takes
# less than a look at the journal is left out.
_ENDS = (progress.START, progress.HEARTBEATS, progress.BACK)
_BEGINS = (progress.TAKE, progress.STOP)
_OUT = ''
OUTAGES = {
    'compute forced-down': (
        'test_allocations_removed_by_api',
        (progress.TAKE, progress.SEEN_DOWN, _OUT, progress.BACK)),
    'compute disabled': (
        'test_allocations_removed_when_service_disabled',
        (progress.TAKE, _OUT, progress.BACK)),
    'compute stopped': (
        'test_server_group_left_stopped',
        (*_BEGINS, progress.SEEN_DOWN, _OUT, *_ENDS)),
    'compute unnoticed': (
        r'UnnoticedTest\.test_compute_back', (*_BEGINS, _OUT, *_ENDS)),
    'compute frozen': (
        r'CaughtMoveTest\.test_deleted_before_finished',
        (*_BEGINS, _OUT, *_ENDS)),
    'compute service-deleted': (
        'test_compute_service_deleted_after_outage',
        (*_BEGINS, progress.SEEN_DOWN, _OUT, *_ENDS)),
    'placement connection-refused': (
        'test_allocations_removed_after_compute_restart',
        (progress.STOP, _OUT, progress.START, progress.BACK)),
    'placement http-503': (
        'test_server_kept_when_placement_unavailable',
        (progress.STOP, _OUT, progress.START, progress.BACK)),
    'scheduler': (
        r'NoSchedulerTest\.test_server_deleted_before_scheduled',
        # The next line of its journal comes too soon after the outage.
        (progress.STOP, progress.SEEN_DOWN, progress.START,
         progress.HEARTBEATS)),
    'conductor': (
        r'NoConductorTest\.test_deleted_after_lost_cold_migration',
        (progress.STOP, progress.SEEN_DOWN, _OUT, progress.START,
         progress.HEARTBEATS))}

# What else a run writes into its journal.
_LINES = {
    'test_allocations_removed_by_api': (
        'intend credentials', 'intend trait', 'intend flavor', 'intend lease',
        'intend server', 'complete compute forced-down', 'complete server',
        'complete lease'),
    'test_floating_ip_of_user_port_kept_forced_down': (
        'intend port', 'intend floating IP'),
    'test_server_group_left_forced_down': ('intend server group',),
    'test_volume_of_server_over_quota_detached': (
        'intend volume', 'intend quota', 'complete quota'),
    'test_deleted_with_destination_out_forced_down': ('intend migration',),
    'test_allocations_removed_after_compute_restart': (
        'complete placement connection-refused', 'complete compute stopped'),
    r'NoSchedulerTest\.test_server_deleted_before_scheduled': (
        'complete scheduler',),
    r'NoConductorTest\.test_deleted_after_lost_cold_migration': (
        'intend scheduler',)}

# One of each of several classes, which run side by side.
_SIDE_BY_SIDE = ('test_allocations_removed_by_api',
                 'test_floating_ip_of_user_port_kept_forced_down',
                 'test_server_group_left_stopped',
                 'test_deleted_with_destination_out_forced_down',
                 'test_evacuated_and_old_host_back',
                 'test_data_volume_detached_stopped')

# Seconds in which a kill is drawn, from the begin of a phase on. That of a
# stop command is as long as the command.
_SECONDS = {progress.TAKE: 0.5, progress.SEEN_DOWN: 6, _OUT: 4,
            progress.START: 0.5, progress.HEARTBEATS: 5, progress.BACK: 2}
_SECONDS_OF_LINE = 0.5

_POLL = 0.01
_LIMIT = 900

# A phase may be over before it is seen.
_TRIES = 3

# The plugin watches a service for longer than any stop command here takes.
_SETTLE = slow.LONGEST + 15

# Seconds from the death of a service until the API shows it.
_SHOWN = 12

# Seconds after the start of recover in which recover itself is killed.
_RECOVER = (2, 30)

# Only the journal tells of these.
_NEED_JOURNAL = ('placement', 'scheduler', 'conductor', 'service-deleted')


@dataclasses.dataclass(frozen=True)
class Moment:
    """When to kill, and what is slow.

    :ivar scenario: selects the scenario
    :ivar phase: as ``progress.Progress.now`` returns it
    :ivar seconds: from the begin of the phase to the kill
    :ivar stop_seconds: how long a stop command takes
    :ivar stop: what of a stop command outlives its run
    :ivar journal_lost: whether recover runs as from another machine
    :ivar recover_seconds: when recover itself is killed; None: it is not
    """

    seed: int
    scenario: str
    phase: str
    seconds: float
    stop_seconds: float = 0
    stop: slow.Kind = slow.Kind.GOES_ON
    journal_lost: bool = False
    recover_seconds: float | None = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One kill, and the result of recover."""

    aimed: Moment
    hit: str
    journal_lost: bool
    #: The step of recover in which it was killed, too; '' if it was not.
    recover_killed: str
    recover_seconds: float
    problems: list[str]
    #: Traits of earlier runs that Nova brought back, which recover did not do.
    ghosts: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the trial."""
    parser.add_argument('--count', type=int, default=20, metavar='N',
                        help=f'how many runs to kill; there are '
                             f'{len(phases())} phases (default: 20)')
    parser.add_argument('--concurrency', type=int, default=1, metavar='N',
                        help='how many processes a run has (default: 1)')
    parser.add_argument('--longest', type=float, default=slow.LONGEST,
                        metavar='SECONDS',
                        help=f'how long a stop command takes at most '
                             f'(default: {slow.LONGEST})')
    seeds.add_argument(parser, 'the phases and the moments')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Run the trial, print its figures, and return the exit code."""
    folder = files.directory(cloud.state / 'trials' / 'kills')
    seed = seeds.chosen(arguments)
    if arguments.concurrency > 1:
        return _kill_all(cloud, folder, arguments, seed)
    outcomes: list[Outcome] = []
    before = snapshot.take(cloud)
    for number in range(1, arguments.count + 1):
        moment = draw(seed + number - 1, arguments.longest)
        outcome, before = _try(cloud, folder, moment, before, number)
        _note(folder, outcomes, outcome)
    every = {phase for _, phase in phases()}
    return _judge(outcomes, every if arguments.count >= len(every) else set())


def _note(folder, outcomes, outcome):
    outcomes.append(outcome)
    killed = outcome.recover_killed
    print(f'{len(outcomes):3}: {outcome.hit}'
          f'{f"; recover killed in: {killed}" if killed else ""}: '
          f'{"; ".join(outcome.problems) or "recovered"} '
          f'({outcome.recover_seconds:.0f} s)', flush=True)
    if outcome.problems:
        print(f'     {seeds.repeat("kills", outcome.aimed.seed)}', flush=True)
    files.write(folder / 'kills.json', json.dumps(
        [dataclasses.asdict(outcome) for outcome in outcomes], indent=1,
        default=str))


def phases() -> list[tuple[str, str]]:
    """Return each (scenario, phase), the neighbours of which differ."""
    found = [
        (scenario, f'{outage}{progress.OF}{step}' if step
         else f'intend {outage}')
        for outage, (scenario, steps) in OUTAGES.items() for step in steps
    ] + [(scenario, line) for scenario, lines in _LINES.items()
         for line in lines]
    # The same each time, because a seed stands for a phase.
    random.Random(1).shuffle(found)
    return found


def draw(seed: int, longest: float) -> Moment:
    """Draw a moment. Seeds one after the other stand for different phases.

    :param longest: seconds that a stop command takes at most
    """
    every = phases()
    scenario, phase = every[seed % len(every)]
    chance = random.Random(seed)
    outage, _, step = phase.partition(progress.OF)
    stop_seconds = 0.0
    if step == progress.STOP:
        stop_seconds = length = chance.uniform(0, longest)
    elif step or phase.removeprefix('intend ') in OUTAGES:
        length = _SECONDS[step]
    else:
        length = _SECONDS_OF_LINE
    return Moment(
        seed, scenario, phase, chance.uniform(0, length), stop_seconds,
        chance.choice(list(slow.Kind)), chance.random() < 0.2,
        chance.uniform(*_RECOVER) if chance.random() < 0.5 else None)


def _kill_all(cloud: deployment.Deployment, folder, arguments, seed):
    """Kill runs of several processes."""
    workspace = runs.another(cloud, folder / 'workspace',
                             stop_settle_time=_SETTLE)
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
    outcomes: list[Outcome] = []
    before = snapshot.take(cloud)
    for number in range(arguments.count):
        chance = random.Random(seed + number)
        # Some runs are faster than the first.
        moment = Moment(seed + number, regex, 'any',
                        chance.uniform(0, 0.8 * length),
                        journal_lost=chance.random() < 0.2)
        log = folder / f'kill-{number + 1:03}.log'
        log.unlink(missing_ok=True)
        process = workspace.start(regex, log, arguments.concurrency)
        ended = runs.ended(process, moment.seconds)
        outcome, before = _kill(
            cloud, workspace, process, moment, before, log,
            f'{len(journals.held(workspace.journals))} journals',
            [f'ended before it was killed: {log}'] if ended else [])
        _note(folder, outcomes, outcome)
    return _judge(outcomes, set())


def _try(cloud: deployment.Deployment, folder, moment, before, number):
    log = folder / f'kill-{number:03}.log'
    problems: list[str] = []
    for _ in range(_TRIES):
        workspace = _workspace(cloud, folder / f'kill-{number:03}', moment)
        log.unlink(missing_ok=True)
        process = workspace.start(moment.scenario, log)
        phase = progress.Progress(workspace.journals, workspace.log)
        reached = _reach(phase, moment.phase, process)
        if reached:
            runs.ended(process, moment.seconds)
            break
        runs.wait(process, _LIMIT)
    else:
        problems = [f'no run came to the phase "{moment.phase}": {log}']
    return _kill(cloud, workspace, process, moment, before, log, phase.now(),
                 problems)


def _workspace(cloud: deployment.Deployment, directory, moment):
    """Make a workspace for one run, so that its debug log is its own."""
    workspace = runs.another(cloud, directory, stop_settle_time=_SETTLE)
    if moment.stop_seconds:
        workspace.set(**slow.options(workspace, moment.stop_seconds,
                                     moment.stop))
    return workspace


def _reach(phase, name, process):
    """Wait for a phase; tell whether the run came there."""
    seen = []

    def look():
        seen[:] = [phase.now()]
        return seen == [name] or runs.ended(process)

    readiness.wait(name, look, _LIMIT, _POLL)
    return seen == [name]


def _kill(cloud: deployment.Deployment, workspace, process, moment, before,
          log, hit, problems):
    """Kill a run, recover it, and compare the cloud."""
    with slow.killed_too(process, moment.stop):
        runs.kill(process)
    strike = time.monotonic() + (
        moment.stop_seconds if moment.stop.strikes else 0) + _SHOWN
    held = journals.phases(workspace.journals)
    run_ids = [path.stem for path in workspace.journals.glob('*.journal')]
    lost = bool(held) and moment.journal_lost and not any(
        word in line for word in _NEED_JOURNAL for line in held)
    commands: list[tuple[str, ...]] = [()]
    if lost:
        _lose_journals(workspace)
        commands = [('--run', run_id) for run_id in run_ids]
    begin = time.monotonic()
    killed = _kill_recover(workspace, commands[0], moment, log)
    for arguments in commands:
        if code := workspace.command('recover', *arguments, log=log):
            problems.append(f'recover failed with {code}: {log}')
    seconds = time.monotonic() - begin
    after = snapshot.take(cloud)
    left, ghosts = snapshot.split(before.differences(after), run_ids)
    problems += left
    if moment.stop_seconds:
        problems += before.fallen(cloud, max(0, strike - time.monotonic()))
    for arguments in commands:
        problems += _again(workspace, arguments, log)
    return Outcome(moment, hit, lost, killed, seconds, problems,
                   ghosts), after


def _kill_recover(workspace, arguments, moment, log):
    """Kill recover; return the step in which that was, or ''."""
    if moment.recover_seconds is None:
        return ''
    steps = progress.Steps(workspace.log, from_now=True)
    with workspace.commanding('recover', *arguments, log=log) as process:
        if runs.ended(process, moment.recover_seconds):
            return ''
        step = steps.now()
        with slow.killed_too(process, moment.stop):
            runs.kill(process)
    return step or 'no step of an outage'


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
        ('Phase', 'Kills', 'Recovered', 'Seconds'))
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
    strikes = [one for one in outcomes if one.aimed.stop_seconds
               and one.aimed.stop.strikes]
    print(f'{good} of {len(outcomes)} kills recovered; '
          f'{sum(outcome.journal_lost for outcome in outcomes)} with the '
          f'journal lost; {len(strikes)} with a stop command that went on; '
          f'{sum(bool(outcome.recover_killed) for outcome in outcomes)} with '
          f'recover killed, too; '
          f'{sum(bool(outcome.ghosts) for outcome in outcomes)} '
          f'times Nova changed the traits of an earlier run')
    return 1 if missed or good < len(outcomes) else 0
