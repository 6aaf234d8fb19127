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

"""Try the plugin with other versions of Tempest and Python, without a cloud.

Each pair has an environment of its own. Its libraries are constrained to those
of the OpenStack release that has this Tempest, because an old Tempest does not
work with new libraries. The plugin is installed from its wheel. Tempest lists
the plugin and its scenarios, and the unit tests run. The table is written into
results/releases.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil

from tools import clouds
from tools import phases
from tools import tables

_FOLDER = clouds.RESULTS / 'releases'

_PLACE = clouds.STATE.with_name('.tempests')

_PYTHONS = ('3.10', '3.11', '3.12', '3.13')

# {version of Tempest: (the requirement that chooses it, the release whose
# libraries it gets)}
_TEMPESTS = {'42': ('tempest==42.*', '2025.1'),
             '44': ('tempest==44.*', '2025.2'),
             'newest': ('tempest', '2026.1')}

_UV = str(phases.ROOT / '.venv' / 'bin' / 'uv')

# The arguments are: uv, the Python, the environment, the constraints, the
# requirement of Tempest, and the wheel.
_INSTALL = """
set -eu
"$1" venv --quiet --clear --no-python-downloads --python "$2" "$3"
"$1" pip install --quiet --python "$3" --constraint "$4" \\
    --requirement test-requirements.txt "$5" "$6"
