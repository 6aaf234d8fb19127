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

import pathlib
import types
from unittest import mock

import fixtures
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import leases
from local_delete_tempest_plugin.recovery import stages
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit.upgrade import stage_case
from local_delete_tempest_plugin.upgrade import member
from local_delete_tempest_plugin.upgrade import verification

RUN = stage_case.RUN
ONE, TWO = fake_cloud.uuid(1), fake_cloud.uuid(2)
FAR = 4070908800


class VerificationTest(base.TestCase):
    """A stage on a cloud in memory, with its journal on this machine."""

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.config(allow_outages=True, target_hosts=['cmp1'],
                    journal_dir=str(self.folder))
        self.config('identity', uri_v3='https://keystone.test/v3')
        self.cloud = fake_cloud.FakeCloud()
        self.cloud.add_compute('cmp1', 11)
        self.cloud.add_compute('cmp2', 12)
        self.admin = self.cloud.admin()
        self.shown = {}
        for server in stage_case.stage().servers:
            self.shown[server.id] = dict(
                stage_case.SHOWN, id=server.id, name=server.name,
                tenant_id=stage_case.PROJECT)
            self.cloud.servers[server.id] = 'ACTIVE'
            self.cloud.hosts[server.id] = 'cmp1'
        self.cloud.hold(1, 11, VCPU=1)
        self.cloud.hold(2, 11, VCPU=1)
        self.admin.manager.servers_client.show_server = self.show

    def show(self, server_id):
        if server_id not in self.shown:
            raise lib_exc.NotFound()
        return {'server': self.shown[server_id]}

    def verification(self, *servers):
        logged_in = self.cloud.member()
        logged_in.credentials = types.SimpleNamespace(project_id='ours')
        return verification.Verification(
            self.admin, logged_in, stage_case.stage(*servers),
            lambda words: None)

    def assert_unusable(self, words):
        unusable = self.assertRaises(
            exceptions.StageUnusable, self.verification().find_servers)
        self.assertEqual(words, str(unusable))

    def test_a_server_of_somebody_else(self):
        """The guard would take it for the run's own."""
        for field, value in ('name', 'theirs'), ('tenant_id', 'theirs'):
            before = self.shown[ONE][field]
            self.shown[ONE][field] = value
            self.assert_unusable(
                'server %s (%s) is not of stage %s, and its file says so' % (
                    self.shown[ONE]['name'], ONE, RUN.id))
            self.shown[ONE][field] = before
        self.verification().find_servers()

    def test_a_stage_that_is_gone(self):
        self.shown.clear()
        self.assert_unusable('no server of stage %s is there: it was '
                             'verified, or recovered' % RUN.id)

    def refusals(self, *servers):
        verifies = self.verification(*servers)
        verifies.find_servers()
        refused = verifies.refusals()
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))
        self.assertEqual({verification.Outcome.NOT_TRIED},
                         {verdict.outcome for verdict in refused} or
                         {verification.Outcome.NOT_TRIED})
        return [verdict.words for verdict in refused]

    def test_no_refusal(self):
        self.assertEqual([], self.refusals())

    def test_a_host_that_got_a_server_of_somebody_else(self):
        self.cloud.hold(3, 11, VCPU=1)
        words, _ = self.refusals()
        self.assertIn('consumer %s, which is not of this run' %
                      fake_cloud.uuid(3), words)

    def test_a_host_that_is_no_target_any_more(self):
        self.config(target_hosts=['cmp2'])
        words, _ = self.refusals()
        self.assertIn('[not-a-target]', words)

    def test_a_command_that_is_not_set_any_more(self):
        both = (stage_case.server(1, outage='stopped'), stage_case.server(2))
        words, = self.refusals(*both)
        self.assertIn('[local_delete] compute_stop_command', words)
        self.config(compute_stop_command='true {host}',
                    compute_start_command='true {host}')
        self.assertEqual([], self.refusals(*both))

    def test_hosts_that_are_out(self):
        service = self.cloud.service_of('cmp1')
        staged = {kind: self.verification(stage_case.server(1, kind=kind))
                  for kind in ('plain', 'host-out')}

        def words(kind):
            return ''.join(staged[kind]._of_host(stage_case.TARGET))

        self.assertEqual('', words('plain'))
        self.assertIn('it was out, and now', words('host-out'))
        service.update(status='disabled', forced_down=True,
                       disabled_reason=RUN.fence_reason)
        self.assertIn('recover --run ' + RUN.id, words('plain'))
        self.assertEqual('', words('host-out'))

    def leave_journal(self):
        written = journal.Journal(RUN.id)
        written.intend(leases.TraitChange(RUN.trait))
        written.intend(stages.StageChange(RUN.id, FAR))
        written.let_go()

    def test_it_is_no_stage_before_a_host_is_taken_down(self):
        """If verify is killed, the next run gives the host back."""
        self.leave_journal()
        cloud = identity.Cloud.of(self.admin)
        self.assertEqual([], abandoned_runs.find_abandoned(cloud))
        verifies = self.verification()
        seen = []

        def kill(written):
            seen.extend(intent.change for intent in written.left())
            written.let_go()
            raise KeyboardInterrupt

        with fixtures.MockPatchObject(verifies, '_delete_all', kill):
            with verification.holding(cloud, RUN.id) as held:
                self.assertRaises(KeyboardInterrupt, list,
                                  verifies.end(held, cloud))
        self.assertEqual([leases.TraitChange(RUN.trait),
                          stages.StageChange(RUN.id, 0)], seen)
        self.assertEqual('meant to stay no longer', str(seen[-1]))
        left, = abandoned_runs.find_abandoned(cloud)
        self.addCleanup(left.close, recovered=False)
        self.assertEqual(seen, [intent.change for intent in left.intents])

    def test_two_processes_verify_it(self):
        self.leave_journal()
        cloud = identity.Cloud.of(self.admin)
        for _ in range(2):
            with verification.holding(cloud, RUN.id):
                second = verification.holding(cloud, RUN.id)
                self.assertRaises(exceptions.JournalUnusable,
                                  second.__enter__)
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))

    def delete_all(self, delete):
        """Delete the servers in a way that the test makes up.

        :returns: [(outcome, words)].
        """
        verifies = self.verification()
        verifies.find_servers()
        with fixtures.MockPatchObject(verifies, '_delete', delete):
            return [(verdict.outcome, verdict.words) for verdict
                    in verifies._delete_all(journal.Journal(RUN.id))]

    def test_what_is_left_is_told_in_short(self):
        """And it is removed, so that the next server is judged alone."""
        self.config(cleanup_timeout=1)

        def delete(server, testbed, written, left):
            if server.id == ONE:
                del self.cloud.servers[ONE]
                left.when = 'while its host was out'
                left.requests = ['req-1 (accepted)']
                for what in ('1 VCPU', '128 MEMORY_MB'):
                    left.note_left(what, 'cmp1', 'server ' + ONE)
                raise exceptions.LeakFound('a long message')

        self.assertEqual(
            [(verification.Outcome.BAD, 'while its host was out: 1 VCPU, 128 '
              'MEMORY_MB left on cmp1 by server %s; deleted by request req-1 '
              '(accepted)' % ONE),
             (verification.Outcome.GOOD, 'nothing is left')],
            self.delete_all(delete))
        self.assertEqual({TWO}, self.cloud.allocations.keys())

    def test_a_failed_delete_hides_no_other(self):
        """What its server holds stays, because the server may live."""
        def delete(server, *_):
            if server.id == ONE:
                raise exceptions.ServerNotGone('it is\nthere')

        self.assertEqual(
            [(verification.Outcome.BAD, 'it is there'),
             (verification.Outcome.GOOD, 'nothing is left')],
            self.delete_all(delete))
        self.assertEqual({ONE, TWO}, self.cloud.allocations.keys())


