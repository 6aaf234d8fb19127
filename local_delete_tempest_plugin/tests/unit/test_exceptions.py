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

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base

Refusal = exceptions.Refusal


HOSTILE = '\x1b[2J\x07\r\x9b31m\u202ereason\u2066\ud800\x7f'


class PrintableTest(base.TestCase):
    """Words of others never reach a terminal as they are."""

    def test_escapes_what_a_terminal_obeys(self):
        for words in (HOSTILE, ValueError(HOSTILE),
                      exceptions.CommandFailed(option='x', problem=HOSTILE)):
            for shown in (exceptions.one_line(words),
                          exceptions.printable(words)):
                self.assertTrue(shown.isprintable(), ascii(shown))
                self.assertIn('\\x1b[2J\\x07', shown)
                self.assertIn('\\u202ereason\\u2066\\ud800\\x7f', shown)

    def test_leaves_other_words(self):
        for words in ('', 'host may not', 'Grüße aus 東京', 'a\\x1b', 'a\nb'):
            self.assertEqual(words, exceptions.printable(words))
        self.assertEqual('a b c', exceptions.one_line('a\n\t b\r\nc '))

    def test_exceptions_are_printable(self):
        for error in (
                exceptions.InvalidAnswer(call='GET', problem=HOSTILE),
                exceptions.TimedOut(problem=HOSTILE),
                exceptions.OutageRefused(Refusal.DISABLED, HOSTILE),
                exceptions.LeftToOperator(what='it', found=HOSTILE),
                exceptions.LeakFound(HOSTILE)):
            for words in (str(error), repr(error), '%s' % [error]):
                self.assertTrue(words.replace('\n', '').isprintable(),
                                ascii(words))


class RefusalTest(base.TestCase):
    """Another process reads the code off a text with any words."""

    def test_read_off_any_words(self):
        for code in Refusal:
            for words in ('host a may not be taken down', 'Nein.', '', '%s',
                          'more\nthan [one] line of [local_delete] not-up'):
                refused = exceptions.OutageRefused(code, words)
                self.assertEqual(code, refused.code)
                self.assertIn(words, str(refused))
                self.assertEqual([code], Refusal.all_in(str(refused)))

    def test_all_of_a_text(self):
        self.assertEqual([], Refusal.all_in('no host: [local_delete] [up]'))
        codes = [Refusal.LEASED, Refusal.FENCED, Refusal.LEASED]
        self.assertEqual(codes, Refusal.all_in('no host: ' + '; '.join(
            str(exceptions.OutageRefused(code, 'x')) for code in codes)))