"""

# The argument is a directory, which is HOME because Tempest registers its
# workspaces there.
_LIST = """
set -eu
cd "$1"
export HOME=$1
python -c 'from importlib import metadata as m; print(m.version("tempest"))'
tempest list-plugins
tempest init workspace
cd workspace
tempest run --list-tests --regex '^local_delete_tempest_plugin\\.'
"""

_SCENARIO = re.compile(r'^local_delete_tempest_plugin\.scenario\.',
                       re.MULTILINE)

# Characters of a reason.
_LONGEST = 300


def run(run_: phases.Phases, at_once: int) -> int:
    """Try all pairs, write the table, and return the exit code.

    :param run_: runs the phases
    :param at_once: how many pairs are tried side by side
    """
    run_.run([clouds.setup()])
    shutil.rmtree(_PLACE, ignore_errors=True)
    _PLACE.mkdir(parents=True)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    run_.run([phases.Phase('wheel', (
        _UV, 'build', '--quiet', '--wheel', '--out-dir', str(_PLACE)))])
    wheel, = _PLACE.glob('*.whl')
    begin = len(run_.ended)
    # The table has the reasons.
    with contextlib.suppress(phases.PhaseFailed):
        run_.run(*(_lane(python, tempest, wheel)
                   for python in _PYTHONS for tempest in _TEMPESTS),
                 together=False, at_once=at_once)
    ended = {name: (code, log.read_text(errors='replace'))
             for name, code, log in run_.ended[begin:]}
    for name, write in (('tempests.json', as_json), ('tempests.rst', as_rst)):
        (_FOLDER / name).write_text(write(ended))
    run_.show(f'The table: {_FOLDER}/tempests.rst')
    return max((code for name, (code, _) in ended.items()
                if not name.endswith('-install')), default=1)


def without_tempest(lock: str) -> str:
    """Return a lock that leaves the version of Tempest open.

    :param lock: the text of a lock
    """
    return re.sub(r'^tempest==.*\n(?:[ #].*\n)*', '', lock,
                  flags=re.MULTILINE)


def _lane(python, tempest, wheel):
    name = _name(python, tempest)
    place = _PLACE / name
    (place / 'results').mkdir(parents=True)
    requirement, release = _TEMPESTS[tempest]
    lock = phases.ROOT / 'allinone' / 'releases' / f'{release}.txt'
    constraints = place / 'constraints.txt'
    constraints.write_text(without_tempest(lock.read_text()))
    programs = place / 'env' / 'bin'
    own = {'PATH': os.pathsep.join((str(programs), os.environ['PATH'])),
           'PYTHON': str(programs / 'python'), 'OS_TEST_TIMEOUT': '600'}
    return [
        phases.Phase(f'{name}-install', (
            'bash', '-c', _INSTALL, 'bash', _UV, python, str(place / 'env'),
            str(constraints), requirement, str(wheel))),
        phases.Phase(f'{name}-list', ('bash', '-c', _LIST, 'bash',
                                      str(place)),
                     check=_lists_all, environment=own),
        phases.Phase(f'{name}-unit', (
            'nice', str(programs / 'stestr'),
            '--test-path', './local_delete_tempest_plugin/tests/unit',
            '--top-dir', './', '--repo-url', str(place / 'results'), 'run',
            '--concurrency', '1'), environment=own)]


def _name(python, tempest):
    return f'python{python}-tempest-{tempest}'


def _lists_all(log: pathlib.Path) -> str | None:
    text = log.read_text(errors='replace')
    if '| local_delete ' not in text:
        return '"tempest list-plugins" does not list the plugin'
    if not _SCENARIO.search(text):
        return '"tempest run --list-tests" lists no scenario'
    return None


#: {name of a phase: (exit code, what it printed)}
Ended = dict[str, tuple[int, str]]


def as_json(ended: Ended) -> str:
    """Write the table for programs."""
    return json.dumps([
        {'python': python, 'tempest': tempest,
         'version': _version(ended, python, tempest),
         'result': _result(ended, python, tempest)}
        for python in _PYTHONS for tempest in _TEMPESTS], indent=1) + '\n'


def as_rst(ended: Ended) -> str:
    """Write the table for the documents."""
    heads = []
    for tempest in _TEMPESTS:
        versions = sorted({_version(ended, python, tempest)
                           for python in _PYTHONS} - {''})
        heads.append(' '.join((f'Tempest {tempest}', *(
            [f'({", ".join(versions)})'] if versions else []))))
    return tables.as_rst(
        [['Python', *heads], *(
            [python, *(tables.escape(_result(ended, python, tempest))
                       for tempest in _TEMPESTS)]
            for python in _PYTHONS)], (10, 30, 30, 30))


def _version(ended, python, tempest):
    _, text = ended.get(f'{_name(python, tempest)}-list', (0, ''))
    found = re.search(r'^\d+(\.\d+)+$', text, re.MULTILINE)
    return found[0] if found else ''


def _result(ended, python, tempest):
    """Say in a line how a pair came out."""
    name = _name(python, tempest)
    if f'{name}-install' not in ended:
        return 'not tried'
    code, text = ended[f'{name}-install']
    if code:
        return f'cannot be installed: {reason(text)}'
    code, text = ended.get(f'{name}-list', (1, ''))
    if code:
        return f'not listed: {_last_line(text)}'
    listed = len(_SCENARIO.findall(text))
    code, text = ended.get(f'{name}-unit', (1, ''))
    failed = clouds.total(text, 'Failed', 'Unexpected Success')
    passed, skipped = (clouds.total(text, field)
                       for field in ('Passed', 'Skipped'))
    words = f'{passed} passed, {skipped} skipped'
    if code:
        words += f', {failed} failed' if failed else ', and stestr failed'
    return f'{words}; {listed} scenarios'


def reason(text: str) -> str:
    """Find the reason in what uv printed: one line.

    :param text: what uv printed
    """
    lines = [line.strip() for line in text.splitlines()]
    words = ' '.join(line.lstrip('×╰─▶ ') for line in lines
                     if line and not line.startswith(('Using', 'warning:')))
    for begin in ('Because ', 'error: '):
        _, found, rest = words.partition(begin)
        if found:
            words = found.removeprefix('error: ') + rest
            break
    return words if len(words) <= _LONGEST else words[:_LONGEST] + '...'


def _last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:_LONGEST] if lines else 'it printed nothing'
