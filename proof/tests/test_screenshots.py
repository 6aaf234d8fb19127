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

"""What the pictures of a report would not show is a fault."""

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

from local_delete_tempest_plugin.tests.unit.report import streams
from tools import screenshots

GOOD = {'curves': 1, 'width': 500, 'inner': 500, 'faults': []}


class ScreenshotsTest(testtools.TestCase):
    """Chromium is a program that says what the test wants."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.stream = self.folder / 'stream'
        self.stream.write_bytes(streams.version_2(
            streams.Told('test_has_a_timeline')))

    def run_with(self, found=None, console='', picture=True, axe=()):
        """Run the command; return its exit code and what it printed."""
        told = 'data-found="%s"' % html.escape(json.dumps(
            dict(GOOD, **found))) if found is not None else ''

        def chromium(command, **options):
            for one in command:
                name, _, path = one.partition('=')
                if name == '--screenshot' and picture:
                    pathlib.Path(path).write_bytes(b'png')
            return subprocess.CompletedProcess(command, 0, told, console)

        said = io.StringIO()
        arguments = ['screenshots', 'clean=%s' % self.stream, '--output',
                     str(self.folder / 'out'), *axe]
        with mock.patch.object(sys, 'argv', arguments), \
                mock.patch.object(subprocess, 'run', chromium), \
                contextlib.redirect_stdout(said):
            return screenshots.main(), said.getvalue()

    def test_good_pages(self):
        code, said = self.run_with({})
        self.assertEqual(0, code, said)
        self.assertEqual(
            ['report-clean-%s.png' % name
             for name in ('dark', 'light', 'phone')],
            sorted(os.listdir(self.folder / 'out')))

    def test_faults(self):
        for settings, words in (
                ({'found': {'curves': 0}}, '0 of 1 curves are drawn'),
                ({'found': {'width': 501}}, 'is 501 wide, and the window 500'),
                ({'found': {'faults': ['color-contrast: p']}},
                 'color-contrast: p'),
                ({'found': None}, 'could not be opened'),
                ({'found': {}, 'picture': False}, 'no picture was taken'),
                ({'found': {}, 'console':
                  '[1:INFO:CONSOLE:2] "Refused to load", source: x (1)'},
                 'Refused to load')):
            with contextlib.suppress(OSError):
                for path in (self.folder / 'out').iterdir():
                    path.unlink()
            code, said = self.run_with(**settings)
            self.assertEqual(1, code, words)
            self.assertIn(words, said)
