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

"""troubleshooting.rst quotes messages that the code has."""

import ast
import re

import testtools

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import test_documents

_PAGE = 'troubleshooting.rst'

# A term of a list: the words of a message, above what they mean.
_TERM = re.compile(r'^``(.*)``\n    \S', re.MULTILINE)

# What a message gets when it is shown, in the code and on the page.
_PLACE = re.compile(r'%\(?\w*\)?[-.0-9]*[a-z]|\{\d?\}|\.\.\.')

# The codes at the end of a term.
_CODE = re.compile(r' \[([a-z-]+)\](?=$| \[)')


def messages():
    """List the texts of the plugin, each split where something is put in."""
    return [part for path in sorted(test_documents.PLUGIN.rglob('*.py'))
            if 'tests' not in path.parts
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            for part in _PLACE.split(node.value)]


class TroubleshootingTest(testtools.TestCase):

    def setUp(self):
        super().setUp()
        path = test_documents.DOCUMENTS / _PAGE
        if not path.exists():
            self.skipTest('no checkout: %s is not there' % path)
        self.text = path.read_text()
        self.terms = _TERM.findall(self.text)

    def test_code_has_each_message(self):
        there = messages()
        quoted = {words for term in self.terms for words in map(
            str.strip, _PLACE.split(_CODE.sub('', term)))}
        unknown = sorted(words for words in quoted if not any(
            words in one for one in there))
        if unknown:
            self.fail('%s quotes these words, and no message of the plugin '
                      'has them: %s' % (_PAGE, '; '.join(unknown)))

    def test_each_refusal_is_explained(self):
        told = {code for term in self.terms for code in _CODE.findall(term)}
        known = {refusal.value for refusal in exceptions.Refusal}
        for code in sorted(told ^ known):
            self.fail('%s %s the refusal [%s]' % (
                _PAGE, 'does not explain' if code in known
                else 'explains, and no code has,', code))
