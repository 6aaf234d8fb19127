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

"""Compare scenarios with a script that makes the same calls.

The script uses openstacksdk alone. The scenario and the script take turns, so
that both feel the same machine. A scenario may take 1.15 times as long as the
script. With the set-up and the tear-down of its class it may take 1.5 times as
long. The table has a scenario of each kind. The exit code is 1 if a scenario
takes longer.
"""

import argparse
import contextlib
import json
import pathlib
import shlex
import statistics
import subprocess

from allinone import api
from allinone import deployment
from allinone import errors
from allinone import files
from allinone import supervision
from proof.benchmarks import run_log
from proof.trials import runs

#: {story of floor_stories.py: its scenario}.
STORIES = {
    'forced_down': 'test_local_delete.LocalDeleteTest.'
                   'test_allocations_removed_by_api',
    'stopped': 'test_ports.PortsTest.test_port_of_nova_deleted_stopped',
    'healed': 'test_without_placement.NoPlacementTest.'
              'test_allocations_removed_after_compute_restart',
    'port': 'test_ports.PortsTest.test_port_of_user_unbound_forced_down',
    'volume': 'test_volumes.VolumesTest.test_data_volume_detached_forced_down',
    'move': 'test_moves.ResizedTest.'
            'test_deleted_with_destination_out_forced_down'}

_BOUND = 1.15
_BOUND_WITH_CLASS = 1.5

_LIMIT = 600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb to a parser."""
    parser.add_argument('--pairs', type=int, default=10, metavar='N',
                        help='how often each takes its turn (default: 10)')
    parser.add_argument('--story', action='append', choices=sorted(STORIES),
                        help='tell only this story; may be given several '
                             'times (default: all)')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Measure, print the table, and return the exit code."""
    workspace = runs.another(
        cloud, files.directory(cloud.state / 'benchmarks') / 'floor')
    slow = False
    print(f'{"medians of":12} {arguments.pairs:3} pairs   floor  scenario  '
          f'ratio  with class  ratio', flush=True)
    with _script(cloud) as tell:
        for story in arguments.story or STORIES:
            rows = [(tell(story), *_measure(workspace, STORIES[story]))
                    for _ in range(arguments.pairs)]
            floor, scenario, whole = (
                statistics.median(column)
                for column in zip(*rows, strict=True))
            ratio, with_class = scenario / floor, whole / floor
            slow |= ratio > _BOUND or with_class > _BOUND_WITH_CLASS
            print(f'{story:22} {floor:8.1f} {scenario:9.1f} {ratio:6.2f} '
                  f'{whole:11.1f} {with_class:6.2f}', flush=True)
    return 1 if slow else 0


@contextlib.contextmanager
def _script(cloud: deployment.Deployment):
    """Start the script; give what tells a story and returns its seconds."""
    control = [str(supervision.tool('supervisorctl')), '-c',
               str(supervision.configuration(cloud.state))]
    given = {
        'auth_url': cloud.auth_url, 'region': deployment.REGION,
        'verify': str(cloud.ca) if cloud.tls else True,
        'passwords': {name: cloud.passwords[name]
                      for name in ('admin', 'member1')},
        'hosts': cloud.fake_hosts[:2],
        'image': api.Admin(cloud).image.get(
            '/v2/images').json()['images'][0]['id'],
        'commands': {
            'compute_stop': [*control, 'stop', 'nova-compute-{host}'],
            'compute_start': [*control, 'start', 'nova-compute-{host}'],
            'placement_stop': [*control, 'stop', 'placement-proxy'],
            'placement_start': [*control, 'start', 'placement-proxy']}}
    command = [str(cloud.environment / 'bin' / 'python'), '-W', 'ignore',
               str(pathlib.Path(__file__).with_name('floor_stories.py'))]
    with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True) as script:
        def tell(line):
            print(line, file=script.stdin, flush=True)
            answer = script.stdout.readline().strip()
            if not answer:
                raise errors.StepFailed(
                    f'{shlex.join(command)} has failed')
            return answer

        tell(json.dumps(given))
        yield lambda story: float(tell(story))
        script.communicate()


def _measure(workspace, scenario):
    """Run a scenario; return its seconds, and those with its class."""
    workspace.log.unlink(missing_ok=True)
    log = workspace.directory / 'output.log'
    with workspace.running(rf'\.{scenario}\b', log) as process:
        problems = workspace.wait(process, log, _LIMIT)
    if problems or process.returncode:
        raise errors.StepFailed(f'{scenario} has not passed: {log}')
    told = run_log.read(workspace.log)
    seconds = told.scenarios[-1].whole.seconds
    return seconds, seconds + sum(
        part.seconds for parts in told.classes.values()
        for part in parts)
