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

import io
import json
import pathlib
import resource
import signal
import subprocess
import sys
import types
from xml.etree import ElementTree

import fixtures
import jsonschema
from stestr.repository import util as repositories
import subunit

from local_delete_tempest_plugin.cmd import report
from local_delete_tempest_plugin.report import formats
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit.report import streams

SCHEMA = json.loads(
    pathlib.Path(formats.__file__).with_name('schema.json').read_text())

# What a cloud, or somebody else's plugin, could call a thing.
HOSTILE = '<script>alert(1)</script>"\'&]]>\x1b[2J\u202e\x00\ufffe'

_WITHOUT_JINJA = """
import sys

sys.modules['jinja2'] = None
from local_delete_tempest_plugin.cmd import report
from local_delete_tempest_plugin.tests.unit import sandbox

sys.exit(sandbox.run_command(
    report.Report, 'local-delete report', *sys.argv[1:]))
"""


class ReportTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.config(known_bugs=[streams.DEFECT])
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def report(self, *arguments):
        """Run the command; return its exit code and what it printed."""
        app = types.SimpleNamespace(
            stdout=io.StringIO(), stderr=io.StringIO(),
            options=types.SimpleNamespace(debug=False))
        command = report.Report(app, None)
        command.cmd_name = 'local-delete report'
        code = command.run(command.get_parser('tempest').parse_args(
            ['--output', str(self.folder / 'out'), *map(str, arguments)]))
        return code, app.stdout.getvalue() + app.stderr.getvalue()

    def write(self, *names):
        path = self.folder / 'stream'
        path.write_bytes(streams.version_2(*map(streams.Told, names)))
        return path

    def read(self):
        data = json.loads((self.folder / 'out' / 'report.json').read_text())
        jsonschema.validate(data, SCHEMA)
        return data, ElementTree.parse(self.folder / 'out' / 'report.xml')

    def test_all_ways_to_end(self):
        code, said = self.report(self.write(
            'test_passes', 'test_leaks', 'test_shows_a_defect',
            'test_shows_no_defect', 'test_skips'))
        self.assertEqual(1, code)
        self.assertEqual(
            'new-failures: 1 passed, 1 failed, 1 known-defect, 1 defect-gone, '
            '1 skipped', said.splitlines()[0])
        self.assertIn(streams.WORDS, said)
        data, xml = self.read()
        self.assertEqual(
            ('new-failures', 1), (data['verdict'], data['exit_code']))
        suite = xml.getroot()
        self.assertEqual(('5', '2', '2'), tuple(
            suite.get(name) for name in ('tests', 'failures', 'skipped')))

    def test_a_known_defect_is_neither_pass_nor_failure(self):
        code, said = self.report(
            self.write('test_passes', 'test_shows_a_defect'),
            '--findings', 'https://docs.test/findings.html')
        self.assertEqual(3, code)
        link = 'https://docs.test/findings.html#' + streams.DEFECT
        self.assertIn('known defect %s: the cloud' % streams.DEFECT, said)
        data, xml = self.read()
        self.assertEqual(3, data['exit_code'])
        self.assertEqual({'name': streams.DEFECT, 'findings': link},
                         data['tests'][1]['known_defect'])
        case = xml.findall('testcase')[1]
        self.assertIsNone(case.find('failure'))
        self.assertEqual('known-defect', case.find('skipped').get('type'))
        self.assertIn(streams.DEFECT, case.find('skipped').get('message'))
        self.assertEqual(
            [streams.DEFECT, link],
            [one.get('value') for one in case.iter('property')])

    def test_which_defects_are_known_and_why(self):
        code, said = self.report(self.write(
            'test_has_a_timeline', 'test_passes'))
        self.assertEqual(0, code)
        self.assertIn('known_bugs: ' + streams.KNOWN_BUGS, said.splitlines())
        data, xml = self.read()
        self.assertEqual(streams.KNOWN_BUGS, data['versions']['known_bugs'])
        self.assertIn(streams.KNOWN_BUGS, [
            one.get('value') for one in xml.iter('property')])

    def test_gates_can_fail_on_known_defects(self):
        code, _ = self.report(
            self.write('test_passes', 'test_shows_a_defect'),
            '--fail-on-known')
        self.assertEqual(1, code)
        data, xml = self.read()
        self.assertEqual(('known-defects', 1),
                         (data['verdict'], data['exit_code']))
        self.assertEqual('1', xml.getroot().get('failures'))
        self.assertEqual('known-defect', xml.findall('testcase')[1].find(
            'failure').get('type'))

    def test_nothing_ran(self):
        code, said = self.report(self.write('test_skips'))
        self.assertEqual(4, code)
        self.assertIn('nothing-ran: 0 passed, 0 failed, 1 skipped', said)
        self.read()
        code, _ = self.report(self.write())
        self.assertEqual(4, code)
        self.read()

    def test_one_format(self):
        self.report(self.write('test_passes'), '--format', 'json')
        self.assertEqual(['report.json'], [
            path.name for path in (self.folder / 'out').iterdir()])

    @base.slow
    def test_without_the_extra(self):
        """The other files are written, and one line says what is missing."""
        path = self.write('test_passes')
        for arguments, code, written in (
                ([], 0, ['report.json', 'report.xml']),
                (['--format', 'html'], 2, [])):
            out = self.folder / ('out%d' % code)
            done = subprocess.run(
                [sys.executable, '-c', _WITHOUT_JINJA, str(path), '--output',
                 str(out), *arguments],
                capture_output=True, text=True, timeout=120)
            self.assertEqual(code, done.returncode, done.stderr)
            said = [line for line in done.stderr.splitlines() if line]
            self.assertEqual(1, len(said), said)
            self.assertIn("pip install 'local-delete-tempest-plugin[report]'",
                          said[0])
            self.assertEqual(written, sorted(
                file.name for file in out.iterdir()) if out.exists() else [])

    def begin_run(self, name):
        """Write the results of a run into the workspace, and not its end."""
        inserter = self.repository.get_inserter()
        inserter.startTestRun()
        subunit.ByteStreamToStreamResult(io.BytesIO(
            streams.version_2(streams.Told(name)))).run(inserter)
        return inserter

    def test_last_run_of_a_workspace(self):
        self.repository = repositories.get_repo_initialise(
            repo_url=str(self.folder))
        for name in 'test_passes', 'test_shows_a_defect':
            self.begin_run(name).stopTestRun()
        code, said = self.report(self.folder)
        self.assertEqual(3, code, said)

    def test_last_run_that_was_killed(self):
        """The verdict of the run before it would be a wrong one."""
        self.repository = repositories.get_repo_initialise(
            repo_url=str(self.folder))
        self.begin_run('test_passes').stopTestRun()
        killed = self.begin_run('test_passes')
        self.addCleanup(killed._stream.close)
        code, said = self.report(self.folder)
        self.assertEqual(2, code, said)
        self.assertIn('was killed, or has not ended yet', said)
        self.assertEqual(1, len(said.splitlines()))
        self.begin_run('test_passes').stopTestRun()
        self.assertEqual(0, self.report(self.folder)[0])

    def test_bad_input_gets_one_line(self):
        junk = self.folder / 'junk'
        junk.write_bytes(b'\x1b[2Jno stream')
        for name, words in ((junk, 'no subunit stream'),
                            (self.folder / 'missing', 'there is no file'),
                            (self.folder, 'no results of a run')):
            code, said = self.report(name)
            self.assertEqual(2, code)
            self.assertIn(words, said)
            self.assertEqual(1, len(said.splitlines()), said)
            self.assertTrue(said.startswith('tempest local-delete report: '))

    def test_an_output_that_cannot_be_written(self):
        (self.folder / 'out').write_text('a file')
        code, said = self.report(self.write('test_passes'))
        self.assertEqual((2, 1), (code, len(said.splitlines())), said)

    def test_a_disk_that_is_full(self):
        """No half of a report takes the place of a whole one."""
        self.report(self.write('test_passes'))
        before = {path: path.read_bytes()
                  for path in (self.folder / 'out').iterdir()}
        stream = self.write('test_leaks')
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGXFSZ, handler)
        resource.setrlimit(resource.RLIMIT_FSIZE, (999, limit[1]))
        try:
            code, said = self.report(stream)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        self.assertEqual((2, 1), (code, len(said.splitlines())), said)
        self.assertEqual(before, {
            path: path.read_bytes()
            for path in (self.folder / 'out').iterdir()})

    def test_a_link_in_the_output_is_not_followed(self):
        other = self.folder / 'other'
        other.write_text('of somebody')
        (self.folder / 'out').mkdir()
        (self.folder / 'out' / 'report.json').symlink_to(other)
        self.assertEqual(0, self.report(self.write('test_passes'))[0])
        self.assertEqual('of somebody', other.read_text())
        self.read()

    def test_a_defect_of_the_command_is_no_verdict(self):
        """An exit code of 1 would tell that a scenario found something."""
        path = self.write('test_passes')
        self.patch(report.results, 'judge', lambda found: 1 / 0)
        code, said = self.report(path)
        self.assertEqual((2, 1), (code, len(said.splitlines())), said)
        self.assertIn('ZeroDivisionError: ', said)

    def test_standard_input_that_is_closed(self):
        with fixtures.MonkeyPatch('sys.stdin', None):
            code, said = self.report('-')
        self.assertEqual(2, code)
        self.assertIn('the standard input is closed', said)

    def test_standard_output_that_is_closed(self):
        app = types.SimpleNamespace(
            stdout=None, stderr=None,
            options=types.SimpleNamespace(debug=False))
        command = report.Report(app, None)
        self.assertEqual(1, command.run(command.get_parser('').parse_args([
            str(self.write('test_leaks')), '--output',
            str(self.folder / 'out')])))

    def test_only_tests_of_others(self):
        class Other(streams.Told):
            def id(self):
                return 'tempest.api.test_it'

        path = self.folder / 'stream'
        path.write_bytes(streams.version_2(Other('test_passes')))
        code, said = self.report(path)
        self.assertEqual(4, code)
        self.assertIn('No scenario of this plugin ran', said)
        self.read()

    def test_times_that_go_back(self):
        path = self.folder / 'stream'
        path.write_bytes(streams.backwards('a.b'))
        self.report(path)
        data, xml = self.read()
        self.assertIsNone(data['tests'][0]['seconds'])
        self.assertEqual('0.000', xml.getroot().get('time'))

    def test_address_of_findings_with_control_characters(self):
        self.report(self.write('test_shows_a_defect'), '--findings', 'a\x01b')
        self.read()

    def test_hostile_names(self):
        class Hostile(streams.Told):
            def id(self):
                # subunit itself forbids a zero byte here, and nowhere else.
                return 'module.Class.test_' + HOSTILE.replace('\0', '')

            def test_fails(self):
                self.fail(HOSTILE + '\n' + HOSTILE)

            def test_skips(self):
                self.skipTest(HOSTILE)

        path = self.folder / 'stream'
        path.write_bytes(streams.version_2(
            Hostile('test_fails'), Hostile('test_skips')))
        code, said = self.report(path)
        self.assertEqual(1, code)
        self.assertTrue(said.replace('\n', '').isprintable(), ascii(said))
        data, xml = self.read()
        for words in (data['tests'][0]['failure']['message'],
                      data['tests'][1]['summary'],
                      xml.find('.//failure').text,
                      xml.find('.//testcase').get('name')):
            self.assertIn('<script>alert(1)</script>"\'&]]>\\x1b[2J', words)
            self.assertTrue(words.replace('\n', '').isprintable())