class MemberTest(base.TestCase):

    def log_in(self, name, project='tempest-%s-2' % RUN.name):
        self.users = mock.Mock(**{'show_user.return_value': {
            'user': {'name': name}}})
        projects = mock.Mock(**{'show_project.return_value': {
            'project': {'name': project}}})
        manager = types.SimpleNamespace(users_v3_client=self.users,
                                        projects_client=projects)
        return member.log_in(types.SimpleNamespace(manager=manager),
                             stage_case.stage())

    def test_no_user_of_somebody_else_gets_a_password(self):
        for names, words in (
                (['root'], 'user root (member)'),
                (['tempest-%s-1' % RUN.name, 'theirs'],
                 'project theirs (ours)')):
            unusable = self.assertRaises(
                exceptions.StageUnusable, self.log_in, *names)
            self.assertEqual('%s is not of stage %s' % (words, RUN.id),
                             str(unusable))
            self.users.update_user.assert_not_called()

    def test_a_token_is_awaited_that_is_newer_than_the_password(self):
        """Keystone revokes those of the same second."""
        logged_in = mock.Mock()
        logged_in.servers_client.list_servers.side_effect = [
            lib_exc.Unauthorized(), lib_exc.Unauthorized(), {}]
        self.useFixture(fixtures.MockPatch(
            'tempest.clients.Manager', return_value=logged_in))
        self.assertIs(logged_in, self.log_in('tempest-%s-1' % RUN.name))
        self.assertEqual(3, logged_in.auth_provider.clear_auth.call_count)
        self.users.update_user.assert_called_once_with(
            'member', password=mock.ANY)
