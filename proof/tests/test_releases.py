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

"""The tables of tools/releases.sh, made of what clouds and programs told."""

import datetime
import json
import pathlib
import textwrap

import fixtures
from stestr.repository import util as repositories
import testtools

from allinone import release as openstack
from local_delete_tempest_plugin.report import formats
from local_delete_tempest_plugin.report import results
from tools import phases
from tools import rehearsals
from tools import release_table
from tools import releases
from tools import tempests
from tools import upgrade_table

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)

UV_SAYS = """\
Using CPython 3.13.0
  × No solution found when resolving dependencies:
  ╰─▶ Because tempest==42.0.0 depends on Python<3.13
      and you require tempest==42.*, we can conclude that your requirements
      are unsatisfiable.
"""

STESTR_SAYS = """\
Ran: 12 tests in 2.1 sec.
 - Passed: 10
 - Skipped: 1
 - Expected Fail: 0
 - Unexpected Success: 0
 - Failed: {}
"""

LIST_SAYS = """\
42.0.0
| local_delete | local_delete_tempest_plugin.plugin:LocalDeleteTempestPlugin |
local_delete_tempest_plugin.scenario.test_ports.PortsTest.test_a[id-1]
local_delete_tempest_plugin.scenario.test_ports.PortsTest.test_b[id-2]
"""


def test(name, outcome, words='', defect=None):
    """Make a test as the report of a run has it."""
    failed = outcome in ('failed', 'known-defect')
    return results.Test(
        'local_delete_tempest_plugin.scenario.' + name, name, None,
        results.Outcome(outcome), NOW, NOW,
        results.Failure('LeakFound', words) if failed else None,
        words, defect, '', None)


def cells(table):
    """Read the cells of a table: a list of rows."""
    rows = []
    for line in table.splitlines():
        mark, text = line[:7].strip(), line[7:]
        if mark == '* -':
            rows.append([text])
        elif mark == '-':
            rows[-1].append(text)
        elif line.startswith(' ' * 7):
            rows[-1][-1] += ' ' + text
        elif rows:
            break
    return rows


