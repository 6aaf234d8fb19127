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

"""The commands that the documents show, and the parsers that know them."""

import argparse
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import configparser
import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import pathlib
import re
import shlex
import sys
from unittest import mock

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENTS = ROOT / 'doc' / 'source'

# Pages that are made from the code.
_MADE = DOCUMENTS / 'scenarios'

#: A block of commands ends a paragraph with '::', or names one of these. Any
#: other block names its language.
LANGUAGES = ('', 'bash', 'console', 'sh', 'shell')

_BLOCK = re.compile(r'( *)(?:\.\. code-block:: *(\S*)|(?! *\.\. ).*::)')

# Words that begin a part of a loop, and no command.
_OF_SHELL = ('for', 'break', 'done')

_ASSIGNMENT = re.compile(r'[A-Za-z_]+=')

# {what a document writes for a value: a value that a parser takes}.
_VALUES = {'ID': '0123456789AB', 'N': '2'}


def pages() -> list[pathlib.Path]:
    """List the pages that a person has written."""
    return sorted(path for path in (*ROOT.glob('*.rst'),
                                    *DOCUMENTS.rglob('*.rst'))
                  if _MADE not in path.parents)


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Find the literal blocks of a page.

    :param text: The page.
    :returns: An iterator of (language, text without the indent).
    """
    lines = text.splitlines()
    for number, line in enumerate(lines):
        found = _BLOCK.fullmatch(line)
        if not found:
            continue
        rest = lines[number + 1:]
        first = next(filter(str.strip, rest), '')
        indent = first[:len(first) - len(first.lstrip())]
        block = []
        for other in rest:
            if other.strip() and not other.startswith(indent):
                break
            block.append(other.strip())
        yield found[2] or '', '\n'.join(block)


def commands(block: str) -> Iterator[list[str]]:
    """Split a block into its simple commands.

    :param block: The text of a block.
    :returns: An iterator of the words of each command. Comments, prompts and
        redirections are left out.
    """
    for line in re.sub(r'\\\n', ' ', block).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=';&|<>')
        lexer.whitespace_split = True
        words: list[str] = []
        tokens = iter([*lexer, ';'])
        for token in tokens:
            if set(token) <= set('<>&') and set(token) & set('<>'):
                next(tokens)
            elif set(token) <= set(';&|'):
                if without_settings(words) and words[0] not in _OF_SHELL:
                    yield words
                words = []
            elif words or token not in ('$', 'do'):
                words.append(token)


def refusal(words: Sequence[str]) -> str | None:
    """Say why the program of a command would not take its command line.

    Only the programs of this project, Tempest and tox are known.

    :param words: The words of the command.
    :returns: The words of the program's parser, or None.
    """
    plain = [_VALUES.get(word, word) for word in (
        word.strip('[]') for word in without_settings(words))]
    if pathlib.Path(plain[0]).name == 'tempest':
        return _of_tempest(plain[1:])
    if plain[0].startswith('tools/'):
        return _of_script(plain[0], plain[1:])
    if pathlib.Path(plain[0]).name in ('python', 'python3') and (
            plain[1] == '-m'):
        return _of_module(plain[2], plain[3:])
    if plain[:2] == ['tox', '-e']:
        return _of_tox(plain[2].split(','))
    return None


def without_settings(words: Sequence[str]) -> list[str]:
    """Leave out what comes before the program: variables, and sudo."""
    words = list(words)
    while words and (words[0] == 'sudo' or _ASSIGNMENT.match(words[0])):
        del words[0]
    return words


def verb_of(words: Sequence[str]) -> str:
    """Give the word of a command that tells best what it does.

    :param words: The words of the command.
    :returns: The verb, such as 'preflight', or the name of the program.
    """
    words = without_settings(words)
    if words[1:2] == ['local-delete']:
        return words[2]
    if words[:2] == ['tox', '-e']:
        return words[2]
    if pathlib.Path(words[0]).name == 'tempest':
        return words[1]
    if words[1:2] == ['-m']:
        # The options of the all-in-one have a value each.
        verbs = re.sub(r'--\S+ \S+', '', ' '.join(words[3:])).split()
        return verbs[0] if verbs else words[2]
    return pathlib.Path(words[0]).name


def _of_tempest(words):
    verb, words = words[0], words[1:]
    if verb == 'local-delete':
        verb, words = 'local-delete_' + words[0], words[1:]
    parser = _parser_of_tempest(verb)
    if parser is None:
        return 'tempest has no command %s' % verb.replace('_', ' ')
    return _said(lambda: parser.parse_args(words))


def _parser_of_tempest(verb):
    setup = configparser.ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    commands = {one.name: one.value for one
                in importlib.metadata.entry_points(group='tempest.cm')}
    # What is installed may be older than the checkout.
    commands.update(line.split(' = ') for line in setup['entry_points'][
        'tempest.cm'].strip().splitlines())
    if verb not in commands:
        return None
    module, _, name = commands[verb].partition(':')
    command = getattr(importlib.import_module(module), name)
    return command(mock.Mock(), None, verb).get_parser(verb)


def _of_script(path, words):
    script = ROOT / path
    if not script.is_file():
        return 'there is no %s' % path
    module = re.search(r'^phases (\w+) "\$@"$', script.read_text(), re.M)
    if module:
        return _of_module('tools.' + module[1], words)
    return None


def _of_module(name, words):
    if name in ('allinone', 'proof'):
        return _of_part(name, words)
    if name == 'tools.try_end':
        # All that follows is another command.
        return None
    if importlib.util.find_spec(name) is None:
        return 'there is no module %s' % name
    return _said(lambda: _only_parse(
        importlib.import_module(name).main, [name, *words]))


def _of_part(name, words):
    parser = importlib.import_module(name + '.__main__')._parser()

    def parse():
        arguments, rest = parser.parse_known_args(words)
        if getattr(arguments, 'verb', None) == 'tempest':
            _parser_of_tempest('run').parse_args(rest)
        elif rest:
            parser.error('unrecognized arguments: %s' % ' '.join(rest))

    return _said(parse)


def _only_parse(main: Callable[[], object], argv: list[str]) -> None:
    """Call a main function, and end it when it has parsed the command line."""
    parse_args = argparse.ArgumentParser.parse_args

    def parse_and_end(parser, *arguments):
        parse_args(parser, *arguments)
        raise _Parsed

    with mock.patch.object(argparse.ArgumentParser, 'parse_args',
                           parse_and_end), \
            mock.patch.object(sys, 'argv', argv), \
            mock.patch('subprocess.Popen', autospec=True,
                       side_effect=AssertionError(
                           '%s runs something first' % argv[0])):
        try:
            main()
        except _Parsed:
            return
    raise AssertionError('%s did not call parse_args' % argv[0])


def _of_tox(names):
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / 'tox.ini')
    known = {'py3', *(section.removeprefix('testenv:') for section in tox)}
    unknown = [name for name in names if name not in known]
    return 'tox.ini has no %s' % unknown[0] if unknown else None


class _Parsed(Exception):
    """The command line is right, and nothing else is done."""


def _said(parse: Callable[[], object]) -> str | None:
    """Give the last line that a parser says, where it refuses."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            parse()
        except SystemExit as end:
            if end.code:
                return said.getvalue().strip().splitlines()[-1]
    return None
