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

"""Check all that has to be right before a change is merged.

Style, documents, unit tests and the package are checked. All scenarios run on
a real OpenStack, and some also on a second OpenStack. What can run side by
side does so. At the first failure everything is ended. The last line counts
all tests, and as one test each phase that has none.
"""

import argparse
import pathlib
import re
import sys

from tools import clouds
from tools import phases

_EPILOG = """
results/PHASE.log has what a phase printed. ALLINONE_STATE (in ~/.cache) and
ALLINONE_PORT_BASE (21000) are where the files and ports of the first cloud
are.
"""

# The plain cloud has to skip some scenarios, with these words. They run on the
# second cloud.
_ELSEWHERE = re.compile('reclaims is False|guest_list_command: not set')

# Those of bug 1679750, under each outage that finds it.
_BASIC = clouds.SCENARIOS + (
    '.*(allocations_removed_by_api|allocations_removed_after_compute_restart'
    '|server_kept_when_placement_unavailable|leaked_allocations_healed)')

_UPSTREAM = (r'^tempest\.api\.compute\.(admin\.test_services'
             r'|servers\.test_create_server)\.')

# Bytes of memory of two clouds.
_TWO_CLOUDS = 8 * 2 ** 30


# Seconds for a unit test beside two clouds.
_PATIENT = {'OS_TEST_TIMEOUT': '600'}


def _local(name, *command, **environment):
    """Return a phase that needs no cloud.

    It gives way to the clouds, because their lanes take longer.
    """
    return phases.Phase(name, ('nice', *command),
                        environment={**_PATIENT, **environment})


def _tox(name, environment):
    return _local(name, 'tox', 'run', '-e', environment)


def _fast():
    cloud = clouds.Cloud()
    return [[_tox('style', 'pep8'), _tox('unit', 'py3')],
            [cloud.boot(), cloud.scenarios('basic', _BASIC, _none_skipped)]]


def _all(guests):
    first = clouds.Cloud()
    second = clouds.Cloud('second', clouds.STATE.with_name(
        f'{clouds.STATE.name}-2'), clouds.PORT_BASE + 100)
    local = [
        _tox('style', 'pep8'), _tox('unit', 'cover'),
        _local('fuzz', 'stestr', 'run', r'unit\.cloud\.test_fuzz',
               LOCAL_DELETE_FUZZ='1000'),
        _tox('documents', 'docs,releasenotes'),
        _local('sample', 'bash', '-c',
               'tox run -e genconfig && git diff --exit-code etc'),
        _local('package', 'tools/package.sh')]
    plain = [
        first.boot(), first.proof('schedule', 'schedule'),
        first.scenarios('scenarios', clouds.SCENARIOS, _none_but_elsewhere),
        first.proof('mutants', 'mutate', 'allocations_left_whole',
                    'port_of_nova_left')]
    other = [
        clouds.boot_second(second, guests, '--like-devstack'),
        second.scenarios('upstream', _UPSTREAM),
        second.proof('preflight', 'trial', 'preflight'),
        second.proof('secrets', 'trial', 'secrets', '--no-stage', '--regex',
                     'removed_by_api'),
        second.scenarios('rest-of-scenarios', clouds.second_scenarios(guests),
                         _none_skipped)]
    return [local, plain, other]


def _available():
    """Return the bytes of memory that are available."""
    text = pathlib.Path('/proc/meminfo').read_text()
    return int(re.findall(r'^MemAvailable: +(\d+) kB', text, re.M)[0]) * 1024


def _none_skipped(log):
    return _skipped(clouds.skips(log.read_text(errors='replace')))


def _none_but_elsewhere(log):
    return _skipped([skip for skip in clouds.skips(
        log.read_text(errors='replace')) if not _ELSEWHERE.search(skip)])


def _skipped(skips):
    return '\n'.join(['A scenario skipped, and each has to run here:',
                      *skips]) if skips else None


def count(ended: list[tuple[str, int, pathlib.Path]]) -> tuple[int, int, int]:
    """Count the tests of phases.

    :param ended: as ``Phases.ended``
    :returns: How many passed, failed and skipped.
    """
    passed = failed = skipped = 0
    for _, code, log in ended:
        text = log.read_text(errors='replace')
        failures = clouds.total(text, 'Failed', 'Unexpected Success')
        if re.search('^ - Passed:', text, re.MULTILINE):
            passed += clouds.total(text, 'Passed')
            skipped += clouds.total(text, 'Skipped', 'Expected Fail')
        elif not code:
            passed += 1
        failed += failures or bool(code)
    return passed, failed, skipped


def _check(arguments, run):
    guests = not arguments.fast and clouds.may_run_guests(run)
    profiles = [] if arguments.fast else ['devstack', *['qemu'] * guests]
    run.run([clouds.setup(*profiles)])
    clouds.use_environment()
    lanes = _fast() if arguments.fast else _all(guests)
    if not arguments.fast and _available() < _TWO_CLOUDS:
        run.show('Too little memory for two clouds: one after the other')
        run.run(*lanes[:-1])
        lanes = lanes[-1:]
    run.run(*lanes)
    return 0


def main() -> int:
    """Run the command line, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog='tools/test.sh', description=__doc__, epilog=_EPILOG)
    parser.add_argument(
        '--fast', action='store_true',
        help='check only the style, the unit tests and the four basic '
             'scenarios')
    arguments = parser.parse_args()
    run = phases.Phases(clouds.RESULTS)
    code = phases.main(run, lambda: _check(arguments, run))
    if code:
        print(f'\nFiles and logs of the clouds: {clouds.STATE}*')
    print('\n{} passed, {} failed, {} skipped'.format(*count(run.ended)))
    return code


if __name__ == '__main__':
    sys.exit(main())
