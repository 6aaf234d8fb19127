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

import datetime

import prettytable

from allinone import boot
from allinone import deployment
from allinone import supervision

# A part of a core. supervisord needs a hundredth in a cloud that is in use.
_MOST_CPU = 0.1


def show(cloud: deployment.Deployment) -> bool:
    """Print the table, and tell whether every process runs as it should."""
    running = supervision.running(cloud.state)
    info = supervision.info(cloud.state) if running else {}
    table = prettytable.PrettyTable(
        ('Name', 'PID', 'Port', 'State', 'Since', 'Log file'))
    table.align = 'l'
    programs = boot.programs(cloud)
    for name, program in programs.items():
        known = info.get(name, {})
        table.add_row([
            name, known.get('pid') or '',
            cloud.ports[program.listener] if program.listener else '',
            known.get('statename', 'DOWN'), _since(known),
            cloud.logs / f'{name}.log'])
    print(table)
    return all(info.get(name, {}).get('statename') == 'RUNNING'
               for name in programs) and not _burns(cloud)


def _burns(cloud):
    """Tell whether supervisord burns CPU time, and print how much."""
    share, waits = supervision.cpu_share(cloud.state)
    if share < _MOST_CPU and (waits or not share):
        return False
    print(f'supervisord uses {share:.0%} of a core, although it should wait; '
          f'see {cloud.logs}/supervisord.log')
    return True


def _since(known):
    moment = max(known.get('start', 0), known.get('stop', 0))
    if not moment:
        return ''
    return datetime.datetime.fromtimestamp(moment).isoformat(' ')
