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

"""Rehearse each upgrade of OpenStack with staged servers.

A cloud of the old release gets a stage. Then all but one compute stay old,
while everything else is upgraded. The stage is compared, and scenarios run
there. The upgrade ends. The stage is compared again, scenarios run again, and
at last the servers of the stage are deleted locally. The table is written into
results/releases.
"""

from collections.abc import Collection
from collections.abc import Iterable
import json
import shutil

from tools import clouds
from tools import phases

_FOLDER = clouds.RESULTS / 'releases'

# A short name, because Unix sockets are in there.
_STATES = clouds.STATE.with_name('.ups')

_PORT_BASE = 28000

#: The upgrades that are rehearsed: (release before, release after).
PAIRS = (('2025.1', '2026.1'), ('2025.2', '2026.1'), ('2026.1', '2026.2'))

_COMPUTES = 8

# compute1 alone is new in the middle.
_OLD = [f'compute{number}' for number in range(2, _COMPUTES + 1)]

_TEMPEST = str(phases.ROOT / '.venv' / 'bin' / 'tempest')

# The report ends with 3 if there are known defects and no failures.
_UNLESS_KNOWN = '"$@" || (($? == 3))'


def run(run_: phases.Phases, releases: Collection[str], at_once: int) -> int:
    """Rehearse upgrades, write the table, and return the exit code.

    :param run_: runs the phases
    :param releases: where the upgrades begin
    :param at_once: how many clouds run side by side
    """
    run_.run([clouds.setup()])
    for folder in (_FOLDER, _STATES):
        folder.mkdir(parents=True, exist_ok=True)
    code = 0
    begin = len(run_.ended)
    try:
        run_.run(*(_lane(number, pair) for number, pair in enumerate(PAIRS)
                   if pair[0] in releases), together=False, at_once=at_once)
    except phases.PhaseFailed as failed:
        code = failed.code
    _add({name: code for name, code, _ in run_.ended[begin:]}, releases)
    run_.run([phases.Phase('table', (
        clouds.PYTHON, '-m', 'tools.upgrade_table', str(_FOLDER)), echo=True)])
    return code


def _add(codes: dict[str, int], releases: Collection[str]) -> None:
    """Put exit codes in the place of those of the same upgrades before."""
    path = _FOLDER / 'upgrades.json'
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept = {name: code for name, code in kept.items()
            if name.partition('-')[0] not in releases}
    path.write_text(json.dumps(kept | codes, indent=1) + '\n')


def _lane(number, pair):
    before, after = pair
    name = name_of(pair)
    state = _STATES / before
    shutil.rmtree(state, ignore_errors=True)
    cloud = clouds.Cloud(name, state, _PORT_BASE + 100 * number)
    upgrade = cloud.allinone('upgrade', '--to', after)
    stage = str(state / 'stage.json')

    def local_delete(end, *arguments, goes_on=True):
        return phases.Phase(f'{name}-{end}', (
            _TEMPEST, 'local-delete', *arguments, '--config-file',
            str(state / 'tempest' / 'etc' / 'tempest.conf')), goes_on=goes_on)

    def scenarios(end):
        folder = _FOLDER / f'{name}-{end}'
        shutil.rmtree(folder, ignore_errors=True)
        # What fails here does not keep the rest from being seen.
        return [cloud.scenarios(f'{name}-{end}', clouds.SCENARIOS,
                                goes_on=True),
                phases.Phase(f'{name}-{end}-report', (
                    'bash', '-c', _UNLESS_KNOWN, 'bash', _TEMPEST,
                    'local-delete', 'report', '--format', 'json', '--output',
                    str(folder), str(state / 'tempest')), goes_on=True)]

    return [cloud.boot('--release', before, '--computes', str(_COMPUTES)),
            local_delete('stage', 'stage', '--host-out', stage, goes_on=False),
            phases.Phase(f'{name}-upgrade-control-plane', (
                *upgrade, '--keep-computes', *_OLD)),
            local_delete('old-computes-verify', 'verify', '--keep', stage),
            *scenarios('old-computes'),
            phases.Phase(f'{name}-upgrade-computes', upgrade),
            local_delete('upgraded-verify', 'verify', '--keep', stage),
            *scenarios('upgraded'),
            local_delete('verify', 'verify', stage)]


def name_of(pair: Iterable[str]) -> str:
    """Return the name of an upgrade, which is that of its files."""
    return '-'.join(pair)
