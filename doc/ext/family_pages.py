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

"""Write a page for each family of scenarios, from the code.

A family is a file ``scenario/test_*.py``. Sphinx calls ``write`` before it
reads the pages. So nobody writes such a page by hand.
"""

import ast
import collections
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import inspect
import itertools
import pathlib
import re
import sys
import textwrap
from typing import Any
from unittest import mock

from tempest.common import utils

from local_delete_tempest_plugin import known_bugs
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.preflight import scenarios
from local_delete_tempest_plugin.scenario import needs
from proof.mutation import definition

_ROOT = pathlib.Path(__file__).parents[2]

_MATRIX = _ROOT / 'doc' / 'source' / 'mutants.inc'

# The folder of the pages, beside the other pages. Git ignores it.
_FOLDER = 'scenarios'

_WIDTH = 79

_VARIANTS = ('_forced_down', '_stopped')

_BUG = re.compile(r'\bbug\s+(\d{6,})\b')
_BUG_LINK = r'`bug \1 <https://bugs.launchpad.net/nova/+bug/\1>`__'

# A row of the matrix, and the scenarios that killed its mutant.
_ROW = re.compile(r'^   \* - ``(\w+)``(.*?)(?=^   \* -|\Z)', re.M | re.S)
_KILLER = re.compile(r'killed\s+by\s+``([\w.]+)``')


class _Options(dict):
    """The options of one group; an option that is not listed is on or off."""

    def __init__(self, is_on: bool, **listed: Any) -> None:
        super().__init__(listed)
        self._is_on = is_on

    def __missing__(self, name: str) -> Any:
        if name.endswith('_command'):
            return ''
        if name == 'api_extensions':
            return ['all'] if self._is_on else []
        return None if name == 'max_microversion' else self._is_on

    def __getattr__(self, name: str) -> Any:
        return self[name]


class _Conf:
    """A tempest.conf in which everything is on, or everything is off.

    No command is set in either of them, and one host may be taken down.
    """

    def __init__(self, is_on: bool) -> None:
        self.local_delete = _Options(
            is_on, target_hosts=['compute1'], fence_host=True)
        self.placement = _Options(is_on, max_microversion='1.0')
        self._others = _Options(is_on)

    def __getattr__(self, group: str) -> _Options:
        return self._others


@dataclasses.dataclass(frozen=True)
class Story:
    """A story, which one or two scenarios tell.

    :ivar name: The name that the scenarios have in common.
    :ivar tests: {name of a scenario: its method}.
    """

    name: str
    cls: type
    tests: Mapping[str, Callable]

    @property
    def ids(self) -> set[str]:
        """The names of the scenarios, as the matrix has them."""
        module = self.cls.__module__.rpartition('.')[2]
        return {'%s.%s.%s' % (module, self.cls.__name__, name)
                for name in self.tests}

    def those(self, names: Iterable[str]) -> str:
        """Say which of the scenarios are meant, if they are not all."""
        names = list(names)
        if len(names) == len(self.tests):
            return ''
        return ' (%s)' % ', '.join('``%s``' % name for name in names)


def stories_of(cls: type) -> list[Story]:
    """List the stories of a class of scenarios.

    :param cls: A class of scenarios.
    :returns: The stories, in the order of the file.
    """
    tests = {name: test for name, test in vars(cls).items()
             if name.startswith('test_')}
    groups: dict[str, dict[str, Callable]] = {}
    for name, test in tests.items():
        stem = next((name.removesuffix(suffix) for suffix in _VARIANTS
                     if name.endswith(suffix)), name)
        both = all(stem + suffix in tests for suffix in _VARIANTS)
        groups.setdefault(stem if both else name, {})[name] = test
    stories = [Story(name, cls, group) for name, group in groups.items()]
    return sorted(stories, key=lambda story: inspect.unwrap(
        next(iter(story.tests.values()))).__code__.co_firstlineno)


