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

"""Make the table of the upgrades that were rehearsed.

Reads from FOLDER what tools/rehearsals.py wrote there: upgrades.json, which
has the exit code of each phase, and the reports of the scenarios. The table is
written there as upgrades.rst.
"""

import argparse
from collections.abc import Mapping
import contextlib
import json
import pathlib
import sys

from tools import rehearsals
from tools import release_table
from tools import tables

# {end of a phase's name: the head of its column}, in the order of a lane.
_COLUMNS = {'stage': 'Stage',
            'old-computes-verify': 'The stage beside old computes',
            'old-computes': 'Scenarios beside old computes',
            'upgraded-verify': 'The stage after the upgrade',
            'upgraded': 'Scenarios after the upgrade',
            'verify': 'Local deletes of the stage'}


def as_rst(codes: Mapping[str, int], folder: pathlib.Path) -> str:
    """Write the table for the documents.

    :param codes: {name of a phase that ended: its exit code}
    :param folder: directory of the reports
    """
    names = {pair: rehearsals.name_of(pair) for pair in rehearsals.PAIRS}
    reports = {(pair, end): _tests(folder / f'{name}-{end}')
               for pair, name in names.items()
               for end in ('old-computes', 'upgraded')}
    table = tables.as_rst(
        [['Upgrade', *_COLUMNS.values()], *(
            [' to '.join(pair), *(
                release_table.cell(reports[pair, end].values())
                if reports.get((pair, end))
                else _word(codes.get(f'{name}-{end}'))
                for end in _COLUMNS)]
            for pair, name in names.items())], (16, *[14] * len(_COLUMNS)))
    failures = release_table.failures({
        f'{" to ".join(pair)}, {_COLUMNS[end].lower()}': tests
        for (pair, end), tests in reports.items()})
    return (f'{table}\n.. rubric:: Failed\n\n'
            f'{tables.items(failures) or "None." + chr(10)}')


def _tests(folder):
    with contextlib.suppress(FileNotFoundError):
        report = json.loads((folder / 'report.json').read_text())
        return {test['name']: test for test in report['tests']}
    return {}


def _word(code):
    return {None: 'not run', 0: 'as it should be'}.get(code, 'failed')


def main() -> int:
    """Run the command line, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m tools.upgrade_table', description=__doc__)
    parser.add_argument('folder', type=pathlib.Path, metavar='FOLDER',
                        help='directory of the reports and of the table')
    folder = parser.parse_args().folder
    codes = json.loads((folder / 'upgrades.json').read_text())
    (folder / 'upgrades.rst').write_text(as_rst(codes, folder))
    print(f'The table: {folder}/upgrades.rst')
    return 0


if __name__ == '__main__':
    sys.exit(main())
