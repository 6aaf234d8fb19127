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

import dataclasses
import io
import json
import pathlib
import pydoc
import types
from unittest import mock

import fixtures

from local_delete_tempest_plugin.cmd import base as command_base
from local_delete_tempest_plugin.cmd import recover
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import leases
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

RUN = '0123456789AB'
CLOUD = 'https://keystone.test/v3'
TRAIT = 'CUSTOM_LOCAL_DELETE_' + RUN


class RecoverCommandTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.config(journal_dir=str(self.folder))
        self.config(group='identity', uri_v3=CLOUD)
        self.config(group='oslo_concurrency', lock_path=str(self.folder))
        self.cloud = fake_cloud.FakeCloud()
        self.target = self.cloud.add_compute('cmp1', 11)
        self.cloud.traits[self.target.provider_id].add(TRAIT)
        self.useFixture(fixtures.MockPatchObject(
            command_base, 'find_admin', self.cloud.admin))
        self.debug = False
        self.of_journal = {'uri': CLOUD, 'region': 'RegionOne',
                           'ids': [fake_cloud.PROJECT]}

    def leave_journal(self, *lines):
        path = self.folder / (RUN + '.journal')
        path.touch(mode=0o600)
        path.write_text(''.join(json.dumps(line) + '\n' for line in (
            {'version': 3, 'run': RUN, 'cloud': self.of_journal}, *lines)))
        return path

    def leave_lease(self):
        self.leave_journal({
            'intent': 1, 'kind': 'lease',
            'what': {'provider_id': self.target.provider_id,
                     'trait': TRAIT}})

    def app(self, stdout):
        return types.SimpleNamespace(
            stdout=stdout, stderr=io.StringIO(),
            options=types.SimpleNamespace(debug=self.debug))

    def run_in(self, app, *arguments):
        command = recover.Recover(app, None)
        command.cmd_name = 'local-delete recover'
        parser = command.get_parser('recover')
        return command.run(parser.parse_args([*arguments]))

    def run_command(self, *arguments):
        """Run it as cliff does.

        :returns: (exit code, what it printed as JSON, its words on stderr).
        """
        app = self.app(stdout=io.StringIO())
        code = self.run_in(app, '-f', 'json', *arguments)
        printed = app.stdout.getvalue()
        return (code, json.loads(printed) if printed else None,
                app.stderr.getvalue())

    def table_of(self, *arguments, stream=io.StringIO):
        """Run it in the format of a table.

        :returns: (exit code, what it printed).
        """
        app = self.app(stdout=stream())
        return self.run_in(app, *arguments), app.stdout.getvalue()

    def test_where_it_looked_if_there_is_nothing_to_undo(self):
        place = 'in the cloud at https://keystone.test, region RegionOne.\n'
        code, text = self.table_of()
        self.assertEqual(0, code)
        self.assertIn('Nothing to undo: no journal in %s is of an abandoned '
                      'run %s' % (self.folder, place), text)
        self.assertIn('give the id of the run (--run)', text)
        self.assertNotIn('does not exist', text)
        self.config(journal_dir='/no/such/directory')
        self.assertIn('does not exist', self.table_of()[1])
        self.config(journal_dir=str(self.folder))
        self.leave_lease()
        self.assertNotIn('Nothing', self.table_of('--dry-run')[1])
        self.of_journal = dict(self.of_journal, region='RegionTwo')
        self.leave_lease()
        self.assertNotIn('Nothing', self.table_of()[1])

    def test_terminal(self):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        self.leave_journal(*({
            'intent': number, 'kind': 'lease', 'what': {
                'provider_id': self.target.provider_id, 'trait': TRAIT}}
            for number in range(3)))
        for columns, widest in ((70, 70), (300, command_base.WIDTH)):
            with fixtures.EnvironmentVariable('COLUMNS', str(columns)):
                _, text = self.table_of('--dry-run', stream=Terminal)
            width = max(map(len, text.splitlines()))
            self.assertTrue(width <= widest, '%d columns on a terminal of %d'
                            % (width, columns))

    def test_ctrl_c_before_anything_was_undone(self):
        self.leave_lease()
        with fixtures.MockPatchObject(leases.LeaseChange, 'undo',
                                      side_effect=KeyboardInterrupt):
            code, text = self.table_of()
        self.assertEqual(130, code)
        self.assertNotIn('Nothing', text)

    def test_where_it_looked_for_a_run(self):
        self.recover_without_a_journal()
        _, text = self.table_of('--run', 'A' * 12)
        self.assertEqual('Nothing of run %s is in the cloud at '
                         'https://keystone.test, region RegionOne.\n' % (
                             'A' * 12), text)

    def test_a_wrong_column_undoes_nothing(self):
        """Nobody would see the outcomes, and they are not told again."""
        self.leave_lease()
        for known in 'what', 'Outcome':
            code, rows, words = self.run_command('-c', known, '-c', 'Nonsense')
            self.assertEqual((2, None), (code, rows))
            self.assertEqual(
                "tempest local-delete recover: there is no column 'Nonsense', "
                'only Run, Change, What, Outcome\n', words)
        self.assertEqual([], self.cloud.calls('PUT'))

    def test_a_terminal_that_lacks_a_letter(self):
        self.leave_lease()
        printed = io.BytesIO()
        app = self.app(stdout=io.TextIOWrapper(printed, 'ascii'))
        with fixtures.MockPatchObject(
                leases.LeaseChange, '__str__', lambda lease: 'caf\xe9'):
            self.assertEqual(0, self.run_in(app, '-f', 'table'))
            app.stdout.flush()
        self.assertIn(b'caf\\xe9', printed.getvalue())

    def test_an_error_that_nobody_expects_is_one_line(self):
        """Otherwise cliff tells only a log that nobody set up."""
        line = "tempest local-delete recover: KeyError: 'x'\n"
        with fixtures.MockPatchObject(
                abandoned_runs, 'find', side_effect=KeyError('x')):
            self.assertEqual((1, None, line), self.run_command())
            self.debug = True
            code, rows, words = self.run_command()
        self.assertEqual((1, None), (code, rows))
        self.assertTrue(words.startswith('Traceback '), words)
        self.assertTrue(words.endswith(line), words)

    def test_ctrl_c_hides_nothing(self):
        """What was left before is complete, and is not told again."""
        self.leave_lease()
        first = self.folder / (RUN + '.journal')
        second = self.folder / ('B' * 12 + '.journal')
        second.touch(mode=0o600)
        second.write_text(first.read_text().replace(RUN, second.stem))
        left = exceptions.LeftToOperator(what='it', found='X did it')
        with fixtures.MockPatchObject(leases.LeaseChange, 'undo',
                                      side_effect=[left, KeyboardInterrupt]):
            self.assertEqual(
                (130, {'lease': 'left to you: %s' % left},
                 'tempest local-delete recover: interrupted, so call it '
                 'again\n'), self.outcomes())
        self.assertEqual([second], [*self.folder.glob('*.journal')])
        self.assertEqual((0, {'lease': 'undone'}, ''), self.outcomes())

    def test_undoes_what_the_journal_says_and_then_nothing(self):
        self.leave_lease()
        code, rows, _ = self.run_command()
        self.assertEqual((0, [{
            'Run': RUN, 'Change': 'lease', 'Outcome': 'undone',
            'What': 'provider_id %s, trait %s' % (
                self.target.provider_id, TRAIT)}]), (code, rows))
        self.assertNotIn(TRAIT, self.cloud.traits[self.target.provider_id])
        changes = len(self.cloud.calls('PUT'))
        self.assertEqual((0, [], ''), self.run_command())
        self.assertEqual(changes, len(self.cloud.calls('PUT')))

    def test_a_stage_is_listed_and_undone_when_told(self):
        self.leave_journal(
            {'intent': 1, 'kind': 'lease', 'what': {
                'provider_id': self.target.provider_id, 'trait': TRAIT}},
            {'intent': 2, 'kind': 'stage', 'what': {
                'run_id': RUN, 'until': 4070908800}})
        code, outcomes, _ = self.outcomes()
        self.assertEqual(0, code)
        self.assertIn('it is a stage, meant to stay until 2099-01-01 00:00 '
                      'UTC', outcomes['journal'])
        self.assertIn(TRAIT, self.cloud.traits[self.target.provider_id])
        self.assertEqual((0, {'stage': 'undone', 'lease': 'undone'}, ''),
                         self.outcomes('--run', RUN))
        self.assertNotIn(TRAIT, self.cloud.traits[self.target.provider_id])

    def test_dry_run_changes_nothing(self):
        self.leave_lease()
        for _ in range(2):
            code, rows, _ = self.run_command('--dry-run')
            self.assertEqual((0, ['would be undone']), (
                code, [row['Outcome'] for row in rows]))
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))

    def test_dry_run_tells_what_cannot_be_undone(self):
        """As where a later plugin of the same version wrote the journal."""
        self.leave_journal(
            {'intent': 1, 'kind': 'trait', 'what': {'trait': TRAIT}},
            {'intent': 2, 'kind': 'router', 'what': {'name': 'r'}})
        code, rows, _ = self.run_command('--dry-run')
        self.assertEqual(
            (1, [("has an intent of unknown kind 'router'",
                  'cannot be undone'),
                 ('trait ' + TRAIT, 'would be undone')]),
            (code, [(row['What'], row['Outcome']) for row in rows]))

    def test_what_is_wrong_is_one_line(self):
        self.leave_journal().write_text('nonsense\n')
        code, rows, words = self.run_command()
        self.assertEqual((1, []), (code, rows))
        self.assertIn(
            'tempest local-delete recover: journal %s/%s.journal is corrupt '
            'in line 1, ' % (self.folder, RUN), words)
        self.assertEqual(1, words.count('\n'))

    def outcomes(self, *arguments):
        """Run it.

        :returns: (exit code, {kind: outcome}, its words on stderr).
        """
        code, rows, words = self.run_command(*arguments)
        return code, {row['Change']: row['Outcome'] for row in rows}, words

    def test_a_damaged_line_costs_that_line(self):
        """The rest is undone, and the cloud is searched on demand."""
        path = self.leave_journal('nonsense', {
            'intent': 1, 'kind': 'lease', 'what': {
                'provider_id': self.target.provider_id, 'trait': TRAIT}})
        text = path.read_text()
        code, outcomes, words = self.outcomes()
        self.assertEqual(
            (1, {'lease': 'undone', 'unusable': 'not undone: journal %s is '
                 'corrupt in line 2' % path}), (code, outcomes))
        self.assertIn('is corrupt in line 2', words)
        self.assertIn('recover --run %s; if that can never be undone: '
                      'tempest local-delete recover --dismiss %s' % (RUN, RUN),
                      words)
        self.assertEqual(text + '{"complete": 1}\n', path.read_text())
        self.cloud.custom_traits.add(TRAIT)
        code, rows, words = self.recover_without_a_journal(run_id=RUN)
        kept = path.with_suffix('.dismissed')
        self.assertEqual(
            (0, [('trait', 'undone'), ('journal', 'undone')], ''),
            (code, [(row['Change'], row['Outcome']) for row in rows], words))
        self.assertIn(str(kept), rows[-1]['What'])
        self.assertTrue(kept.exists())
        self.assertEqual((0, [], ''), self.run_command())

    def test_a_host_that_was_decommissioned(self):
        """Nobody can give it back, and each later run would fail for it."""
        path = self.leave_journal({
            'intent': 1, 'kind': 'compute', 'what': {
                'outage': 'forced-down', 'reason': None, 'target': {
                    'host': 'gone', 'provider_id': fake_cloud.uuid(1),
                    'provider_name': 'gone.test'},
                'before': {
                    'id': fake_cloud.uuid(2), 'host': 'gone', 'state': 'up',
                    'status': 'enabled', 'disabled_reason': None,
                    'forced_down': False, 'updated_at': None}}})
        code, _, words = self.run_command()
        self.assertEqual(1, code)
        self.assertIn('recover --dismiss ' + RUN, words)
        for arguments, outcome in (('--dry-run',), 'would be let go'), (
                (), 'let go'):
            self.assertEqual(
                (0, {'compute': outcome, 'journal': 'kept'}, ''),
                self.outcomes('--dismiss', RUN, *arguments))
        self.assertTrue(path.with_suffix('.dismissed').exists())
        self.assertEqual((0, [], ''), self.run_command())
        code, rows, words = self.run_command('--dismiss', RUN)
        self.assertEqual((1, None), (code, rows))
        self.assertIn('is not there', words)

    def test_another_spelling_of_the_address(self):
        self.of_journal['uri'] = 'http://127.0.0.1:5000/v3/'
        self.leave_lease()
        self.assertEqual((0, {'lease': 'undone'}, ''), self.outcomes())

    def test_what_is_passed_over_is_told(self):
        """A host may be out, and nobody else may know."""
        for changed, why in (
                ({'region': 'RegionTwo'}, 'it is of region RegionTwo, and '
                 'tempest.conf is of region RegionOne'),
                ({'ids': ['f' * 32], 'uri': 'https://other.test/v3'},
                 'it is of another cloud (https://other.test/v3)')):
            self.of_journal = dict(self.of_journal, **changed)
            self.leave_lease()
            self.assertEqual((1, {'journal': 'passed over: ' + why}, ''),
                             self.outcomes())
            code, rows, _ = self.recover_without_a_journal()
            self.assertEqual((0, []), (code, rows))
            self.assertTrue((self.folder / (RUN + '.journal')).exists())
            self.assertIn(TRAIT, self.cloud.traits[self.target.provider_id])

    def test_one_journal_stops_no_other(self):
        """Each of them may be all that tells of a host."""
        self.leave_lease()
        good = self.folder / (RUN + '.journal')
        text = good.read_text()
        bad = self.folder / ('0' * 12 + '.journal')
        for name, problem in (
                ('pathlib.Path.unlink', PermissionError(13, 'No right')),
                ('fcntl.flock', OSError(37, 'No locks')),
                ('os.stat', OSError(5, 'I/O error'))):
            for path in good, bad:
                path.touch(mode=0o600)
                path.write_text(text.replace(RUN, path.stem))
            self.cloud.traits[self.target.provider_id].add(TRAIT)
            self.useFixture(self.failing(name, problem, bad))
            code, rows, words = self.run_command()
            self.assertEqual(
                (1, 'undone'), (code, (rows or [{}])[-1].get('Outcome')),
                (name, rows, words))
            self.assertIn('%s cannot be' % bad, words)

    def failing(self, name, problem, path):
        """Let a function fail for one file."""
        real = pydoc.locate(name)

        def fail(file, *arguments, **options):
            if str(getattr(file, 'name', file)) in (str(path), path.name):
                raise problem
            return real(file, *arguments, **options)

        return fixtures.MonkeyPatch(name, fail)

    def test_a_run_that_lives_is_told_and_needs_nothing(self):
        alive = journal.Journal(RUN)
        alive.intend(leases.TraitChange('A'))
        self.assertEqual(
            (0, {'journal': 'passed over: its run lives, or another recover '
             'or verify is at work'}, ''), self.outcomes())

    def test_left_to_the_operator(self):
        """All that was the run's own is undone, so that is its end."""
        self.leave_lease()

        def leave(change, admin):
            raise exceptions.LeftToOperator(what='it', found='X did it')

        with fixtures.MockPatchObject(leases.LeaseChange, 'undo', leave):
            self.assertEqual(
                (3, {'lease': 'left to you: it is left to you, because X did '
                     'it'}, ''), self.outcomes())
        self.assertEqual((0, [], ''), self.run_command())

    def fence(self):
        self.cloud.traits[self.target.provider_id].discard(TRAIT)
        self.cloud.service_of('cmp1').update(
            status='disabled', forced_down=True,
            disabled_reason=run.Run(RUN).fence_reason)

    def test_a_fence_that_somebody_may_have_typed(self):
        self.fence()
        stdin = mock.Mock(**{'isatty.return_value': False})
        # Without a standard input, and with one that is no terminal.
        for nobody in None, stdin:
            self.useFixture(fixtures.MonkeyPatch('sys.stdin', nobody))
            code, rows, _ = self.recover_without_a_journal(run_id=RUN)
            self.assertEqual((1, ['not undone: neither trait, flavor nor '
                                  'project of the run is there, so somebody '
                                  'may have typed the fence; if nobody has, '
                                  'add --yes']), (
                                      code, [row['Outcome'] for row in rows]))
        stdin.isatty.return_value = True
        for answer, expected in (('', 1), ('n\n', 1), ('y\n', 0)):
            stdin.readline.return_value = answer
            code, _, words = self.recover_without_a_journal(run_id=RUN)
            self.assertEqual(expected, code)
            self.assertIn('Give it back? [y/N]', words)
        self.fence()
        stdin.readline.reset_mock()
        code, _, _ = self.recover_without_a_journal('--yes', run_id=RUN)
        self.assertEqual((0, []), (code, stdin.readline.mock_calls))
        self.assertEqual('enabled', self.cloud.service_of('cmp1')['status'])

    def recover_without_a_journal(self, *arguments, run_id='A' * 12):
        self.config('service_available', neutron=False, cinder=False)
        manager = self.cloud.admin().manager
        manager.projects_client = mock.Mock(**{
            'list_projects.return_value': {'projects': []}})
        manager.users_v3_client = mock.Mock(**{
            'list_users.return_value': {'users': []}})
        self.useFixture(fixtures.MockPatchObject(
            command_base, 'find_admin', lambda: dataclasses.replace(
                self.cloud.admin(), manager=manager)))
        return self.run_command('--run', run_id, *arguments)

    def test_what_nothing_proves_is_left_to_the_operator(self):
        self.config(scheduler_start_command='systemctl start sched',
                    allow_service_delete=True, target_hosts=['*', 'cmp9'])
        self.cloud.add_service('ctl1', 300)
        self.cloud.services[-1].update(binary='nova-scheduler',
                                       forced_down=True)
        self.cloud.add_service('ctl2', 301)
        self.cloud.services[-1]['binary'] = 'nova-scheduler'
        expected = [
            {'Run': 'A' * 12, 'Change': kind, 'What': words,
             'Outcome': 'left to you'} for kind, words in (
                ('scheduler', 'nova-scheduler on host ctl1 is down; unless '
                 'that is meant: systemctl start sched'),
                ('compute', 'host cmp9 of [local_delete] target_hosts has no '
                 'compute service; unless that is meant: restart '
                 'nova-compute there, so that it registers again'))]
        for arguments in ((), ('--dry-run',)):
            self.assertEqual((3, expected, ''),
                             self.recover_without_a_journal(*arguments))
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))

    def test_what_cannot_be_asked_for_is_told_beside_the_rest(self):
        """Otherwise nobody sees what was undone, or left to the operator."""
        self.config(scheduler_start_command='systemctl start sched')
        self.cloud.custom_traits.add(TRAIT)

        def answer(method, path):
            if 'nova-scheduler' in path:
                raise fake_cloud.Answer(503)

        self.cloud.before_answer = answer
        code, rows, words = self.recover_without_a_journal(run_id=RUN)
        self.assertEqual(1, code)
        self.assertIn(('trait', 'undone'), [
            (row['Change'], row['Outcome']) for row in rows or ()])
        self.assertIn('not undone: cannot be looked for', rows[-1]['Outcome'])
        self.assertIn('scheduler: cannot be looked for', words)

    def test_what_no_run_may_do_is_not_asked_for(self):
        self.config(target_hosts=['cmp9'])
        self.cloud.add_service('ctl1', 300)
        self.cloud.services[-1].update(binary='nova-scheduler',
                                       forced_down=True)
        self.assertEqual((0, [], ''), self.recover_without_a_journal())

    def test_run_id_that_is_none(self):
        stderr = self.useFixture(fixtures.StringStream('stderr')).stream
        with fixtures.MonkeyPatch('sys.stderr', stderr):
            self.assertRaises(SystemExit, self.run_command, '--run', 'x; y')
