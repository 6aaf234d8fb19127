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

"""Run the scenarios while another project creates and deletes servers.

The scheduler puts these servers on any host, target hosts included, and they
live for some seconds each. The exit code is 0 if all of these are true:

- no scenario fails, and each skip names such a server;
- no such server is ever on a host that is down;
- no such server is put on a host that is fenced;
- the cloud is as it was before;
- some scenario passed, some host was refused because of such a server, and
  some host was out.
"""

import argparse
import collections.abc
import dataclasses
import json
import re
import time

import prettytable

from allinone import api
from allinone import deployment
from allinone import files
from proof.trials import journals
from proof.trials import load
from proof.trials import marks
from proof.trials import runs
from proof.trials import seeds
from proof.trials import snapshot
from proof.trials import watch

# Options that are off here. A scenario that needs one skips, and names it.
_OFF = ('allow_placement_outage', 'allow_scheduler_outage',
        'allow_conductor_outage')
# The same, and those that the all-in-one does not set.
_LEFT_OUT = (*_OFF, 'guest_list_command', 'reclaims')

_RETRIED = re.compile(r'Retrying .*lease\.Lease\.\S+ in .*')

# Seconds for all scenarios, which wait for the other project, too.
_LIMIT = 3600
_PAUSE = 0.1


@dataclasses.dataclass(frozen=True)
class Interval:
    """The time from the first to the last reading that shows a host out."""

    host: str
    begin: float
    end: float


