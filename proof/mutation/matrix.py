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

"""The matrix of mutants and scenarios: as a table, as JSON, and as rst."""

import collections.abc
import dataclasses
import json
import pathlib
import re
import textwrap

import fasteners
import prettytable

from allinone import files
from proof.mutation import definition
from proof.mutation import verdicts

_Verdict = verdicts.Verdict

_LETTERS = {verdicts.KILLED: 'K', verdicts.SURVIVED: 's',
            verdicts.SKIPPED: '-', verdicts.ERROR: 'E'}

_LONGEST_CELL = 300
_WIDTH = 79

_UUID = re.compile(r'\b([0-9a-f]{8})-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b')


@dataclasses.dataclass(frozen=True)
class Row:
    """The result of one mutant."""

    mutant: definition.Mutant
    verdicts: tuple[_Verdict, ...]
    #: From the restart with the mutant to a cloud without its traces.
    seconds: float
    #: Why the mutant cannot be judged, or None.
    problem: str | None = None

    def by(self, outcome: str) -> list[_Verdict]:
        """Return the verdicts that have an outcome."""
        return [one for one in self.verdicts if one.outcome == outcome]

    @property
    def outcome(self) -> str:
        """The outcome of all verdicts together."""
        if self.problem:
            return verdicts.ERROR
        for outcome in (verdicts.KILLED, verdicts.ERROR, verdicts.SURVIVED):
            if self.by(outcome):
                return outcome
        return verdicts.ERROR

    @property
    def is_right(self) -> bool:
        """Whether a harmful mutant was killed, or a benign mutant survived."""
        return self.outcome == (verdicts.SURVIVED if self.mutant.benign
                                else verdicts.KILLED)

    @property
    def words(self) -> str:
        """The reason of the outcome, in one line."""
        if self.problem:
            return self.problem
        found = self.by(self.outcome)
        if self.outcome == verdicts.SURVIVED or not found:
            skipped = [one.message for one in self.by(verdicts.SKIPPED)]
            return '; '.join(skipped if not found else ())
        return f'{found[0].scenario}: {found[0].message}'


def show(rows: list[Row]) -> None:
    """Print the matrix, its legend, and the reason of each outcome."""
    names = _scenarios(rows)
    numbers = {name: str(number) for number, name in enumerate(names, 1)}
    table = prettytable.PrettyTable(
        ('Mutant', *numbers.values(), 'Outcome', 's'))
    table.align = 'l'
    table.padding_width = 0 if len(names) > 12 else 1
    for row in rows:
        cells = {one.scenario: _LETTERS[one.outcome] for one in row.verdicts}
        table.add_row([_name(row), *(cells.get(name, '') for name in names),
                       _outcome(row), f'{row.seconds:.0f}'])
    print(table)
    print('K killed, s survived, - skipped, E error:')
    for name, number in numbers.items():
        print(f'{number:>3} {name}')
    for row in rows:
        if row.words:
            print(f'{row.mutant.name}: {row.outcome}: {row.words}')
    print(summary(rows))


def summary(rows: list[Row]) -> str:
    """Count the mutants, and name each scenario that alone kills a mutant."""
    harmful = [row for row in rows if not row.mutant.benign]
    benign = [row for row in rows if row.mutant.benign]
    only = sorted({row.by(verdicts.KILLED)[0].scenario for row in harmful
                   if len(row.by(verdicts.KILLED)) == 1
                   and len(row.verdicts) > 1})
    lines = [f'{_right(harmful)} of {len(harmful)} harmful mutants killed, '
             f'{_right(benign)} of {len(benign)} benign mutants survived, in '
             f'{sum(row.seconds for row in rows) / 60:.0f} minutes']
    if only:
        lines.append('Scenarios that alone, of several, killed a mutant: '
                     f'{", ".join(only)}')
    return '\n'.join(lines)


