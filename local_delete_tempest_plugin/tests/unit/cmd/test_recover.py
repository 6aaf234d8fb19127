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
import types
from unittest import mock

import fixtures
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cmd import base as command_base
from local_delete_tempest_plugin.cmd import recover
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

    def leave_journal(self, *lines):
        path = self.folder / (RUN + '.journal')
        path.touch(mode=0o600)
        path.write_text(''.join(json.dumps(line) + '\n' for line in (
            {'version': 2, 'run': RUN, 'cloud': CLOUD}, *lines)))

    def leave_lease(self):
        self.leave_journal({
            'intent': 1, 'kind': 'lease',
            'what': {'provider_id': self.target.provider_id,
                     'trait': TRAIT}})

    def run_command(self, *arguments):
        """Run it as cliff does.

        :returns: (exit code, what it printed as JSON, its words on stderr).
        """
        app = types.SimpleNamespace(
            stdout=io.StringIO(), stderr=io.StringIO(),
            options=types.SimpleNamespace(debug=self.debug))
        command = recover.Recover(app, None)
        command.cmd_name = 'local-delete recover'
        parser = command.get_parser('recover')
        code = command.run(parser.parse_args(['-f', 'json', *arguments]))
        printed = app.stdout.getvalue()
        return (code, json.loads(printed) if printed else None,
                app.stderr.getvalue())

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
        _, rows, _ = self.run_command('--dry-run')
        self.assertEqual(
            [("has an intent of unknown kind 'router'", 'cannot be undone'),
             ('trait ' + TRAIT, 'would be undone')],
            [(row['What'], row['Outcome']) for row in rows])

    def test_what_is_wrong_is_one_line(self):
        self.leave_journal('nonsense')
        code, rows, words = self.run_command()
        self.assertEqual((1, None), (code, rows))
        self.assertEqual(
            'tempest local-delete recover: journal %s/%s.journal is corrupt '
            'in line 2\n' % (self.folder, RUN), words)
        self.debug = True
        self.assertRaises(lib_exc.TempestException, self.run_command)

    def recover_without_a_journal(self, *arguments):
        self.config('service_available', neutron=False, cinder=False)
        manager = self.cloud.admin().manager
        manager.projects_client = mock.Mock(**{
            'list_projects.return_value': {'projects': []}})
        manager.users_v3_client = mock.Mock(**{
            'list_users.return_value': {'users': []}})
        self.useFixture(fixtures.MockPatchObject(
            command_base, 'find_admin', lambda: dataclasses.replace(
                self.cloud.admin(), manager=manager)))
        return self.run_command('--run', 'A' * 12, *arguments)

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
            self.assertEqual((0, expected, ''),
                             self.recover_without_a_journal(*arguments))
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))

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
