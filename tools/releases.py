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

"""Try the plugin on each release of OpenStack, and with other Tempests.

All scenarios run on a cloud of each release. A second cloud of the release has
servers that can be restored, and real guests where the machine allows them.
The scenarios that the first cloud has to skip run there. The table is written
into results/releases, of all releases that this command has run there. The
exit code is 0 only if nothing new failed.
"""

import argparse
import shutil
import sys
import time

from tools import clouds
from tools import phases
from tools import rehearsals
from tools import tempests

_FOLDER = clouds.RESULTS / 'releases'

# A short name, because Unix sockets are in there.
_STATES = clouds.STATE.with_name('.runs')

_PORT_BASE = 27000

_RELEASES = sorted(
    path.stem for path in (
        phases.ROOT / 'allinone' / 'releases').glob('*.in')
    if not path.stem.endswith('-qemu'))


def _lanes(releases, guests):
    """Return two lanes of each release, those that take long first."""
    lanes = []
    for name in (*releases, *(f'{release}-2' for release in releases)):
        release, _, is_second = name.partition('-')
        state = _STATES / name
        shutil.rmtree(state, ignore_errors=True)
        (_FOLDER / f'{name}.json').unlink(missing_ok=True)
        place = 2 * _RELEASES.index(release) + bool(is_second)
        cloud = clouds.Cloud(name, state, _PORT_BASE + 100 * place)
        which = ('--release', release)
        boot, regex = (
            (clouds.boot_second(cloud, guests, *which),
             clouds.second_scenarios(guests)) if is_second
            else (cloud.boot(*which), clouds.SCENARIOS))
        lanes.append([boot, cloud.scenarios(f'{name}-scenarios', regex)])
    return lanes


def _try_releases(run, arguments):
    guests = clouds.may_run_guests(run)
    run.run([clouds.setup(*['qemu'] * guests)])
    for folder in (_FOLDER, _STATES):
        folder.mkdir(parents=True, exist_ok=True)
    code = 0
    try:
        run.run(*_lanes(arguments.release or _RELEASES, guests),
                together=False, at_once=arguments.clouds)
    except phases.PhaseFailed as failed:
        code = failed.code
    run.run([phases.Phase('table', (
        clouds.PYTHON, '-m', 'tools.release_table', str(_STATES),
        str(_FOLDER), *_RELEASES), echo=True)])
    return code


def _do(run, arguments):
    begin = time.monotonic()
    if arguments.tempest:
        code = tempests.run(run, arguments.clouds)
    elif arguments.upgrades:
        code = rehearsals.run(run, arguments.release or _RELEASES,
                              arguments.clouds)
    else:
        code = _try_releases(run, arguments)
    run.show(f'All parts after {(time.monotonic() - begin) / 60:.0f} minutes')
    return code


def main() -> int:
    """Run the command line, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog='tools/releases.sh', description=__doc__)
    parser.add_argument(
        '--release', action='append', choices=_RELEASES,
        help='run only this release, or only the upgrade from it; may be '
             'given several times. The table keeps the results of the others')
    parser.add_argument(
        '--clouds', type=_positive, default=2, metavar='N',
        help='how many clouds run side by side (default: %(default)s). Each '
             'needs 4 GiB of memory')
    parser.add_argument(
        '--tempest', action='store_true',
        help='try the plugin with other versions of Tempest and Python '
             'instead, without a cloud. N environments are tried side by '
             'side. Each Python needs its program on the PATH, such as '
             'python3.12')
    parser.add_argument(
        '--upgrades', action='store_true',
        help='rehearse the upgrades instead, each with staged servers. All '
             'scenarios run beside old computes, and after the upgrade')
    arguments = parser.parse_args()
    if arguments.tempest and arguments.release:
        parser.error('--tempest needs no cloud, so leave out --release')
    if arguments.upgrades and arguments.tempest:
        parser.error('--upgrades and --tempest are two commands')
    if arguments.upgrades:
        upgraded = [before for before, _ in rehearsals.PAIRS]
        for release in arguments.release or ():
            if release not in upgraded:
                parser.error(f'no upgrade from {release} is rehearsed, only '
                             f'from {", ".join(upgraded)}')
    run = phases.Phases(clouds.RESULTS)
    return phases.main(run, lambda: _do(run, arguments))


def _positive(words):
    if not words.isdecimal() or not int(words):
        raise argparse.ArgumentTypeError(f'{words} is no number above 0')
    return int(words)


if __name__ == '__main__':
    sys.exit(main())