class ReleaseTableTest(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def write(self, cloud, *tests):
        (self.folder / f'{cloud}.json').write_text(
            formats.as_json(results.Run(tests)))

    def table(self, *names):
        return release_table.as_rst({
            name: release_table.load(self.folder, name) for name in names})

    def test_families_by_releases(self):
        self.write(
            '2025.1', test('test_ports.A.test_a', 'passed'),
            test('test_ports.A.test_b', 'skipped', 'no network'),
            test('test_moves.B.test_c', 'failed', 'left'),
            test('test_moves.B.test_d', 'defect-gone', defect='a'))
        self.write('2026.1', test('test_moves.B.test_c', 'known-defect',
                                  'left', defect='a'))
        self.assertEqual(
            [['Family', '2025.1', '2025.2', '2026.1'],
             ['``test_moves``', '1 failed, 1 defect gone', '', '1 known'],
             ['``test_ports``', '1 passed, 1 skipped', '', ''],
             ['All', '1 passed, 1 skipped, 1 failed, 1 defect gone',
              'not run', '1 known']],
            cells(self.table('2025.1', '2025.2', '2026.1')))

    def test_second_cloud_runs_what_the_first_skips(self):
        self.write('2026.1', test('test_a.A.test_a', 'skipped', 'reclaims'),
                   test('test_a.A.test_b', 'passed'),
                   test('test_a.A.test_c', 'skipped', 'why'))
        self.write('2026.1-2', test('test_a.A.test_a', 'passed'),
                   test('test_a.A.test_b', 'failed', 'left'),
                   test('test_a.A.test_c', 'skipped', 'still'))
        table = self.table('2026.1')
        self.assertEqual(['All', '1 passed, 1 skipped, 1 failed'],
                         cells(table)[-1])
        self.assertIn('still', table)
        self.assertNotIn('reclaims', table)
        self.assertNotIn('why', table)

    def test_what_did_not_pass_is_named(self):
        for release in '2025.1', '2025.2':
            self.write(release, test(
                'test_a.A.test_a', 'known-defect', 'left', defect='a-defect'),
                test('test_a.A.test_b', 'skipped', '[x] a_b: not set'))
        self.write('2026.1', test(
            'test_a.A.test_a', 'failed',
            'port 3fa85f64-5717-4562-b3fc-2c963f66afa6 of a_b is left'))
        table = self.table('2025.1', '2025.2', '2026.1')
        self.assertIn(textwrap.dedent(r"""
            .. rubric:: Failed

            - 2026.1: ``test_a``: port 3fa85f64... of a\_b is left

            .. rubric:: Known defects

            - ``a-defect`` on 2025.1, 2025.2: ``test_a``

            .. rubric:: Skipped

            - ``test_b`` on 2025.1, 2025.2: [x] a\_b: not set
            """), table)

    def test_clouds_are_read_where_tempest_ran(self):
        states = self.folder / 'states'
        for name in '2025.1', '2025.2':
            (states / name / 'tempest').mkdir(parents=True)
        workspace = states / '2025.1' / 'tempest'
        repository = repositories.get_repo_initialise(
            repo_url=str(workspace))
        inserter = repository.get_inserter()
        inserter.startTestRun()
        inserter.status(test_id='local_delete_tempest_plugin.scenario.'
                        'test_ports.PortsTest.test_a', test_status='success')
        inserter.stopTestRun()
        release_table.record(states, self.folder)
        self.assertEqual({'2025.1.json'},
                         {path.name for path in self.folder.glob('*.json')})
        found = release_table.load(self.folder, '2025.1')
        self.assertEqual(['test_ports.PortsTest.test_a'], [*found['tests']])

    def test_json(self):
        self.write('2025.1', test('test_a.A.test_a', 'passed'))
        data = json.loads(release_table.as_json({
            name: release_table.load(self.folder, name)
            for name in ('2025.1', '2025.2')}))
        self.assertIsNone(data['2025.2'])
        self.assertEqual({'a': {'passed': 1}}, data['2025.1']['families'])


class LanesTest(testtools.TestCase):

    def test_two_clouds_of_each_release(self):
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for name in '_FOLDER', '_STATES':
            self.useFixture(fixtures.MockPatchObject(releases, name, folder))
        old = folder / '2025.2-2.json'
        other = folder / '2025.1.json'
        for path in old, other:
            path.touch()
        lanes = releases._lanes(['2025.2', '2026.1'], guests=True)
        self.assertEqual(
            ['2025.2', '2026.1', '2025.2-2', '2026.1-2'],
            [boot.name.removesuffix('-boot') for boot, _ in lanes])
        ports = set()
        for boot, scenarios in lanes:
            name = boot.name.removesuffix('-boot')
            self.assertEqual(name.removesuffix('-2'), boot.command[
                boot.command.index('--release') + 1])
            self.assertEqual(name.endswith('-2'), '--qemu' in boot.command)
            self.assertEqual(f'{name}-down', boot.undo.name)
            self.assertEqual(f'{name}-scenarios', scenarios.name)
            ports.add(boot.command[boot.command.index('--port-base') + 1])
        self.assertEqual(4, len(ports))
        self.assertFalse(old.exists())
        self.assertTrue(other.exists())

    def test_path_of_a_state_directory_is_short_enough(self):
        """elsewhere() of functions.sh leaves room for this."""
        text = (phases.ROOT / 'tools' / 'functions.sh').read_text()
        longest = int(text.partition('\nlongest=')[2].partition('\n')[0])
        for name in releases._RELEASES:
            for place in (f'{releases._STATES.name}/{name}-2',
                          f'{rehearsals._STATES.name}/{name}'):
                self.assertLessEqual(longest + len(f'/{place}'), 72)


class RehearsalsTest(testtools.TestCase):

    def test_upgrades_are_those_that_openstack_supports(self):
        for before, after in rehearsals.PAIRS:
            openstack.check_upgrade(before, after)

    def test_another_run_keeps_the_other_upgrades(self):
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.useFixture(fixtures.MockPatchObject(
            rehearsals, '_FOLDER', folder))
        rehearsals._add({'2025.1-2026.1-stage': 0, '2025.1-2026.1-verify': 1,
                         '2025.2-2026.1-stage': 0}, ['2025.1', '2025.2'])
        rehearsals._add({'2025.1-2026.1-stage': 1}, ['2025.1'])
        self.assertEqual(
            {'2025.1-2026.1-stage': 1, '2025.2-2026.1-stage': 0},
            json.loads((folder / 'upgrades.json').read_text()))

    def test_each_upgrade_is_a_row(self):
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        report = folder / '2025.2-2026.1-old-computes' / 'report.json'
        report.parent.mkdir()
        report.write_text(formats.as_json(results.Run((
            test('test_a.A.test_a', 'passed'),
            test('test_a.A.test_b', 'failed', '1 VCPU left')))))
        table = upgrade_table.as_rst(
            {'2025.2-2026.1-stage': 0, '2025.2-2026.1-verify': 1}, folder)
        head, *rows = cells(table)
        self.assertEqual(
            dict.fromkeys(head[1:], 'not run') | {
                'Upgrade': '2025.2 to 2026.1', 'Stage': 'as it should be',
                'Scenarios beside old computes': '1 passed, 1 failed',
                'Local deletes of the stage': 'failed'},
            dict(zip(head, rows[1], strict=True)))
        self.assertIn('- 2025.2 to 2026.1, scenarios beside old computes: '
                      '``test_b``: 1 VCPU left\n', table)


class TempestsTest(testtools.TestCase):

    def ended(self, **others):
        return {'python3.12-tempest-42-install': (0, ''),
                'python3.12-tempest-42-list': (0, LIST_SAYS),
                'python3.12-tempest-42-unit': (0, STESTR_SAYS.format(0)),
                **others}

    def row(self, ended):
        head, *rows = cells(tempests.as_rst(ended))
        return head, next(row for row in rows if row[0] == '3.12')

    def test_what_was_not_tried(self):
        _, row = self.row({})
        self.assertEqual(['3.12', *['not tried'] * 3], row)

    def test_what_passed(self):
        head, row = self.row(self.ended())
        self.assertEqual('Tempest 42 (42.0.0)', head[1])
        self.assertEqual('10 passed, 1 skipped; 2 scenarios', row[1])

    def test_unit_tests_that_fail(self):
        for text, words in (
                (STESTR_SAYS.format(1), '10 passed, 1 skipped, 1 failed'),
                ('no module', '0 passed, 0 skipped, and stestr failed')):
            _, row = self.row(self.ended(
                **{'python3.12-tempest-42-unit': (1, text)}))
            self.assertEqual(words + '; 2 scenarios', row[1])

    def test_why_a_pair_cannot_be_installed(self):
        name = 'python3.12-tempest-42-install'
        for text, words in (
                (UV_SAYS, 'Because tempest==42.0.0 depends on Python<3.13 and '
                 'you require tempest==42.\\*, we can conclude that your '
                 'requirements are unsatisfiable.'),
                ('error: No interpreter found for Python 3.12\n',
                 'No interpreter found for Python 3.12')):
            _, row = self.row({name: (1, text)})
            self.assertEqual(f'cannot be installed: {words}', row[1])

    def test_a_plugin_that_is_not_listed(self):
        log = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path) / 'log'
        for text, words in ((LIST_SAYS, None),
                            (LIST_SAYS.replace('| local', '| other'),
                             'does not list the plugin'),
                            (LIST_SAYS.partition('local_delete_tempest_plugin'
                                                 '.scenario')[0],
                             'lists no scenario')):
            log.write_text(text)
            problem = tempests._lists_all(log)
            self.assertEqual(words is None, problem is None)
            self.assertIn(words or '', problem or '')
        _, row = self.row(self.ended(**{'python3.12-tempest-42-list': (
            2, LIST_SAYS + "tempest: 'run' is not a tempest command\n")}))
        self.assertEqual("not listed: tempest: 'run' is not a tempest command",
                         row[1])

    def test_lock_without_tempest(self):
        lock = textwrap.dedent("""\
            stestr==4.2.1 \\
                --hash=sha256:aa
                # via tempest
            tempest==46.2.0 ; python_version >= '3.10' \\
                --hash=sha256:bb \\
                --hash=sha256:cc
                # via -r requirements.txt
            tenacity==9.1.4 \\
                --hash=sha256:dd
            """)
        left = tempests.without_tempest(lock)
        self.assertEqual(
            [line for line in lock.splitlines()
             if not any(word in line for word in (
                 'tempest==', 'bb', 'cc', '-r req'))], left.splitlines())
