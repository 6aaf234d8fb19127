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

"""Run two runs at once. They may never have the same host.

The two runs share only the cloud, as if on two machines. While they go on, the
traits of the providers, the compute services and both journals are read, again
and again. The exit code is 0 if all of these are true:

- no reading shows a host that both runs have;
- each scenario passes, or its skip names what the other run has;
- the cloud is as it was before;
- some two runs wanted the same host.
"""

import argparse
import contextlib
import dataclasses
import json
import random

import prettytable

from allinone import api
from allinone import deployment
from allinone import files
from proof.trials import journals
from proof.trials import marks
from proof.trials import runs
from proof.trials import seeds
from proof.trials import snapshot
from proof.trials import watch

# Two quick scenarios, because a try is a race for the lease.
_SCENARIOS = ('test_allocations_removed_by_api',
              'test_allocations_removed_when_service_disabled')

_LIMIT = 600
_PAUSE = 0.1


@dataclasses.dataclass(frozen=True)
class Reading:
    """Which run has which host, at one moment.

    The journals and the services are read before and after the traits. So a
    host that is ``out`` was out while the traits were read.
    """

    #: (run id, host), by the journals.
    out: frozenset[tuple[str, str]]
    #: (run id, host), by the reasons of disabled services.
    fenced: frozenset[tuple[str, str]]
    #: (run id, host), by the traits of the providers.
    leased: frozenset[tuple[str, str]]

    def hosts_taken_twice(self) -> list[str]:
        """Return a line for each host that two runs have."""
        had: dict[str, dict[str, set[str]]] = {}
        for source in dataclasses.fields(self):
            for run, host in getattr(self, source.name):
                had.setdefault(host, {}).setdefault(run, set()).add(
                    source.name)
        return [
            f'two runs have {host}: ' + ', '.join(
                f'{run} ({", ".join(sorted(how))})'
                for run, how in sorted(by_run.items()))
            for host, by_run in sorted(had.items()) if len(by_run) > 1]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One try: two runs at once."""

    targets: str
    #: Whether the guard allows any server, so that only the lease decides.
    lease_alone: bool
    readings: int
    longest_gap: float
    passed: int
    skipped: int
    #: Whether a run wanted a host that the other run had.
    contested: bool
    problems: list[str]
    #: Traits of earlier runs that Nova brought back.
    ghosts: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the trial."""
    parser.add_argument('--count', type=int, default=20, metavar='N',
                        help='how often two runs run at once (default: 20)')
    seeds.add_argument(parser, 'the hosts and the moments')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Run the trial, print its figures, and return the exit code."""
    folder = files.directory(cloud.state / 'trials' / 'pairs')
    chance = random.Random(seeds.chosen(arguments))
    outcomes = []
    before = snapshot.take(cloud)
    for number in range(arguments.count):
        # With one host a run has to lose. With two hosts each gets its own.
        targets = ','.join(chance.sample(cloud.fake_hosts, 1 + number % 2))
        outcome, before = _try(cloud, folder / f'try-{number + 1:03}', targets,
                               number % 4 < 2, chance, before)
        outcomes.append(outcome)
        print(f'{number + 1:3} of {arguments.count}: {targets}: '
              f'{"; ".join(outcome.problems) or "good"} '
              f'({outcome.passed} passed, {outcome.skipped} skipped)',
              flush=True)
    files.write(folder / 'pairs.json', json.dumps(
        [dataclasses.asdict(outcome) for outcome in outcomes], indent=1))
    return _judge(outcomes)


def _try(cloud: deployment.Deployment, folder, targets, lease_alone, chance,
         before):
    workspaces = [
        runs.another(cloud, folder / name, target_hosts=targets,
                     allow_foreign_servers=lease_alone)
        for name in ('one', 'two')]
    logs = [workspace.directory / 'run.log' for workspace in workspaces]
    reader = _Reader(cloud, workspaces)
    with watch.watching(reader.read, _PAUSE) as seen:
        problems = _run_both(workspaces, logs, chance)
    problems += seen.problems()
    problems += sorted({line for reading in seen.readings
                        for line in reading.hosts_taken_twice()})
    after = snapshot.take(cloud)
    left, ghosts = snapshot.split(before.differences(after), reader.run_ids)
    problems += left
    reasons = [reason for log in logs for reason in runs.skips(log)]
    problems += [f'skipped for no reason that explains it: {reason}'
                 for reason in reasons if not marks.is_lost(reason)]
    passed, skipped = (
        sum(runs.counts(log).get(what, 0) for log in logs)
        for what in ('passed', 'skipped'))
    return Outcome(
        targets, lease_alone, len(seen.readings), seen.longest_gap, passed,
        skipped, contested=any(marks.is_lost(text.read_text()) for text in (
            *logs, *(workspace.log for workspace in workspaces))),
        problems=problems, ghosts=ghosts), after


def _run_both(workspaces, logs, chance):
    with contextlib.ExitStack() as stack:
        processes = []
        for workspace, log in zip(workspaces, logs, strict=True):
            processes.append(stack.enter_context(
                workspace.running(chance.choice(_SCENARIOS), log)))
            # So that they meet at another moment each time.
            runs.ended(processes[0], chance.uniform(0, 1))
        problems = [
            problem for workspace, process, log in zip(
                workspaces, processes, logs, strict=True)
            for problem in workspace.wait(process, log, _LIMIT)]
    return problems + [f'failed: {log}' for log in logs
                       if runs.counts(log).get('failed', 1)]


class _Reader:
    """Reads, from outside, who has which host.

    :param workspaces: those of the two runs
    :ivar run_ids: of the runs whose journals were seen
    """

    def __init__(self, cloud: deployment.Deployment, workspaces) -> None:
        self.run_ids: set[str] = set()
        self._admin = api.Admin(cloud)
        self._folders = [workspace.journals for workspace in workspaces]
        self._providers = {
            one['name']: one['uuid'] for one in self._admin.placement.get(
                '/resource_providers').json()['resource_providers']}

    def read(self):
        """Return a ``Reading``."""
        out, fenced = self._out(), self._fenced()
        leased = {
            (trait.removeprefix(marks.TRAIT), host)
            for host, provider in self._providers.items()
            for trait in self._admin.placement.get(
                f'/resource_providers/{provider}/traits').json()['traits']
            if trait.startswith(marks.TRAIT)}
        live = {run for folder in self._folders
                for run in journals.held(folder)}
        self.run_ids |= live
        return Reading(
            frozenset(out & self._out()), frozenset(fenced & self._fenced()),
            # A trait that nova-compute brought back after its run is no lease.
            frozenset((run, host) for run, host in leased if run in live))

    def _out(self):
        first, second = self._folders
        seen = journals.hosts_out(first)
        # A host in both readings of the first folder was out in between, too.
        return journals.hosts_out(second) | (
            seen & journals.hosts_out(first))

    def _fenced(self):
        return marks.fences(api.compute_services(self._admin))


def _judge(outcomes):
    table = prettytable.PrettyTable(
        ('Target hosts', 'Tries', 'Passed', 'Skipped', 'Contested',
         'Readings', 'Longest gap (s)', 'Good'))
    table.align = 'l'
    kinds = {}
    for one in outcomes:
        hosts = len(one.targets.split(','))
        kinds.setdefault(f'{hosts}, the lease alone decides'
                         if one.lease_alone else f'{hosts}', []).append(one)
    for kind, some in sorted(kinds.items()):
        table.add_row((
            kind, len(some), sum(one.passed for one in some),
            sum(one.skipped for one in some),
            sum(one.contested for one in some),
            sum(one.readings for one in some),
            f'{max(one.longest_gap for one in some):.1f}',
            sum(not one.problems for one in some)))
    print(table)
    contested = sum(one.contested for one in outcomes)
    if not contested:
        print('The two runs never wanted the same host')
    good = sum(not one.problems for one in outcomes)
    print(f'{good} of {len(outcomes)} tries good, {contested} contested')
    return 1 if good < len(outcomes) or not contested else 0
