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

"""Count the requests of each scenario, from the log of its last run.

Requests by which a wait repeats its question are polls. They are counted
apart, because a busy machine polls more. A story chooses its hosts by chance,
and by what other runs have. So the requests of that choice are not compared.
The exit code is 1 if a scenario sent more requests of a kind than the
checked-in table has, or is not in the table. The cloud does not need to be up.
With --log there needs to be no cloud.
"""

import argparse
import collections
import collections.abc
import json
import pathlib

from allinone import deployment
from local_delete_tempest_plugin.common import spans
from proof.benchmarks import run_log
from proof.benchmarks import times

_TABLE = pathlib.Path(__file__).parent / 'requests.json'

# Key of a row: how often the scenario took a service away. A story that is
# told again takes it away once more.
_OUTAGES = 'outages'

# What a story asks while it chooses its hosts depends on other runs.
_APART = (spans.LEASE,)

Counts = dict[str, int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb to a parser."""
    times.add_arguments(parser)
    parser.add_argument(
        '--update', action='store_true',
        help='write the scenarios of the log into the table, where they sent '
             'more than the table has')
    parser.add_argument(
        '--renew', action='store_true',
        help='with --update: forget what the table has of these scenarios')


def run(cloud: deployment.Deployment | None,
        arguments: argparse.Namespace) -> int:
    """Print the counts, and return the exit code."""
    told = run_log.read(times.log_of(cloud, arguments))
    table = json.loads(_TABLE.read_text()) if _TABLE.exists() else {}
    scenarios = run_log.last(told.scenarios)
    width = max(map(len, scenarios))
    print(f'{"requests":{width}}    sent   table   polls')
    more = []
    for name, scenario in sorted(scenarios.items()):
        counts, known = count(scenario, _APART), table.get(name, {})
        print(f'{name:{width}} {total(counts):7} {total(known):7} '
              f'{len(scenario.polls):7}')
        more += compare(name, counts, known)
    if arguments.update:
        for scenario in (scenarios.values() if arguments.renew
                         else told.scenarios):
            known = {} if arguments.renew else table.get(scenario.name, {})
            table[scenario.name] = greatest(
                known, count(scenario, _APART))
        _TABLE.write_text('{\n%s\n}\n' % ',\n'.join(
            f'{json.dumps(name)}: {json.dumps(table[name], sort_keys=True)}'
            for name in sorted(table)))
        return 0
    for line in more:
        print(line)
    return 1 if more else 0


def count(scenario: run_log.Scenario,
          apart: collections.abc.Collection[str] = ()) -> Counts:
    """Count what a scenario sent, without polls.

    :param apart: kinds of parts whose requests do not count
    :returns: {kind of a request: how many}, and how many outages.
    """
    left_out = [part for part in scenario.parts if part.kind in apart]
    counts = collections.Counter(
        one.kind for one in scenario.requests
        if not any(part.begin < one.end <= part.end for part in left_out))
    counts[_OUTAGES] = sum(
        part.kind == spans.AWAY for part in scenario.parts)
    return dict(counts)


def compare(name: str, counts: Counts, known: Counts) -> list[str]:
    """Tell what a scenario sent more of than is known.

    :param name: name of the scenario
    :param counts: what ``count`` returned
    :param known: its row of the table; empty if the table has none
    :returns: A line for each kind.
    """
    if not known:
        return [f'{name} is not in {_TABLE.name}: see --update']
    if counts[_OUTAGES] > known[_OUTAGES]:
        print(f'{name} was told again, and is not compared')
        return []
    return [f'{name} sent {number} times {kind}, and the table has '
            f'{known.get(kind, 0)}'
            for kind, number in sorted(counts.items())
            if number > known.get(kind, 0)]


def greatest(one: collections.abc.Mapping[str, int],
             other: collections.abc.Mapping[str, int]) -> Counts:
    """Return the greater number of each kind."""
    return {kind: max(one.get(kind, 0), other.get(kind, 0))
            for kind in {*one, *other}}


def total(counts: Counts) -> int:
    """Return the number of requests of all kinds."""
    return sum(number for kind, number in counts.items() if kind != _OUTAGES)
