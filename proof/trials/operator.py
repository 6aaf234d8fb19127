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

"""Let an operator act on the host of a run. The act has to stand.

Each seed stands for an act, an outage and a moment. These are the moments:

- a run takes a host away;
- the host is out;
- the run gives the host back;
- the run was killed with kill -9;
- ``tempest local-delete recover`` runs.

The operator knows nothing of the run. For example, he disables the service,
forces the host down, stops the process, deletes the service or raises a quota.
The exit code is 0 if all of these are true:

- the act stands after the run, and after recover if there is a journal left;
- all else is as before;
- if the run could not give all back, the run or recover names the host;
- in that case recover does not end with 0;
- after the operator has taken his act back, recover finishes, and the whole
  cloud is as before.

An act that the API refuses at that moment counts as not done. Then only the
recovery is judged. An act may come too late, when the run has given the host
back. The trial counts the acts that were done in time.
"""

import argparse
import dataclasses
import json
import random

import prettytable

from allinone import deployment
from allinone import files
from allinone import readiness
from proof.trials import acts
from proof.trials import journals
from proof.trials import marks
from proof.trials import progress
from proof.trials import recording_proxy
from proof.trials import runs
from proof.trials import seeds
from proof.trials import snapshot

_Moment = acts.Moment

_SCENARIOS = {
    acts.FORCED_DOWN: 'test_allocations_removed_by_api',
    acts.DISABLED: 'test_allocations_removed_when_service_disabled',
    acts.STOPPED: 'test_server_group_left_stopped',
    acts.SERVICE_DELETED: 'test_compute_service_deleted_after_outage',
    acts.QUOTA: 'test_volume_of_server_over_quota_detached'}

# A host that stays down is not awaited for long, and no stop command here
# takes long.
_OPTIONS = {'service_up_timeout': 40, 'stop_settle_time': 10,
            'api_timeout': 60}

# Seconds from the begin of a phase, or of recover, to the act.
_SECONDS = {_Moment.GOING: (0, 4), _Moment.OUT: (0, 1), _Moment.BACK: (0, 4),
            _Moment.OUT_THEN_KILLED: (0, 1), _Moment.DEAD: (0, 1.5),
            _Moment.RECOVER: (2, 8)}

_POLL = 0.01
_LIMIT = 900
_SETTLE = 90

#: What recover ends with if all was undone, and if something was left to the
#: operator.
_UNDONE, _LEFT = 0, 3
_NOT_UNDONE = 1


