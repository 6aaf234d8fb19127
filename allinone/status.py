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

"""The table of every process."""

import dataclasses
import datetime
import json
import pathlib

import prettytable

from allinone import boot
from allinone import deployment
from allinone import supervision

# A part of a core. supervisord needs a hundredth in a cloud that is in use.
_MOST_CPU = 0.1


def show(cloud: deployment.Deployment, as_json: bool = False) -> bool:
    """Print every process, and tell whether each runs as it should.

    :param as_json: whether to print JSON, and no table
    """
    running = supervision.running(cloud.state)
    info = supervision.info(cloud.state) if running else {}
    processes = [_Process(
        name=name, release=_release(cloud, program),
        pid=info.get(name, {}).get('pid') or None,
        port=cloud.ports[program.listener] if program.listener else None,
        state=info.get(name, {}).get('statename', 'DOWN'),
        since=_since(info.get(name, {})),
        log=str(cloud.logs / f'{name}.log'))
        for name, program in boot.programs(cloud).items()]
    problem = _burns(cloud) if running else None
    healthy = all(process.state == 'RUNNING'
                  for process in processes) and not problem
    if as_json:
        print(json.dumps({
            'healthy': healthy, 'problem': problem, 'release': cloud.release,
            'upgrade': cloud.upgrade and cloud.upgrade.to,
            'processes': [dataclasses.asdict(one) for one in processes]},
            indent=2))
        return healthy
    table = prettytable.PrettyTable(
        ('Name', 'Release', 'PID', 'Port', 'State', 'Since', 'Log file'))
    table.align = 'l'
    table.add_rows([['' if cell is None else cell for cell
                     in dataclasses.astuple(one)] for one in processes])
    print(f'OpenStack {cloud.release}' + (
        f', with an upgrade to {cloud.upgrade.to} that has not ended'
        if cloud.upgrade else ''))
    print(table)
    if problem:
        print(problem)
    return healthy


@dataclasses.dataclass(frozen=True)
class _Process:
    name: str
    #: Its release of OpenStack, if it is one of OpenStack's.
    release: str | None
    pid: int | None
    port: int | None
    state: str
    since: str | None
    log: str


def _release(cloud, program):
    environments = cloud.environment.parent
    path = pathlib.Path(program.command[0])
    if not path.is_relative_to(environments):
        return None
    return path.relative_to(environments).parts[0]


def _burns(cloud):
    """Say how much CPU time supervisord burns, or return None."""
    share, waits = supervision.cpu_share(cloud.state)
    if share < _MOST_CPU and (waits or not share):
        return None
    return (f'supervisord uses {share:.0%} of a core, although it should '
            f'wait; see {cloud.logs}/supervisord.log')


def _since(known):
    moment = max(known.get('start', 0), known.get('stop', 0))
    if not moment:
        return None
    return datetime.datetime.fromtimestamp(moment).isoformat(' ')