def docstring_of(test: Callable) -> str:
    """Give the docstring of a scenario, without the id that Tempest adds."""
    ids = [mark.removeprefix('id-') for mark in _marks(test)
           if mark.startswith('id-')]
    return inspect.cleandoc('\n'.join(
        line for line in (test.__doc__ or '').splitlines()
        if not any(one in line for one in ids)).lstrip())


def services_of(test: Callable) -> list[str]:
    """List the services that a scenario needs, as Tempest names them."""
    return sorted(_marks(test) & utils.get_service_list().keys())


def _marks(test):
    return getattr(test, '__testtools_attrs', set())


def reasons_of(test: Callable) -> list[str]:
    """List the reasons for which a scenario skips where options are missing.

    They are the words of ``needs``, first with every option off, and then with
    every option on except the commands and the microversions.
    """
    found = []
    for is_on in False, True:
        conf = _Conf(is_on)
        with mock.patch.object(needs, 'CONF', conf), \
                mock.patch.object(utils, 'CONF', conf):
            found += [condition() for condition in getattr(test, 'needs', ())]
    return [*dict.fromkeys(filter(None, found))]


def outages_of(story: Story) -> list[type]:
    """List the outages that a story brings about.

    :returns: The classes, in the order in which the story comes to them.
    """
    found: dict[type, None] = {}
    for name, test in story.tests.items():
        function = inspect.unwrap(test)
        queue = [function]
        if 'outage' in inspect.signature(function).parameters:
            queue.append(getattr(
                story.cls, 'forced_down' if name.endswith('_forced_down')
                else 'compute_stopped'))
        seen = set()
        while queue:
            function = inspect.unwrap(queue.pop(0))
            if function in seen:
                continue
            seen.add(function)
            for owner, attribute in _attributes(function):
                if owner == 'self':
                    step = getattr(story.cls, attribute, None)
                    if inspect.isfunction(step):
                        queue.append(step)
                    continue
                thing = getattr(
                    function.__globals__.get(owner), attribute, None)
                if inspect.isclass(thing) and issubclass(
                        thing, outage_base.Outage):
                    found[thing] = None
    return list(found)


def _attributes(function: Callable) -> Iterator[tuple[str, str]]:
    """List what a function names in its body: (name, attribute of it)."""
    tree: Any = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in itertools.chain.from_iterable(
            ast.walk(part) for part in tree.body[0].body):
        if isinstance(node, ast.Attribute) and isinstance(
                node.value, ast.Name):
            yield node.value.id, node.attr


def killed_in(matrix: str) -> dict[str, list[str]]:
    """Read which scenario killed which mutants.

    :param matrix: What ``proof/mutation/matrix.py`` has written.
    :returns: {name of a scenario: names of mutants}.
    """
    killed = collections.defaultdict(list)
    for mutant, row in _ROW.findall(matrix):
        for killer in dict.fromkeys(_KILLER.findall(row)):
            killed[killer].append(mutant)
    return killed


def candidates_of(mutants: Iterable[definition.Mutant],
                  ids: Iterable[str]) -> dict[str, set[str]]:
    """Tell for each mutant which scenarios its file names.

    :param mutants: The mutants.
    :param ids: The names of all scenarios.
    :returns: {name of a mutant: names of scenarios}.
    """
    ids = list(ids)
    return {mutant.name: {one for one in ids if any(
        re.search(regex, one) for regex in mutant.scenarios)}
        for mutant in mutants}


def _outages(story):
    classes = outages_of(story)
    if not classes:
        return 'none'
    return '; '.join('%s (%s)' % (
        re.sub('(?<=[a-z])(?=[A-Z])', ' ', cls.__name__).lower(),
        inspect.getdoc(cls).splitlines()[0].rstrip('.')) for cls in classes)


def _skips(story):
    reasons = collections.defaultdict(list)
    for name, test in story.tests.items():
        for reason in reasons_of(test):
            reasons[reason].append(name)
    return '; '.join('``%s``%s' % (reason, story.those(names))
                     for reason, names in reasons.items())