@dataclasses.dataclass(frozen=True)
class Plan:
    """An act, and when it is done."""

    seed: int
    act: acts.Act
    outage: str
    moment: acts.Moment
    seconds: float
    #: Whether the run fences its host.
    fence: bool

    def __str__(self) -> str:
        return (f'{self.act.name}, {self.moment.value} ({self.outage}'
                f'{"" if self.fence else ", no fence"})')


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of an act."""

    seed: int
    plan: str
    done: bool
    #: Whether the act came before the host was given back.
    in_time: bool
    #: What the first recover after the act ended with; None if no journal was
    #: left.
    code: int | None
    problems: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the trial."""
    parser.add_argument('--count', type=int, default=20, metavar='N',
                        help=f'how many acts; there are {len(combinations())} '
                             f'of acts, outages and moments (default: 20)')
    seeds.add_argument(parser, 'the acts and the moments')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Run the trial, print its figures, and return the exit code."""
    folder = files.directory(cloud.state / 'trials' / 'operator')
    seed = seeds.chosen(arguments)
    outcomes = []
    before = snapshot.take(cloud)
    for number in range(arguments.count):
        plan = draw(seed + number)
        attempt = _Attempt(cloud, folder / f'act-{number + 1:03}', plan,
                           before)
        outcome = attempt.run()
        outcomes.append(outcome)
        print(f'{number + 1:3}: {outcome.plan}: '
              f'{"; ".join(outcome.problems) or "good"}'
              f'{_lack(outcome)}',
              flush=True)
        if outcome.problems:
            print(f'     {seeds.repeat("operator", plan.seed)}', flush=True)
            # The next act is not to blame for what stays wrong.
            before = snapshot.take(cloud)
        files.write(folder / 'operator.json', json.dumps(
            [dataclasses.asdict(one) for one in outcomes], indent=1))
    return _judge(outcomes)


def combinations() -> list[tuple[acts.Act, str, acts.Moment]]:
    """Return each (act, outage, moment), the neighbours of which differ."""
    found = [(act, outage, moment) for act in acts.ACTS
             for outage, moment in act.where]
    # The same each time, because a seed stands for a combination.
    random.Random(1).shuffle(found)
    return found


def draw(seed: int) -> Plan:
    """Draw a plan. Seeds one after the other stand for different acts."""
    every = combinations()
    act, outage, moment = every[seed % len(every)]
    chance = random.Random(seed)
    fence = chance.random() < 0.7 or outage in (acts.DISABLED, acts.QUOTA)
    return Plan(seed, act, outage, moment, chance.uniform(*_SECONDS[moment]),
                fence)


class _Attempt:

    def __init__(self, cloud: deployment.Deployment, directory, plan,
                 before) -> None:
        self._cloud = cloud
        self._plan = plan
        self._before = before
        options = dict(_OPTIONS, fence_host=plan.fence)
        if isinstance(plan.act, acts.DeleteService):
            # Nova deletes what Neutron has below the provider of the host, and
            # only a restart of Neutron's agent brings that back.
            options['target_hosts'] = ','.join(
                set(cloud.hosts) - {cloud.bandwidth_host})
        self._workspace = runs.another(cloud, directory, **options)
        if plan.outage == acts.QUOTA:
            # The quota of a project that the run has made goes with it.
            recording_proxy.provision(self._workspace)
        self._log = directory / 'run.log'
        self._recover_log = directory / 'recover.log'
        self._site: acts.Site | None = None
        self._done = False
        # Whether the act came before anything was given back, and before all
        # was given back.
        self._is_early = self._in_time = False

    def run(self):
        """Return an ``Outcome``."""
        plan, code = self._plan, None
        with self._workspace.running(
                _SCENARIOS[plan.outage], self._log) as process:
            problems = self._during(process)
        if journals.held(self._workspace.journals):
            code = self._recover()
        if self._site is None:
            problems.append(f'the run never came to its phase: {self._log}')
        if self._done:
            problems += self._judge_act(code)
        if self._done or (self._site and self._site.memory):
            plan.act.take_back(self._site)
        problems += self._finish()
        return Outcome(plan.seed, str(plan), self._done,
                       self._done and self._in_time, code, problems)

    def _during(self, process):
        """Act while the run lives, or kill it; return problems."""
        plan = self._plan
        phase = progress.Progress(self._workspace.journals,
                                  self._workspace.log)
        if not _reach(phase, plan, process):
            return []
        self._site = self._find_site()
        if plan.moment is not _Moment.RECOVER:
            runs.ended(process, plan.seconds)
        if plan.moment in (_Moment.DEAD, _Moment.RECOVER):
            runs.kill(process)
            self._note_time(phase)
            if plan.moment is _Moment.DEAD:
                self._act()
            return []
        self._act()
        self._note_time(phase)
        if plan.moment is _Moment.OUT_THEN_KILLED:
            runs.kill(process)
            return []
        return [] if runs.wait(process, _LIMIT) else [f'hangs: {self._log}']

    def _find_site(self):
        [(run_id, intents)] = journals.held(self._workspace.journals).items()
        host = next((what['target']['host'] for kind, what in intents
                     if kind == 'compute'), None)
        project = next((what['project_id'] for kind, what in intents
                        if kind == 'quota'), None)
        site = acts.Site(self._cloud, self._before, host, project, run_id)
        # The act has to be quick, and so the admin logs in now.
        site.service()
        return site

    def _note_time(self, phase):
        name = self._plan.outage.split()[0]
        is_open = any(
            kind == name for intents in journals.held(
                self._workspace.journals).values() for kind, _ in intents)
        self._is_early = is_open and progress.BACK not in phase.now()
        self._in_time = (is_open if self._plan.moment is _Moment.BACK
                         else self._is_early)

    def _act(self):
        self._done = acts.attempt(self._plan.act, self._site)

    def _recover(self):
        """Run recover, and return its exit code."""
        with self._workspace.commanding(
                'recover', log=self._recover_log) as process:
            if (self._plan.moment is _Moment.RECOVER and self._site
                    and not runs.ended(process, self._plan.seconds)):
                self._act()
            return process.wait()

    def _judge_act(self, code):
        act, site = self._plan.act, self._site
        site.is_left = code == _LEFT
        try:
            problems = [f'the act does not stand: {line}'
                        for line in act.problems(site)]
        except acts.Gone as error:
            problems = [f'the act does not stand: {error}']
        left = snapshot.settle(lambda: left_over(
            self._differences(), act.touches(site)), _SETTLE)
        problems += left
        if self._plan.moment in act.is_said and self._is_early:
            problems += unsaid(
                code, site.host or site.project,
                ' '.join(runs.failures(self._log)),
                self._recover_log.read_text() if code is not None else '')
        elif code not in (None, _UNDONE) and not act.may_be_left:
            problems.append(f'recover ended with {code}, and the act is '
                            f'nothing that it has to leave: '
                            f'{self._recover_log}')
        return problems

    def _differences(self):
        left, _ = snapshot.split(
            self._before.differences(snapshot.take(self._cloud)),
            {self._site.run_id} if self._site else ())
        return left

    def _finish(self):
        """Recover what waited for the operator, and compare the cloud."""
        problems = []
        log = self._recover_log.with_name('recover-again.log')
        for run_id in journals.held(self._workspace.journals):
            code = self._workspace.command('recover', log=log)
            if code not in (_UNDONE, _LEFT):
                problems += self._dismiss(run_id, code, log)
        left = snapshot.settle(self._differences, _SETTLE)
        if left and self._said_that_nova_makes(left):
            self._workspace.command(
                'recover', '--run', self._site.run_id, log=log)
            left = snapshot.settle(self._differences, _SETTLE)
        problems += [f'after the operator has taken his act back: {line}'
                     for line in left]
        if journals.held(self._workspace.journals):
            problems.append(f'a journal is left: {self._workspace.journals}')
        return problems

    def _said_that_nova_makes(self, left):
        """Tell whether only the run's trait is left, and a message said so.

        nova-compute may make it again, once the host is up.
        """
        trait = f'custom trait {marks.TRAIT}{self._site.run_id}: '
        told = ''.join(log.read_text() for log in (
            self._log, self._recover_log) if log.exists())
        return (all(line.startswith(trait) for line in left)
                and f'recover --run {self._site.run_id}" removes it' in told)

    def _dismiss(self, run_id, code, log):
        """Let go of the journal of a host that is no more."""
        if not isinstance(self._plan.act, acts.DeleteService):
            return [f'recover ended with {code} after the operator had taken '
                    f'his act back: {log}']
        if code := self._workspace.command(
                'recover', '--dismiss', run_id, log=log):
            return [f'recover --dismiss ended with {code}: {log}']
        return []


def _reach(phase, plan, process):
    """Wait for the phase of a plan; tell whether the run came there."""
    outage, moment = plan.outage, plan.moment
    wanted = {_Moment.GOING: f'{outage}{progress.OF}{progress.SEEN_DOWN}',
              _Moment.BACK: f'{outage}{progress.OF}{progress.BACK}'}.get(
                  moment, f'intend {outage}')
    seen = []

    def look():
        seen[:] = [phase.now()]
        return (seen[0].startswith(wanted) if moment is _Moment.BACK
                else seen == [wanted]) or runs.ended(process)

    readiness.wait(wanted, look, _LIMIT, _POLL)
    return seen[0].startswith(wanted)


def left_over(differences: list[str], touches: tuple[str, ...]) -> list[str]:
    """Return the differences that are not the operator's own.

    :param differences: what ``Snapshot.differences`` returned
    :param touches: the begins of his lines
    """
    return [line for line in differences if not line.startswith(touches)]


def unsaid(code: int | None, name: str, failures: str, printed: str
           ) -> list[str]:
    """Return a line if nobody told the operator what is left to him.

    :param code: what recover ended with, or None
    :param name: what has to be named: a host, or a project
    :param failures: the messages of the run
    :param printed: what recover printed
    """
    if code is None:
        return [] if name in failures else [
            f'something is left to the operator, and no message of the run '
            f'names {name}: {failures or "it passed"}']
    if code not in (_LEFT, _NOT_UNDONE):
        return [f'something is left to the operator, and recover ended with '
                f'{code}']
    return [] if name in printed else [
        f'something is left to the operator, and recover does not name '
        f'{name}']


def _lack(outcome):
    if outcome.in_time:
        return ''
    return ' (too late)' if outcome.done else ' (the act was refused)'


def _judge(outcomes):
    table = prettytable.PrettyTable(
        ('Act', 'Tried', 'Done', 'In time', 'Good',
         'Exit codes of recover'), align='l')
    for act in acts.ACTS:
        some = [one for one in outcomes if one.plan.startswith(
            f'{act.name}, ')]
        if some:
            codes = sorted({str(one.code) for one in some
                            if one.code is not None})
            table.add_row((act.name, len(some), sum(one.done for one in some),
                           sum(one.in_time for one in some),
                           sum(not one.problems for one in some),
                           ', '.join(codes)))
    print(table)
    good = sum(not one.problems for one in outcomes)
    print(f'{good} of {len(outcomes)} were good; '
          f'{sum(one.done for one in outcomes)} acts were done, '
          f'{sum(one.in_time for one in outcomes)} of them in time')
    return 1 if good < len(outcomes) else 0
