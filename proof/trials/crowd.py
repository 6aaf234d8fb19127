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

"""Let many processes lease hosts at once. The last host has to stay up.

The cloud has N+1 computes. N processes lease hosts, force them down and give
them back. Classes of scenarios of one "tempest run --concurrency N" do so.
Each third time a process wants two hosts. [local_delete] min_other_hosts is 1,
and no host is fenced. A watcher reads the compute services all the time. The
exit code is 0 if all of these are true:

- no reading shows less than one host that is up;
- each process got its hosts each time, and no outage was refused;
- the cloud is as it was before.

With --apart the processes share only the cloud, as on N machines. Then they do
not wait for each other. A process may get no hosts, but not each time.
"""

import argparse
import collections
import contextlib
import json

import prettytable

from allinone import api
from allinone import deployment
from allinone import errors
from allinone import files
from proof.trials import runs
from proof.trials import seeds
from proof.trials import snapshot
from proof.trials import watch

_LIMIT = 1800
_PAUSE = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the trial."""
    parser.add_argument('--count', type=int, default=100, metavar='N',
                        help='how often hosts are leased (default: 100)')
    parser.add_argument('--hold', type=float, default=3, metavar='SECONDS',
                        help='how long hosts are out, at most (default: 3)')
    seeds.add_argument(parser, 'the pauses')
    parser.add_argument('--apart', action='store_true',
                        help='as on several machines, which share only the '
                             'cloud')
    parser.add_argument('--blind', action='store_true',
                        help='do not count the leases of others, to see the '
                             'trial fail')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Run the trial, print its figures, and return the exit code."""
    folder = files.directory(cloud.state / 'trials' / 'crowd')
    seed = seeds.chosen(arguments)
    admin = api.Admin(cloud)
    hosts = sorted(up(api.compute_services(admin)))
    if len(hosts) < 3:
        raise errors.StepFailed(
            f'needs three computes, and {len(hosts)} are up')
    takers = len(hosts) - 1
    workspaces = [
        runs.another(cloud, folder / f'workspace-{number}',
                     target_hosts=','.join(hosts), min_other_hosts=1,
                     fence_host=False, lease_timeout=_LIMIT)
        for number in range(takers if arguments.apart else 1)]
    before = snapshot.take(cloud)
    logs = [folder / f'taker-{number}.log' for number in range(takers)]
    for log in logs:
        log.unlink(missing_ok=True)
    with contextlib.ExitStack() as stack, watch.watching(
            lambda: up(api.compute_services(admin)), _PAUSE) as seen:
        processes = [
            stack.enter_context(workspaces[number % len(workspaces)].python(
                'proof.trials.taker', log, str(number), str(takers),
                str(arguments.count), str(seed),
                str(arguments.hold),
                *['--blind'] * arguments.blind))
            for number, log in enumerate(logs)]
        problems = [
            f'failed: {log}' for process, log in zip(
                processes, logs, strict=True)
            if not runs.wait(process, _LIMIT) or process.returncode]
    problems += seen.problems()
    takes = [json.loads(line) for log in logs
             for line in log.read_text().splitlines() if line[:1] == '{']
    problems += judge(takes, arguments.count, arguments.apart)
    fewest = min(map(len, seen.readings), default=0)
    if fewest < 1:
        problems.append('at some moment no host was up')
    left, _ = snapshot.split(
        before.differences(snapshot.take(cloud)),
        {take['run'] for take in takes})
    problems += left
    _print(takers, takes, seen, fewest)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def up(services: list[dict]) -> set[str]:
    """Name the hosts that servers can be sent to.

    :param services: what ``api.compute_services`` returned
    """
    return {one['host'] for one in services
            if one['state'] == 'up' and one['status'] == 'enabled'
            and not one['forced_down']}


def judge(takes: list[dict], count: int, apart: bool) -> list[str]:
    """Return a line for each take that went wrong.

    :param takes: what the takers printed
    :param count: how many takes there should be
    :param apart: whether a take may be refused, because nobody waits
    """
    problems = [] if len(takes) == count else [
        f'{len(takes)} takes, and not {count}']
    if not apart:
        problems += [f'refused: {take["refused"]}' for take in takes
                     if take['refused']]
    elif all(take['refused'] for take in takes):
        problems.append('no process ever got a host')
    return problems


def _print(takers, takes, seen, fewest):
    table = prettytable.PrettyTable(('What', 'How many'), align='l')
    waits = sorted(take['waited'] for take in takes) or [0]
    out = collections.Counter(
        'refused' if take['refused'] else f'of {take["wanted"]} hosts'
        for take in takes)
    for row in (('processes', takers),
                *((f'takes {how}', count)
                  for how, count in sorted(out.items())),
                ('seconds until a lease, median',
                 f'{waits[len(waits) // 2]:.1f}'),
                ('... longest', f'{waits[-1]:.1f}'),
                ('readings', len(seen.readings)),
                ('longest gap (s)', f'{seen.longest_gap:.1f}'),
                ('hosts up, at least', fewest)):
        table.add_row(row)
    print(table)
