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


"""The documents name what is there, so that they cannot rot."""

import ast
import itertools
import pathlib
import re
import textwrap
import typing

import testtools

from local_delete_tempest_plugin import config
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit.scenario import test_names

PLUGIN = pathlib.Path(__file__).parents[2]
ROOT = PLUGIN.parent
DOCUMENTS = ROOT / 'doc' / 'source'
PARTS = ('local_delete_tempest_plugin', 'allinone', 'proof')

# As architecture.rst writes them: ``room/``, ``room/file.py:Class.method``.
_ROOM = re.compile(r'^``([\w/]+)/``$', re.MULTILINE)
_FILE = re.compile(r'``([\w/]+\.py)(?::([\w.]+))?``')
# A target that is no URL of another site.
_LINK = re.compile(r'^\.\. _[^:]+: +(?!https?:)(\S+)$', re.MULTILINE)
# A file or a directory of the checkout.
_PATH = re.compile(r'``((?:%s|doc|releasenotes|tools)/[\w./-]*)``' % (
    '|'.join(PARTS)))
# A block of Python, as first-scenario.rst has it.
_PYTHON = re.compile(r'^\.\. code-block:: python\n((?:\n| {4}.*\n)+)',
                     re.MULTILINE)
# As rooms.dot writes them, with no dash but that of a solid arrow.
_ARROWS = re.compile(r'^ +(\w+(?: -> \w+)+)(?: \[(?!style=dashed)|$)',
                     re.MULTILINE)


def names_in(path):
    """List the names that a Python file defines, such as 'Class.method'."""
    def walk(nodes, prefix=''):
        for node in nodes:
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                for target in getattr(node, 'targets', None) or [node.target]:
                    yield prefix + getattr(target, 'id', '')
            elif isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                yield prefix + node.name
                yield from walk(node.body, prefix + node.name + '.')

    return set(walk(ast.parse(path.read_text()).body))


def room_of(path):
    """Name the room of a file or module; None where it is in no room.

    :param path: Its path in the checkout.
    """
    part, *rest = path.parts
    if part not in PARTS or 'tests' in rest:
        return None
    if part == PARTS[0]:
        return rest[0] if len(rest) > 1 else None
    return part


def imports():
    """List the imports between rooms.

    :returns: {(room that imports, room that is imported): a file that does}.
    """
    found = {}
    for path in itertools.chain.from_iterable(
            (ROOT / part).rglob('*.py') for part in PARTS):
        room = room_of(path.relative_to(ROOT))
        if room is None:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            # hacking has the code import modules, and no other way.
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    other = room_of(pathlib.Path(
                        *node.module.split('.'), alias.name))
                    if other not in (None, room):
                        found[room, other] = path.relative_to(ROOT)
    return found


class DocumentsTest(testtools.TestCase):

    def setUp(self):
        super().setUp()
        if not DOCUMENTS.is_dir():
            self.skipTest('no checkout: %s is not there' % DOCUMENTS)

    def read(self, name):
        return (DOCUMENTS / name).read_text()

    def test_files_and_names_are_there(self):
        files = _FILE.findall(self.read('architecture.rst'))
        self.assertNotEqual([], files)
        for file, name in files:
            path = next((folder / file for folder in
                         (PLUGIN, PLUGIN / 'tests' / 'unit', ROOT)
                         if (folder / file).exists()), None)
            if path is None:
                self.fail('architecture.rst names %s: no such file' % file)
            if name and name not in names_in(path):
                self.fail('architecture.rst names %s in %s: no such name' % (
                    name, file))

    def test_rooms_are_those_on_disk(self):
        rooms = {'scenario/steps'}
        for part in PARTS:
            prefix = '' if part == PARTS[0] else part + '/'
            rooms |= {prefix + path.relative_to(ROOT / part).parts[0]
                      for path in (ROOT / part).rglob('*/*.*')
                      if '__pycache__' not in path.parts}
        rooms -= {'allinone/tests', 'proof/tests'}
        self.assertEqual(
            sorted(rooms), sorted(
                set(_ROOM.findall(self.read('architecture.rst')))
                - set(PARTS)),
            'architecture.rst has to list the rooms that are on disk')

    @base.slow
    def test_rooms_import_along_the_arrows(self):
        arrows = {arrow for line in _ARROWS.findall(self.read('rooms.dot'))
                  for arrow in itertools.pairwise(line.split(' -> '))}
        below = {room: {room} for arrow in arrows for room in arrow}
        for _ in below:
            for upper, lower in arrows:
                below[upper] |= below[lower]
        for upper, lower in arrows:
            self.assertNotIn(upper, below[lower], 'rooms.dot goes in a circle')
        found = imports()
        for (upper, lower), file in found.items():
            if lower not in below.get(upper, ()):
                self.fail('%s imports %s, and rooms.dot has no arrows from %s '
                          'to there' % (file, lower, upper))
        # This arrow means the whole plugin.
        for arrow in arrows - found.keys() - {('proof', 'cmd')}:
            self.fail('rooms.dot has the arrow %s -> %s, and there is no such '
                      'import' % arrow)

    def test_options_are_all_in_the_table(self):
        table, _, _ = self.read('configuration.rst').partition('show-options')
        for option in config.LocalDeleteGroup:
            if '``%s``' % option.name not in table:
                self.fail('the table of configuration.rst has no %s' %
                          option.name)

    def test_scenarios_are_all_listed(self):
        text = self.read('scenarios.rst')
        for path in (PLUGIN / 'scenario').glob('test_*.py'):
            words = ':doc:`scenarios/%s`\n' % path.stem
            if words not in text:
                self.fail('scenarios.rst has no entry %r' % words)

    def test_index_tells_of_each_page(self):
        # A phone shows no other list of the pages.
        text = self.read('index.rst')
        for name in sorted(page.stem for page in DOCUMENTS.glob('*.rst')):
            entry, place = ':doc:`%s`\n' % name, '\n   %s\n' % name
            if name != 'index' and not (entry in text and place in text):
                self.fail('index.rst needs the page %s twice: in the list, '
                          'and in a toctree' % name)

    def test_links_lead_to_files(self):
        for page in (*ROOT.glob('*.rst'), *DOCUMENTS.glob('*.rst')):
            for target in _LINK.findall(page.read_text()):
                # Sphinx makes the pages of files beside each other.
                path = page.parent / target.replace('.html', '.rst')
                if not path.exists():
                    self.fail('%s links %s, and there is no %s' % (
                        page.name, target, path.relative_to(ROOT)))

    def test_paths_are_there(self):
        for page in (*ROOT.glob('*.rst'), *DOCUMENTS.glob('*.rst')):
            # Its reader writes these files.
            if page.name == 'first-scenario.rst':
                continue
            for path in _PATH.findall(page.read_text()):
                if not (ROOT / path).exists():
                    self.fail('%s names %s: no such file' % (page.name, path))

    def test_first_scenario_fits_the_code(self):
        scenario, mutant = map(textwrap.dedent, _PYTHON.findall(
            self.read('first-scenario.rst')))
        defined: dict[str, typing.Any] = {'__name__': 'first_scenario'}
        exec(scenario, defined)
        exec(mutant, defined)
        there = test_names.names(defined['RebootsTest'])
        for name in (*re.findall(r'self\.(\w+)', scenario),
                     *defined['SCENARIOS']):
            if name not in there:
                self.fail('first-scenario.rst names %s, and a scenario has no '
                          'such name' % name)
