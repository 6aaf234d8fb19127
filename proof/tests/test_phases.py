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

"""Phases side by side, and the end of all that they began."""

import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import textwrap

import fixtures
import testtools
from testtools import matchers

from local_delete_tempest_plugin.tests.unit import base
from tools import check
from tools import clouds
from tools import phases

# A command whose child gives something back when it is ended, as Tempest's
# workers do. SIGTERM ends the command itself at once.
_RESTORES = (
    'bash', '-c',
    "bash -c 'trap \"kill \\$!; sleep 0.5; echo restored; exit\" TERM INT HUP;"
    " echo begun; sleep 99 & wait'; exit 1")


def sh(name, script, **options):
    return phases.Phase(name, ('bash', '-c', script), **options)


class PhasesTest(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.results = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path)
        self.output = (self.results / 'output').open('w+')
        self.addCleanup(self.output.close)
        self.run_ = phases.Phases(self.results, self.output)

    def run_lanes(self, *lanes, **options):
        def do():
            self.run_.run(*lanes, **options)
            return 0

        code = phases.main(self.run_, do)
        self.output.seek(0)
        self.printed = self.output.read()
        return code

    def log(self, name):
        return (self.results / f'{name}.log').read_text()

    def names(self):
        return [name for name, _, _ in self.run_.ended]

    def test_lanes_side_by_side(self):
        place = self.results / 'there'
        code = self.run_lanes(
            [sh('waits', f'until [ -e {place} ]; do sleep 0.1; done'),
             sh('then', 'true')],
            [sh('touches', f'touch {place}')])
        self.assertEqual(0, code)
        self.assertEqual(['then', 'touches', 'waits'], sorted(self.names()))
        self.assertEqual('then', self.names()[-1])

    def test_some_lanes_at_once(self):
        """The next lane begins once all of an earlier lane is undone."""
        begun = self.results / 'begun'
        lanes = [[sh(f'up-{number}', f'echo {number} >> {begun}; '
                     f'[ $(wc -l < {begun}) -le 2 ]',
                     undo=sh(f'down-{number}',
                             f'sed -i /{number}/d {begun}'))]
                 for number in range(4)]
        self.assertEqual(0, self.run_lanes(*lanes, at_once=2))
        self.assertEqual(8, len(self.names()))
        self.assertEqual('', begun.read_text())

    def test_undo_at_end_of_lane(self):
        up = sh('up', 'true', undo=sh('down', 'true'))
        self.assertEqual(0, self.run_lanes([up, sh('use', 'true')]))
        self.assertEqual(['up', 'use', 'down'], self.names())

    def test_failure_ends_and_undoes_all(self):
        up = phases.Phase('up', _RESTORES, undo=sh('down', 'echo undone'))
        begun = self.results / 'up.log'
        code = self.run_lanes([up, sh('never', 'true')], [sh(
            'fails', f'until grep -q begun {begun}; do sleep 0.1; done; '
            'echo the reason; exit 7')])
        self.assertEqual(7, code)
        self.assertIn('restored', self.log('up'))
        self.assertIn('undone', self.log('down'))
        self.assertEqual(['fails', 'down'], self.names())
        self.assertThat(self.printed, matchers.MatchesRegex(
            '(?s).*the reason\n'
            '=== fails FAILED after [0-9]+ s; see .*fails.log\n'
            '=== Ending up\n=== down\n'))

    def test_failure_ends_its_own_lane(self):
        code = self.run_lanes(
            [sh('up', 'true', undo=sh('down', 'true')),
             sh('fails', 'exit 3'), sh('never', 'true')],
            [sh('other', 'sleep 0.5'), sh('later', 'true')], together=False)
        self.assertEqual(3, code)
        self.assertEqual({'up', 'fails', 'down', 'other', 'later'},
                         set(self.names()))

    def test_lane_goes_on_after_some_failures(self):
        code = self.run_lanes(
            [sh('fails', 'exit 3', goes_on=True), sh('later', 'true')],
            together=False)
        self.assertEqual((3, ['fails', 'later']), (code, self.names()))

    def test_failed_undo_is_a_failure(self):
        up = sh('up', 'true', undo=sh('down', 'exit 4'))
        self.assertEqual(4, self.run_lanes([up]))

    def test_problem_of_check_is_a_failure(self):
        self.assertEqual(1, self.run_lanes(
            [sh('skips', 'true', check=lambda log: 'a test skipped')]))
        self.assertIn('a test skipped\n=== skips FAILED', self.printed)

    def test_killed_phase_is_a_failure(self):
        self.assertEqual(137, self.run_lanes([sh('dies', 'kill -9 $$')]))

    def test_echo(self):
        self.run_lanes([sh('speaks', 'echo one; echo two', echo=True)])
        self.assertThat(self.printed, matchers.MatchesRegex(
            '=== speaks\none\ntwo\n=== speaks: [0-9]+ s\n'))

    def test_what_a_phase_does(self):
        log = self.results / 'tempest.log'
        line = ('2026-01-01 00:00:00 1 INFO tempest.lib.common.rest_client '
                '[req-1 ] Request ({}): 200 GET http://127.0.0.1\n')
        log.write_text(line.format('OldTest:test_old'))
        one = phases._Running(sh(
            'tests', "echo '{0} a.B.test_c [1.0s] ... ok'", tempest_log=log),
            self.results / 'tests.log')
        one.process.wait()
        self.assertEqual('{0} a.B.test_c [1.0s] ... ok', one.doing())
        with log.open('a') as more:
            more.write(line.format('ATest:test_a') + line.format('BTest:setUp')
                       + line.format('ATest:test_a'))
        self.assertEqual('1 ended; now ATest:test_a, BTest:setUp', one.doing())