@dataclasses.dataclass(frozen=True)
class Reading:
    """The compute services, between two moments."""

    begin: float
    end: float
    down: frozenset[str]
    fenced: frozenset[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the trial."""
    parser.add_argument('--count', type=int, default=5, metavar='N',
                        help='how often all scenarios run (default: 5)')
    parser.add_argument('--workers', type=int, default=3, metavar='N',
                        help='how many servers live at once (default: 3)')
    parser.add_argument('--pause', type=float, default=6, metavar='SECONDS',
                        help='the longest pause between two servers of a '
                             'worker (default: 6)')
    parser.add_argument('--concurrency', type=int, default=1, metavar='N',
                        help='how many processes run the scenarios (default: '
                             '1)')
    seeds.add_argument(parser, 'the pauses')
    parser.add_argument('--set', action='append', default=[], dest='options',
                        metavar='NAME=VALUE',
                        help='set an option of [local_delete], to see the '
                             'trial fail without it')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Run the trial, print its figures, and return the exit code."""
    folder = files.directory(cloud.state / 'trials' / 'noise')
    workspace = runs.another(
        cloud, folder / 'workspace', **dict.fromkeys(_OFF, False),
        **dict(option.split('=', 1) for option in arguments.options))
    for log in folder.glob('run-*.log'):
        log.unlink()
    before = snapshot.take(cloud)
    noise = load.Load(cloud, arguments.workers, arguments.pause,
                      seeds.chosen(arguments))
    problems, counts = [], {'passed': 0, 'skipped': 0, 'failed': 0}
    reader = _Reader(cloud, workspace)
    with watch.watching(reader.read, _PAUSE) as seen, noise.made():
        for number in range(1, arguments.count + 1):
            log = folder / f'run-{number:03}.log'
            problems += _run(workspace, log, counts, arguments.concurrency)
            print(f'{number:3} of {arguments.count}: {counts}', flush=True)
    problems += noise.problems + seen.problems()
    problems += harm(noise.servers, intervals(seen.readings, 'down'),
                     intervals(seen.readings, 'fenced'))
    left, ghosts = snapshot.split(
        before.differences(snapshot.take(cloud)), reader.run_ids)
    problems += left
    text = workspace.log.read_text()
    figures = {
        'servers of the other project': len(noise.servers),
        '... that became ERROR': sum(
            bool(one.problem) for one in noise.servers),
        'hosts down': len(intervals(seen.readings, 'down')),
        'hosts fenced': len(intervals(seen.readings, 'fenced')),
        'foreign refusals': marks.foreign_refusals(text),
        'retries of the lease': len(_RETRIED.findall(text)),
        **{f'scenarios {how}': count for how, count in counts.items()},
        'traits of earlier runs that Nova changed': len(ghosts),
        'readings': len(seen.readings),
        'longest gap (s)': round(seen.longest_gap, 1)}
    files.write(folder / 'noise.json', json.dumps({
        'figures': figures, 'problems': problems,
        'servers': [dataclasses.asdict(one) for one in noise.servers]},
        indent=1))
    return _judge(figures, problems)


def _run(workspace, log, counts, concurrency):
    with workspace.running(runs.SCENARIOS, log, concurrency) as process:
        problems = workspace.wait(process, log, _LIMIT)
    if problems:
        return problems
    reasons = [reason for reason in runs.skips(log)
               if not is_left_out(reason)]
    found = runs.counts(log)
    counts['passed'] += found.get('passed', 0)
    counts['failed'] += found.get('failed', 1)
    counts['skipped'] += len(reasons)
    return [f'false alarm: {line} ({log})' for line in runs.failures(log)
            ] + [f'skipped, and named nothing foreign: {reason}'
                 for reason in reasons if not marks.is_foreign(reason)] + (
                     [] if found else [f'ended early: {log}'])


def is_left_out(reason: str) -> bool:
    """Tell whether a scenario skips because an option is off.

    :param reason: the reason of the skip, which names the option
    """
    return any(f'[local_delete] {option}' in reason for option in _LEFT_OUT)


class _Reader:
    """Reads which hosts are out.

    :ivar run_ids: of the runs whose journals were seen
    """

    def __init__(self, cloud: deployment.Deployment, workspace) -> None:
        self.run_ids: set[str] = set()
        self._admin = api.Admin(cloud)
        self._journals = workspace.journals

    def read(self):
        """Return a ``Reading``."""
        self.run_ids |= journals.held(self._journals).keys()
        begin = time.monotonic()
        services = api.compute_services(self._admin)
        return Reading(begin, time.monotonic(), frozenset(
            one['host'] for one in services
            if one['forced_down'] or one['state'] == 'down'
        ), frozenset(host for _, host in marks.fences(services)))


def intervals(readings: collections.abc.Iterable[Reading], kind: str
              ) -> list[Interval]:
    """Return the times in which each host was seen out, without a break.

    :param readings: readings, in their order
    :param kind: 'down' or 'fenced'
    """
    found: list[Interval] = []
    open_since: dict[str, float] = {}
    last = 0.0
    for reading in readings:
        now = getattr(reading, kind)
        found += [Interval(host, open_since.pop(host), last)
                  for host in open_since.keys() - now]
        for host in now - open_since.keys():
            # Out when the answer came, and perhaps not when it was sent.
            open_since[host] = reading.end
        last = reading.begin
    return found + [Interval(host, begin, last)
                    for host, begin in open_since.items()]


def harm(servers: collections.abc.Iterable[load.Server],
         down: collections.abc.Iterable[Interval],
         fenced: collections.abc.Iterable[Interval]) -> list[str]:
    """Return a line for each server on a host that was out.

    :param servers: servers of the other project
    :param down: times in which hosts were down
    :param fenced: times in which hosts were fenced
    """
    placed = [(one, one.placed) for one in servers if one.placed is not None]
    return [
        f'server {one.id} was on {one.host}, which was down'
        for one, since in placed for out in down
        if one.host == out.host and since <= out.end
        and (one.deleting is None or one.deleting >= out.begin)
    ] + [
        f'server {one.id} was put on {one.host}, which was fenced'
        for one, since in placed for out in fenced
        if one.host == out.host and out.begin < one.posted
        and since <= out.end]


def _judge(figures, problems):
    table = prettytable.PrettyTable(('What', 'How many'), align='l')
    for what, count in figures.items():
        table.add_row((what, count))
    print(table)
    for problem in (*problems, *untried(figures)):
        print(problem)
    return 1 if problems or untried(figures) else 0


def untried(figures: dict[str, float]) -> list[str]:
    """Return a line for each promise that the trial had no chance to break."""
    return [f'{what}: none, so nothing was tried: give another --pause'
            for what in ('scenarios passed', 'foreign refusals', 'hosts down',
                         'hosts fenced') if not figures[what]]
