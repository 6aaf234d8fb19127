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

"""Make the table of the results that the scenarios have on each release.

A release has one cloud or two: the state directories are RELEASE and
RELEASE-2. The report of each cloud is written into FOLDER, as "tempest
local-delete report" writes it. The table is made of all reports there, and
written as releases.rst and releases.json.
"""

import argparse
import collections
from collections.abc import Iterable
from collections.abc import Mapping
import json
import pathlib
import re
import sys
from typing import Any

from local_delete_tempest_plugin.report import formats
from local_delete_tempest_plugin.report import results
from local_delete_tempest_plugin.report import stream
from tools import tables

# The outcomes in a cell, each with its word. Of two clouds of a release, the
# outcome that is later here counts.
_WORDS = {'skipped': 'skipped', 'passed': 'passed', 'known-defect': 'known',
          'defect-gone': 'defect gone', 'unfinished': 'unfinished',
          'failed': 'failed'}

# The order in a cell.
_SHOWN = ('passed', 'known-defect', 'skipped', 'failed', 'defect-gone',
          'unfinished')

_UUID = re.compile('([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f-]{22}')

# Characters of a reason.
_LONGEST = 300

#: {name of a test: the test, as report.json has it}.
Tests = Mapping[str, Mapping[str, Any]]


def record(states: pathlib.Path, folder: pathlib.Path) -> None:
    """Write the report of each cloud on which Tempest ran.

    :param states: directory of the state directories
    :param folder: where the reports are written
    """
    for state in sorted(states.iterdir()):
        tempest = state / 'tempest'
        if (tempest / '.stestr').is_dir():
            run = results.judge(stream.read_last_run(tempest))
            (folder / f'{state.name}.json').write_text(formats.as_json(run))


def load(folder: pathlib.Path, release: str) -> dict[str, Any] | None:
    """Read the reports of the clouds of a release.

    :param folder: where they were written
    :param release: name of the release
    :returns: ``versions`` and ``tests`` as a report has them, each test once;
        None if there is no report.
    """
    found: dict[str, Any] = {}
    for name in (release, f'{release}-2'):
        path = folder / f'{name}.json'
        if path.exists():
            report = json.loads(path.read_text())
            found.setdefault('versions', report['versions'])
            tests = found.setdefault('tests', {})
            for test in report['tests']:
                before = tests.setdefault(test['name'], test)
                if _rank(test) >= _rank(before):
                    tests[test['name']] = test
    return found or None


def _rank(test):
    return [*_WORDS].index(test['outcome'])


def as_json(releases: Mapping[str, dict[str, Any] | None]) -> str:
    """Write the table for programs.

    :param releases: {release: what ``load`` returned}
    """
    return json.dumps({
        release: found and {
            'versions': found['versions'],
            'families': {family: collections.Counter(
                test['outcome'] for test in tests)
                for family, tests in _families(found['tests']).items()},
            'tests': [{key: test[key] for key in (
                'name', 'outcome', 'summary', 'known_defect')}
                for test in found['tests'].values()]}
        for release, found in releases.items()}, indent=1) + '\n'


def as_rst(releases: Mapping[str, dict[str, Any] | None]) -> str:
    """Write the table for the documents.

    :param releases: {release: what ``load`` returned}
    """
    tests = {release: found['tests'] if found else {}
             for release, found in releases.items()}
    by_release = {release: _families(found)
                  for release, found in tests.items()}
    names = sorted(set().union(*by_release.values()))
    table = tables.as_rst([
        ['Family', *releases],
        *([f'``test_{family}``', *(cell(families.get(family, []))
                                   for families in by_release.values())]
          for family in names),
        ['All', *(cell(found.values()) if found else 'not run'
                  for found in tests.values())],
    ], (20, *[20] * len(releases)))
    return '\n'.join((table, *(
        f'.. rubric:: {title}\n\n{tables.items(lines) or "None." + chr(10)}'
        for title, lines in (('Failed', failures(tests)),
                             ('Known defects', _defects(tests)),
                             ('Skipped', _skips(tests))))))


def _families(tests: Tests) -> dict[str, list[Mapping[str, Any]]]:
    families: dict[str, list[Mapping[str, Any]]] = {}
    for name, test in sorted(tests.items()):
        families.setdefault(
            name.partition('.')[0].removeprefix('test_'), []).append(test)
    return families


def cell(tests: Iterable[Mapping[str, Any]]) -> str:
    """Count the outcomes of tests, as a cell of a table says it."""
    counts = collections.Counter(test['outcome'] for test in tests)
    return ', '.join(f'{counts[outcome]} {_WORDS[outcome]}'
                     for outcome in _SHOWN if counts[outcome])


def failures(tests: Mapping[str, Tests]) -> list[str]:
    """List what is neither passed, nor known, nor skipped.

    :param tests: {release, or another word for the cloud: its tests}
    """
    return [f'{release}: ``{_short(name)}``: {_words(test["summary"])}'
            for release, found in tests.items()
            for name, test in sorted(found.items())
            if test['outcome'] in ('failed', 'defect-gone', 'unfinished')]


def _defects(tests):
    return [f'``{defect}`` on {releases}: {names}'
            for defect, releases, names in _grouped(
                tests, 'known-defect',
                lambda test: test['known_defect']['name'])]


def _skips(tests):
    return [f'{names} on {releases}: {_words(reason)}'
            for reason, releases, names in _grouped(
                tests, 'skipped', lambda test: test['summary'])]


def _grouped(tests, outcome, key):
    """List (key, releases, names) of the tests with an outcome."""
    groups: dict[tuple[str, str], list[str]] = {}
    for release, found in tests.items():
        for name, test in sorted(found.items()):
            if test['outcome'] == outcome:
                groups.setdefault((key(test), name), []).append(release)
    merged: dict[tuple[str, str], list[str]] = {}
    for (value, name), releases in groups.items():
        merged.setdefault((value, ', '.join(releases)), []).append(
            f'``{_short(name)}``')
    return [(value, releases, ', '.join(names))
            for (value, releases), names in sorted(merged.items())]


def _short(name):
    return name.rpartition('.')[2]


def _words(text):
    text = _UUID.sub(r'\1...', text)
    return tables.escape(text if len(text) <= _LONGEST
                         else text[:_LONGEST] + '...')


def main() -> int:
    """Run the command line, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m tools.release_table', description=__doc__)
    parser.add_argument('states', type=pathlib.Path, metavar='STATES',
                        help='directory of the state directories')
    parser.add_argument('folder', type=pathlib.Path, metavar='FOLDER',
                        help='directory of the reports and of the table')
    parser.add_argument('releases', nargs='+', metavar='RELEASE',
                        help='columns of the table')
    arguments = parser.parse_args()
    record(arguments.states, arguments.folder)
    found = {release: load(arguments.folder, release)
             for release in arguments.releases}
    for name, write in (('releases.json', as_json), ('releases.rst', as_rst)):
        (arguments.folder / name).write_text(write(found))
    print(f'The table: {arguments.folder}/releases.rst')
    return 0


if __name__ == '__main__':
    sys.exit(main())
