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


"""Show how the requests of preflight and of scenarios grow with the cloud.

They run on the cloud as it is. They run again after "populate" has added
computes and servers. At the end these are taken away. The exit code is 1 in
these cases:

- a scenario sends more requests of a kind on the large cloud; polls of a wait
  and further pages of a list do not count;
- a scenario does not pass, or preflight finds a problem;
- preflight takes more than 60 s on the large cloud;
- a process of Tempest needs more than 200 MB.

Preflight runs there with target_hosts = *, too. Then it has to look at each
compute, so only its time and its memory are limited.
"""

import argparse
import collections
import dataclasses
import resource
import time

from allinone import deployment
from allinone import files
from proof.benchmarks import populate
from proof.benchmarks import request_counts
from proof.benchmarks import run_log
from proof.trials import runs

# An outage of each kind, and a move.
_SCENARIOS = (r'LocalDeleteTest\.test_allocations_removed_by_api'
              r'|PortsTest\.test_port_of_nova_deleted_stopped'
              r'|ResizedTest\.test_deleted_with_destination_out_forced_down')

_MOST_SECONDS = 60
_MOST_MEGABYTES = 200


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one cloud was asked.

    :param counts: {preflight or a scenario: {kind of a request: how many}},
        without polls
    :param seconds: {preflight or a scenario: how long it took}
    :param problems: a line for each of them that did not pass
    """

    counts: dict[str, request_counts.Counts]
    seconds: dict[str, float]
    problems: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    populate.add_counts(parser)
    parser.add_argument(
        '--regex', default=_SCENARIOS,
        help='selects the scenarios (default: a host forced down, a host '
             'stopped, and a move)')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Measure, print the table, and return the exit code."""
    populate.check_counts(arguments)
    folder = files.directory(cloud.state / 'benchmarks')
    small = _measure(cloud, folder / 'small', arguments.regex)
    try:
        began = time.monotonic()
        populate.populate(cloud, arguments.computes, arguments.servers)
        print(f'populate: {time.monotonic() - began:.0f} s', flush=True)
        large = _measure(cloud, folder / 'large', arguments.regex)
        anywhere = _preflight(runs.another(
            cloud, folder / 'anywhere', target_hosts='*'), 'preflight *')
    finally:
        populate.remove(cloud)
    problems = [*small.problems, *large.problems, *anywhere.problems,
                *compare(small.counts, large.counts)]
    for name, seconds in {**large.seconds, **anywhere.seconds}.items():
        if name.startswith('preflight') and seconds > _MOST_SECONDS:
            problems.append(f'{name} took {seconds:.0f} s on the large cloud, '
                            f'and {_MOST_SECONDS} s are the limit')
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    if megabytes > _MOST_MEGABYTES:
        problems.append(f'a process of Tempest needed {megabytes:.0f} MB, and '
                        f'{_MOST_MEGABYTES} MB are the limit')
    _show(small, large, anywhere)
    print(f'The largest process of Tempest needed {megabytes:.0f} MB')
    print('\n'.join(problems) or 'No count has grown')
    return 1 if problems else 0


def compare(small: dict[str, request_counts.Counts],
            large: dict[str, request_counts.Counts]) -> list[str]:
    """Tell what was sent more often on the large cloud.

    :param small: {preflight or a scenario: {kind of a request: how many}} of
        the small cloud
    :param large: the same, of the large cloud
    :returns: A line for each kind that has grown, without further pages.
    """
    return [f'{name} sent {number} times {kind} on the large cloud, and '
            f'{small.get(name, {}).get(kind, 0)} times on the small one'
            for name, counts in sorted(large.items())
            for kind, number in sorted(counts.items())
            if number > small.get(name, {}).get(kind, 0)
            and not kind.endswith(run_log.PAGE)]


def _measure(cloud: deployment.Deployment, folder, regex):
    """Run preflight and the scenarios."""
    # The last compute has more providers, so its footprint takes more
    # requests. The lot would decide the counts.
    hosts = ','.join(cloud.fake_hosts[:2])
    first = _preflight(runs.another(cloud, folder, target_hosts=hosts),
                       'preflight')
    workspace = runs.another(cloud, folder, target_hosts=hosts)
    log = folder / 'scenarios.log'
    with workspace.running(regex, log) as process:
        process.wait()
    told = run_log.last(run_log.read(workspace.log).scenarios)
    count = runs.counts(log)
    return Measured(
        {**first.counts, **{name: request_counts.count(scenario)
                            for name, scenario in told.items()}},
        {**first.seconds, **{
            name: scenario.whole.seconds
            for name, scenario in told.items()}},
        first.problems + (
            [] if process.returncode == 0 and count.get('passed') == len(told)
            else [f'not all scenarios have passed: {log}']))


def _preflight(workspace, name):
    log = workspace.directory / 'preflight.log'
    began = time.monotonic()
    code = workspace.command('preflight', log=log)
    return Measured(
        {name: dict(collections.Counter(
            one.kind for one in run_log.requests(workspace.log)))},
        {name: time.monotonic() - began},
        [f'preflight ended with {code}: {log}'] if code else [])


def _show(small, large, anywhere):
    width = max(map(len, small.counts))
    print(f'{"requests":{width}}   small   large   pages   small s   large s')
    for name in (*small.counts, *anywhere.counts):
        clouds = [small, anywhere if name in anywhere.counts else large]
        requests, pages = zip(*(_totals(one.counts.get(name, {}))
                                for one in clouds), strict=True)
        print(f'{name:{width}} {requests[0]:7} {requests[1]:7} {pages[1]:7}',
              *(f'{one.seconds.get(name, 0):9.1f}' for one in clouds))


def _totals(counts):
    """Return the number of requests, and that of further pages."""
    pages = sum(number for kind, number in counts.items()
                if kind.endswith(run_log.PAGE))
    return request_counts.total(counts) - pages, pages