class EndTest(testtools.TestCase):
    """A signal to the command alone ends all of it."""

    def setUp(self):
        super().setUp()
        self.results = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path)

    def start(self, output=subprocess.PIPE, *prefix):
        script = textwrap.dedent(f"""
            import pathlib, sys
            from tools import phases
            run = phases.Phases(pathlib.Path({str(self.results)!r}))
            down = phases.Phase('down', ('bash', '-c', 'echo undone'))
            up = phases.Phase('up', {_RESTORES!r}, undo=down, echo=True)
            def do():
                run.run([up])
                return 0
            sys.exit(phases.main(run, do))""")
        # Whoever runs the tests may ignore signals, and children inherit that.
        process = subprocess.Popen(
            ['env', '--default-signal', *prefix, sys.executable, '-c', script],
            cwd=phases.ROOT,
            stdout=output,
            env={**os.environ, 'TERM': 'xterm', 'COLUMNS': '79'})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    @base.slow
    def test_signals(self):
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process = self.start()
            for line in process.stdout:
                if b'begun' in line:
                    process.send_signal(signum)
            process.stdout.close()
            self.assertEqual(128 + signum, process.wait())
            self.assertIn('restored', (self.results / 'up.log').read_text())
            self.assertEqual('undone\n',
                             (self.results / 'down.log').read_text())

    @base.slow
    def test_nohup(self):
        process = self.start(subprocess.PIPE, 'nohup')
        for line in process.stdout:
            if b'begun' in line:
                process.send_signal(signal.SIGHUP)
                process.send_signal(signal.SIGTERM)
        process.stdout.close()
        self.assertEqual(128 + signal.SIGTERM, process.wait())

    @base.slow
    def test_terminal_shows_what_runs(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        process = self.start(theirs)
        os.close(theirs)
        shown = b''
        while not re.search(rb'up 0:0\d begun\r\n', shown):
            shown += os.read(ours, 1024)
        process.terminate()
        self.assertEqual(143, process.wait())


class StateTest(testtools.TestCase):
    """Where a command of phases keeps the files of its cloud."""

    def setUp(self):
        super().setUp()
        self.checkout = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path)
        self.cache = self.useFixture(fixtures.TempDir()).path

    def state(self, module):
        tools = self.checkout / 'tools'
        tools.mkdir(exist_ok=True)
        shutil.copy(phases.ROOT / 'tools' / 'functions.sh', tools)
        (tools / f'{module}.py').write_text(
            'import os; print(os.environ["ALLINONE_STATE"])')
        environment = {key: value for key, value in os.environ.items()
                       if key != 'ALLINONE_STATE'}
        return pathlib.Path(subprocess.run(
            ('bash', '-c', f'. {tools}/functions.sh; phases {module}'),
            env={**environment, 'XDG_CACHE_HOME': self.cache,
                 'PYTHON': sys.executable}, text=True, check=True,
            stdout=subprocess.PIPE).stdout.strip())

    def test_demo_in_checkout(self):
        self.assertEqual(self.checkout / '.allinone', self.state('demo'))

    def test_outside_where_the_package_is_built(self):
        for module in 'check', 'releases':
            self.assertThat(self.state(module).parents,
                            matchers.Not(matchers.Contains(self.checkout)),
                            'The build of the package reads all files of the '
                            'checkout, and the files of a cloud go away')


class CountTest(testtools.TestCase):

    def count(self, *logs):
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        ended = []
        for number, (code, text) in enumerate(logs):
            log = folder / str(number)
            log.write_text(text)
            ended.append((str(number), code, log))
        return check.count(ended)

    def test_phases_without_tests(self):
        self.assertEqual((1, 1, 0), self.count((0, 'fine'), (2, 'bad')))

    def test_tests(self):
        text = (' - Passed: 5\n - Skipped: 2\n - Expected Fail: 1\n'
                ' - Unexpected Success: {}\n - Failed: {}\n')
        self.assertEqual((5, 0, 3), self.count((0, text.format(0, 0))))
        self.assertEqual((5, 3, 3), self.count((1, text.format(1, 2))))
        # A test skipped that may not.
        self.assertEqual((5, 1, 3), self.count((1, text.format(0, 0))))

    def test_skips(self):
        text = ('{0} a.test_b [1s] ... ok\n{1} a.test_c ... SKIPPED: no\n')
        self.assertEqual(['a.test_c ... SKIPPED: no'], clouds.skips(text))
