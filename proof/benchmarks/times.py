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

"""Print where the seconds of each scenario go, from the log of its last run.

Each moment counts for one column, which is the innermost step of the plugin at
that moment. The longest waits follow. The cloud does not need to be up. With
--log there needs to be no cloud.
"""

import argparse
import heapq
import pathlib

from allinone import deployment
from local_delete_tempest_plugin.common import spans
from proof.benchmarks import run_log

#: {kind: title of its column}.
_COLUMNS = {
    spans.LEASE: 'lease', spans.FOOTPRINT: 'read', spans.BOOT: 'boot',
    spans.STATE: 'state', spans.AWAY: 'away', spans.COMMAND: 'command',
    spans.SEEN_DOWN: 'down', spans.DELETE: 'delete', spans.BACK: 'back',
    spans.HEARTBEATS: 'beats', spans.UNDO: 'undo', '': 'other'}

# How many of the longest waits are listed.
_WAITS = 30

_LEGEND = """
lease: hosts chosen and leased. read: the footprint. boot: POST until ACTIVE.
state: another state of a server awaited. away: the guard and the fence.
command: the operator's commands. down: until Nova sees a service down.
delete: DELETE until 404. back: a service given back. beats: until heartbeats
prove that a process lives. undo: clean-up. other: the rest of the story."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb to a parser."""
    parser.add_argument(
        '--log', type=pathlib.Path, metavar='FILE',
        help="log of Tempest (default: the log of the cloud's workspace)")


def run(cloud: deployment.Deployment | None,
        arguments: argparse.Namespace) -> int:
    """Print the table, and return the exit code."""
    told = run_log.read(log_of(cloud, arguments))
    scenarios = run_log.last(told.scenarios)
    width = max(map(len, scenarios))
    print(f'{"seconds":{width}}   whole', *(
        f'{title:>7}' for title in _COLUMNS.values()))
    sums = dict.fromkeys(_COLUMNS, 0.0)
    for name, scenario in sorted(
            scenarios.items(),
            key=lambda item: -item[1].whole.seconds):
        seconds = scenario.seconds
        for kind in sums:
            sums[kind] += seconds.get(kind, 0)
        _print_row(name, width, seconds)
    _print_row(f'{len(scenarios)} scenarios', width, sums)
    print()
    waits = ((wait.seconds, name, wait.kind)
             for name, scenario in scenarios.items()
             for wait in scenario.waits)
    for lasted, name, awaited in heapq.nlargest(_WAITS, waits):
        print(f'{lasted:6.1f} {name}: until {awaited}')
    print()
    width = max(map(len, told.classes), default=0)
    for name, intervals in sorted(told.classes.items()):
        print(f'{name:{width}}', *(
            f' {kind} {one.seconds:6.1f}' for kind in (
                run_log.SET_UP, run_log.TEAR_DOWN)
            for one in intervals[-2:] if one.kind == kind))
    print(_LEGEND)
    return 0


def log_of(cloud: deployment.Deployment | None,
           arguments: argparse.Namespace) -> pathlib.Path:
    """Return the log that the arguments name, or that of the workspace."""
    if arguments.log:
        return arguments.log
    assert cloud
    return cloud.tempest / 'logs' / 'tempest.log'


def _print_row(name, width, seconds):
    print(f'{name:{width}} {sum(seconds.values()):7.1f}', *(
        f'{seconds.get(kind, 0):7.1f}' for kind in _COLUMNS))