class Results:
    """The directory of a matrix, to which several clouds may add rows.

    :param folder: the directory
    :param mutants: all mutants that may have a row
    """

    def __init__(self, folder: pathlib.Path,
                 mutants: collections.abc.Iterable[definition.Mutant]) -> None:
        self.folder = folder
        self._mutants = mutants

    def write(self, rows: list[Row]) -> None:
        """Write rows, and keep the rows of other mutants."""
        tried = {row.mutant.name for row in rows}
        with fasteners.InterProcessLock(self.folder / 'lock'):
            rows = rows + [row for row in self.load()
                           if row.mutant.name not in tried]
            rows.sort(key=lambda row: (row.mutant.benign, row.mutant.name))
            files.write(self.folder / 'matrix.json', as_json(rows))
            files.write(self.folder / 'matrix.rst', as_rst(rows))

    def take(self, mutant: definition.Mutant) -> bool:
        """Take a mutant, and tell whether nobody else has taken it before."""
        try:
            (self.folder / f'{mutant.name}.taken').touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def load(self) -> list[Row]:
        """Return the rows that were written."""
        try:
            saved = {one['name']: one for one in json.loads(
                (self.folder / 'matrix.json').read_text())}
        except FileNotFoundError:
            return []
        return [Row(mutant,
                    tuple(verdicts.Verdict(**verdict)
                          for verdict in saved[mutant.name]['scenarios']),
                    saved[mutant.name]['seconds'],
                    saved[mutant.name]['problem'])
                for mutant in self._mutants if mutant.name in saved]


def as_json(rows: list[Row]) -> str:
    """Return the matrix as JSON."""
    return json.dumps([{
        'name': row.mutant.name, 'summary': row.mutant.summary,
        'effect': row.mutant.effect, 'service': row.mutant.service,
        'benign': row.mutant.benign, 'outcome': row.outcome,
        'is_right': row.is_right, 'problem': row.problem,
        'seconds': round(row.seconds, 1),
        'scenarios': [dataclasses.asdict(one) for one in row.verdicts],
    } for row in rows], indent=1) + '\n'


def as_rst(rows: list[Row]) -> str:
    """Return the matrix as a table of reStructuredText."""
    lines = ['.. list-table::', '   :header-rows: 1', '   :widths: 22 33 45',
             '']
    lines += _cells('Mutant', 'Defect, and its service', 'Result')
    for row in rows:
        lines += _cells(
            f'``{row.mutant.name}``' + (' (benign)' * row.mutant.benign),
            f'{_escape(row.mutant.summary)} ({row.mutant.service})',
            _fate(row))
    return '\n'.join(lines) + '\n'


def _scenarios(rows):
    return sorted({one.scenario for row in rows for one in row.verdicts})


def _name(row):
    return row.mutant.name + (' (benign)' * row.mutant.benign)


def _outcome(row):
    return row.outcome + ('' if row.is_right else ' !')


def _right(rows):
    return sum(row.is_right for row in rows)


def _fate(row):
    """Say for a document which scenarios killed the mutant, and how."""
    parts = [f'**{row.outcome}** after {row.seconds:.0f} s']
    if row.problem:
        parts.append(_escape(row.problem))
    for outcome, words in ((verdicts.KILLED, 'killed by'),
                           (verdicts.ERROR, 'error in')):
        parts += [f'{words} ``{one.scenario}`` ({one.seconds:.0f} s): '
                  f'{_escape(one.message)}' for one in row.by(outcome)]
    survived = [f'``{one.scenario}``' for one in row.by(verdicts.SURVIVED)]
    if survived:
        parts.append(f'survived {", ".join(survived)}')
    return '; '.join(parts)


def _cells(first, *others):
    return [line for mark, text in (('* -', first),
                                    *(('  -', other) for other in others))
            for line in textwrap.wrap(
                text, _WIDTH, initial_indent=f'   {mark} ',
                subsequent_indent=' ' * 7, break_long_words=False,
                break_on_hyphens=False)]


def _escape(text):
    text = _UUID.sub(r'\1...', text)
    if len(text) > _LONGEST_CELL:
        text = text[:_LONGEST_CELL] + '...'
    for special in '\\*`|_':
        text = text.replace(special, f'\\{special}')
    return text