def _defects(story):
    defects = collections.defaultdict(list)
    for name, test in story.tests.items():
        defect = getattr(test, 'known_bug', None)
        if defect:
            defects[defect].append(name)
    return '; '.join(':ref:`%s`%s: %s' % (
        defect, story.those(names), _releases(defect))
        for defect, names in defects.items())


def _releases(defect):
    """Say in which releases a defect was reproduced."""
    words = {True: 'in', False: 'not in', None: 'not tried in'}
    found = zip(known_bugs.RELEASES, known_bugs.FOUND[defect], strict=True)
    by_answer = collections.defaultdict(list)
    for release, answer in found:
        by_answer[answer].append(release)
    return '; '.join('%s %s' % (word, ', '.join(by_answer[answer]))
                     for answer, word in words.items() if by_answer[answer])


class Pages:
    """The pages of all families.

    :param matrix: The text of the matrix of mutants and scenarios.
    :param mutants: The mutants.
    """

    def __init__(self, matrix: str,
                 mutants: Iterable[definition.Mutant]) -> None:
        self._families: dict[str, list[type]] = {}
        for cls in scenarios.find_classes():
            self._families.setdefault(
                cls.__module__.rpartition('.')[2], []).append(cls)
        self._killed = killed_in(matrix)
        self._candidates = candidates_of(mutants, [
            one for classes in self._families.values() for cls in classes
            for story in stories_of(cls) for one in story.ids])

    def texts(self) -> dict[str, str]:
        """Write the pages.

        :returns: {name of a family: text of reStructuredText}.
        """
        return {family: '\n'.join(self._lines(family, classes))
                for family, classes in self._families.items()}

    def _lines(self, family, classes):
        module = sys.modules[classes[0].__module__]
        yield from (_title(family, '=', over=True), '', _prose(
            inspect.getdoc(module)), '')
        for cls in classes:
            yield from (_title(cls.__name__, '='), '')
            if cls.__doc__:
                yield from (_prose(inspect.getdoc(cls)), '')
            for story in stories_of(cls):
                yield from self._story(story)

    def _story(self, story):
        yield from (_title(story.name, '-'), '')
        yield from (_prose(docstring_of(next(iter(story.tests.values())))), '')
        test = next(iter(story.tests.values()))
        for name, words in (
                ('Scenarios', ', '.join('``%s``' % one
                                        for one in story.tests)),
                ('Outage', _outages(story)),
                ('Services', ', '.join(services_of(test))),
                ('Skips while', _skips(story)),
                ('Known defect', _defects(story)),
                ('Kills alone', self._mutants(story, alone=True)),
                ('Kills, as others may', self._mutants(story, alone=False))):
            if words:
                yield textwrap.fill(
                    words, _WIDTH, initial_indent=':%s: ' % name,
                    subsequent_indent='    ', break_long_words=False,
                    break_on_hyphens=False)
        yield ''

    def _mutants(self, story, alone):
        """Name the mutants that a story has killed."""
        names = dict.fromkeys(itertools.chain.from_iterable(
            self._killed.get(one, ()) for one in sorted(story.ids)))
        return ', '.join(
            '``%s``' % name for name in names
            if (self._candidates.get(name, set()) <= story.ids) == alone)


def _title(words, mark, over=False):
    line = mark * len(words)
    return '\n'.join([line] * over + [words, line])


def _prose(docstring):
    return _BUG.sub(_BUG_LINK, docstring)


def write(app: Any) -> None:
    """Write the pages, and remove those of families that are gone.

    :param app: The application of Sphinx.
    """
    pages = Pages(_MATRIX.read_text(),
                  definition.find(definition.DIRECTORY, ()))
    folder = pathlib.Path(app.srcdir) / _FOLDER
    folder.mkdir(exist_ok=True)
    texts = {folder / ('%s.rst' % name): text + '\n'
             for name, text in pages.texts().items()}
    for path in set(folder.glob('*.rst')) - texts.keys():
        path.unlink()
    for path, text in texts.items():
        # Sphinx reads only the pages again that are newer.
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx to call ``write`` first.

    :param app: The application of Sphinx.
    """
    app.connect('builder-inited', write)
    return {'parallel_read_safe': True}
