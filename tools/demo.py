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

"""Show the whole idea on one screen, on a real OpenStack on this machine.

The command installs what is missing and boots an OpenStack. It runs the
scenarios of bug 1679750 there, and nothing of their servers is left. Then a
mutant breaks Nova's API on purpose, and a scenario finds the leak. At the end
the OpenStack is taken down. The exit code is Tempest's, or 1 if no scenario
could run.
"""

import argparse
import json
import subprocess
import sys
import textwrap

from tools import clouds
from tools import phases

_EPILOG = """
ALLINONE_STATE (.allinone) and ALLINONE_PORT_BASE (21000) are where the files
and ports of the OpenStack are.
"""

_STORY = rf'{clouds.SCENARIOS}scenario\.test_local_delete\.'

_MUTANT = 'allocations_left_whole'

_WIDTH = 79


def _demonstrate(arguments, run):
    cloud = clouds.Cloud(keep=arguments.keep, echo=True)
    name = 'scenarios' if arguments.all else 'story'
    run.run([clouds.setup(echo=True)])
    code = 0
    try:
        run.run([
            cloud.boot(),
            *[cloud.proof('schedule', 'schedule')] * arguments.all,
            cloud.scenarios(
                name, clouds.SCENARIOS if arguments.all else _STORY),
            cloud.proof('leak', 'mutate', '--results',
                        str(clouds.RESULTS / 'mutants'), _MUTANT)])
    except phases.PhaseFailed as failed:
        code = failed.code
    for phase, _, log in run.ended:
        if phase == name:
            code = _sum_up(run, log, code)
    if ('leak', 0) in [one[:2] for one in run.ended]:
        _quote(run)
    if name in [one[0] for one in run.ended]:
        _report(run)
    if arguments.keep:
        _explain(run)
    return code


def _sum_up(run, log, code):
    """Show how the scenarios ended, and return the exit code."""
    text = log.read_text(errors='replace')
    passed = clouds.total(text, 'Passed')
    failed = clouds.total(text, 'Failed', 'Unexpected Success')
    known = clouds.total(text, 'Expected Fail')
    expected = (f'\nAnd {known} failed as they should on this Nova '
                '(doc/source/findings.rst).' if known else '')
    skips = clouds.skips(text)
    run.show(f"""
Bug 1679750: a server is deleted while its compute host is down. Nothing of
the server may be left in the cloud.

ON THIS OPENSTACK: {passed} scenarios passed, {failed} failed, {len(skips)} \
skipped.{expected}
  What Tempest printed:  {log}
  Results and its log:   {clouds.STATE}/tempest
  The services' logs:    {clouds.STATE}/logs""")
    if skips:
        run.show('NOT EVERYTHING RAN. Skipped, and why:\n  '
                 + '\n  '.join(skips))
    if not code and not passed:
        run.show('No scenario ran, so nothing was proven.')
        return 1
    return code


def _quote(run):
    """Show which scenario found the mutant, and by which words."""
    rows = json.loads((clouds.RESULTS / 'mutants' / 'matrix.json').read_text())
    row, = (row for row in rows if row['name'] == _MUTANT)
    found, = (one for one in row['scenarios'] if one['outcome'] == 'killed')
    run.show(f"""
ON A BROKEN OPENSTACK: {row['summary']}
  This scenario fails, as it should:
    {found['scenario']}""")
    run.show(textwrap.fill(
        found['message'], _WIDTH, initial_indent='    ',
        subsequent_indent='    ', break_long_words=False,
        break_on_hyphens=False))


def _report(run):
    """Write the report of the scenarios, and name it."""
    folder = clouds.RESULTS / 'report'
    path = folder / 'report.html'
    path.unlink(missing_ok=True)
    done = subprocess.run(
        [phases.ROOT / '.venv' / 'bin' / 'tempest', 'local-delete', 'report',
         clouds.STATE / 'tempest', '--output', folder],
        capture_output=True, text=True)
    # Its exit code tells how the scenarios ended, which is said above.
    if path.exists():
        run.show(f"""
The report, as a page for a browser:
  {path}""")
    else:
        run.show(f'There is no report: {done.stderr.strip()}')


def _explain(run):
    command = '.venv/bin/python -m allinone'
    if clouds.STATE != phases.ROOT / '.allinone':
        command += f' --state {clouds.STATE}'
    run.show(f"""
The OpenStack is still up. What to do with it, in {phases.ROOT}:
  {command} status
  {command} tempest --regex local_delete_tempest_plugin
  {command} down""")


def main() -> int:
    """Run the command line, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog='tools/demo.sh', description=__doc__, epilog=_EPILOG)
    parser.add_argument('--all', action='store_true',
                        help='run every scenario')
    parser.add_argument('--keep', action='store_true',
                        help='leave the OpenStack up, and say how to use it')
    arguments = parser.parse_args()
    run = phases.Phases(clouds.RESULTS)
    return phases.main(run, lambda: _demonstrate(arguments, run))


if __name__ == '__main__':
    sys.exit(main())
