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

"""Every command of the documents is right, and is run or listed as not run."""

import re
import shlex

import testtools
import yaml

from local_delete_tempest_plugin.tests.unit import base
from proof.tests import documented

_TABLE = documented.ROOT / 'doc' / 'commands.yaml'

_HOW = ('list it in doc/commands.yaml: below "run" with the file that runs '
        'it, or below "not run" with the reason')


def _shown():
    """List the commands of the documents: (name of the page, its words)."""
    return [(page.name, words) for page in documented.pages()
            for language, block in documented.blocks(page.read_text())
            if language in documented.LANGUAGES
            for words in documented.commands(block)]


def _matches(pattern, page, words):
    """Tell whether a pattern of the table means a command.

    '*' stands for any words. '* (page.rst)' means the commands of one page.
    """
    regex = '.*'.join(map(re.escape, pattern.split('*')))
    text = shlex.join(words).replace("'", '')
    return any(re.fullmatch(regex, one)
               for one in (text, '%s (%s)' % (text, page)))


class DocumentedTest(testtools.testcase.WithAttributes, testtools.TestCase):

    def setUp(self):
        super().setUp()
        if not _TABLE.exists():
            self.skipTest('no checkout: %s is not there' % _TABLE)
        self.table = yaml.safe_load(_TABLE.read_text())
        self.patterns = [(group, place, pattern)
                         for group, places in self.table.items()
                         for place, patterns in places.items()
                         for pattern in patterns]
        for _, place, pattern in self.patterns:
            if not isinstance(pattern, str):
                self.fail('doc/commands.yaml: %s, below "%s", is no text for '
                          'YAML: put it in quotes' % (pattern, place))

    def test_each_command_is_listed(self):
        unlisted = {'%s shows "%s"' % (page, shlex.join(words))
                    for page, words in _shown()
                    if not any(_matches(pattern, page, words)
                               for _, _, pattern in self.patterns)}
        if unlisted:
            self.fail('%s: %s' % ('; '.join(sorted(unlisted)), _HOW))

    def test_each_line_of_the_table_is_needed(self):
        shown = _shown()
        for _, place, pattern in self.patterns:
            if not any(_matches(pattern, *one) for one in shown):
                self.fail('doc/commands.yaml lists "%s" below "%s", and no '
                          'page shows it: take it off' % (pattern, place))

    def test_what_runs_a_command_names_it(self):
        for page, words in _shown():
            verb = documented.verb_of(words)
            for place, patterns in self.table['run'].items():
                if not any(_matches(pattern, page, words)
                           for pattern in patterns):
                    continue
                path = documented.ROOT / place
                if not path.is_file():
                    self.fail('doc/commands.yaml names %s: no such file' %
                              place)
                if not re.search(r'(?<!\w)%s(?!\w)' % re.escape(verb),
                                 path.read_text()):
                    self.fail('doc/commands.yaml says that %s runs "%s", and '
                              '%s is not in that file' % (
                                  place, shlex.join(words), verb))

    @base.slow
    def test_each_command_line_can_be_parsed(self):
        wrong = {'%s shows "%s": %s' % (page, shlex.join(words), refusal)
                 for page, words in _shown()
                 if (refusal := documented.refusal(words))}
        if wrong:
            self.fail('; '.join(sorted(wrong)))

    def test_no_output_or_file_passes_for_a_command(self):
        for page in documented.pages():
            for language, block in documented.blocks(page.read_text()):
                if language in documented.LANGUAGES and re.search(
                        r'^(\[|=== |\{0\}|""")', block, re.MULTILINE):
                    self.fail(
                        '%s has a block of commands that begins with "%s", '
                        'which is none: write ".. code-block:: ini", python '
                        'or text instead of "::"' % (
                            page.name, block.strip().splitlines()[0]))
