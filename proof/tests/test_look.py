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

"""A page of the documents that is cut off is a fault."""

import contextlib
import html
import io
import json
import os
import pathlib
import subprocess
import sys
from unittest import mock

import fixtures
import testtools

from tools import look

GOOD = {'name': 'index.html', 'width': 390, 'inner': 390, 'cut': []}


class LookTest(testtools.TestCase):
    """Chromium is a program that says what the test wants."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        (self.folder / 'index.html').write_text('<p>words')

    def run_with(self, found, *arguments):
        """Run the command; return its exit code and what it printed."""
        told = '<body data-found="%s">' % html.escape(json.dumps(found))

        def chromium(command, **options):
            for one in command:
                name, _, path = one.partition('=')
                if name == '--screenshot':
                    pathlib.Path(path).write_bytes(b'png')
            return subprocess.CompletedProcess(command, 0, told, '')

        said = io.StringIO()
        with mock.patch.object(sys, 'argv', [
                'look', '--folder', str(self.folder), *arguments]), \
                mock.patch.object(subprocess, 'run', chromium), \
                contextlib.redirect_stdout(said), \
                contextlib.redirect_stderr(said):
            return look.main(), said.getvalue()

    def test_good_pages(self):
        code, said = self.run_with([GOOD])
        self.assertEqual((0, '1 pages: 0 faults\n'), (code, said))
        self.assertEqual(['index.html'], os.listdir(self.folder))

    def test_faults(self):
        for found, words in (
                ([dict(GOOD, width=391)],
                 'phone: index.html: is 391 wide, and the window 390'),
                ([dict(GOOD, cut=['a word'])],
                 'wide: index.html: these words are cut off: a word'),
                ([], 'phone: only 0 of 1 pages opened')):
            code, said = self.run_with(found)
            self.assertEqual(1, code, said)
            self.assertIn(words, said)

    def test_pictures(self):
        pictures = self.folder / 'pictures'
        self.run_with([GOOD], '--pictures', str(pictures))
        self.assertEqual(['index-phone.png', 'index-wide.png'],
                         sorted(os.listdir(pictures)))

    def test_no_such_page(self):
        code, said = self.run_with([GOOD], 'none.html')
        self.assertEqual(2, code)
        self.assertIn('none.html: run "tox -e docs" first', said)
