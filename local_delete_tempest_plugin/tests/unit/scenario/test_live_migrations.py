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

"""Live migrations, which may end before a story can act."""

import contextlib
from unittest import mock

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import live_migrations
from local_delete_tempest_plugin.scenario.steps import moves
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

SERVER = footprint.Server('s', 'ours', 'cmp1', 'now')
SOURCE, DESTINATION = (
    compute_services.TargetHost(host, provider, host)
    for host, provider in (('cmp1', 'p1'), ('cmp2', 'p2')))
MOVE = moves.Move(SERVER, SOURCE, DESTINATION, 'm', 'req-1')


class LiveMigrationsTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.story = live_migrations.LiveMigrations('live_migrate')
        for name in ('admin', 'servers', 'watch', 'create_server',
                     'delete_server_through_compute'):
            setattr(self.story, name, mock.Mock())
        self.story._note_move = mock.Mock(return_value=MOVE)
        self.story.servers.await_active.return_value = footprint.Server(
            's', 'ours', 'cmp2', 'now')
        self.killed = []
        self.story.compute_killed = self.kill
        self.client = (self.story.admin.manager.local_delete_compute
                       .MigrationsClient.return_value)

    @contextlib.contextmanager
    def kill(self, target):
        self.killed.append(target.host)
        yield 'the outage'

    def statuses(self, *statuses):
        """Say what each look at the migration sees."""
        self.story.admin.migrations.side_effect = [
            [{'id': 7, 'uuid': 'other', 'status': 'failed'},
             {'id': 8, 'uuid': 'm', 'status': status}] for status in statuses]

    def caught(self, side):
        with self.story.killed_while_copying(side, key='k') as caught:
            return caught

    def test_caught(self):
        for side, host in (('source', 'cmp1'), ('destination', 'cmp2')):
            self.statuses('accepted', 'preparing', 'running', 'running')
            self.assertEqual((MOVE, 'the outage'), self.caught(side))
            self.assertEqual(host, self.killed.pop())
        self.story.create_server.assert_called_with(key='k')
        self.story.delete_server_through_compute.assert_not_called()

    def test_told_again_if_it_has_ended_too_early(self):
        self.statuses('completed', 'completed',
                      'running', 'completed', 'completed',
                      'running', 'running')
        self.assertEqual((MOVE, 'the outage'), self.caught('source'))
        self.assertEqual(['cmp1', 'cmp1'], self.killed)
        self.assertEqual(
            2, self.story.delete_server_through_compute.call_count)

    def test_it_ends_too_early_each_time(self):
        self.statuses(*['running', 'completed', 'completed'] * 5)
        self.assertEqual(
            '5 times a live migration had ended before the compute of its '
            'source was dead', self.skip_reason(self.caught, 'source'))

    def test_it_fails(self):
        self.statuses('accepted', 'error')
        failure = self.assertRaises(self.failureException, self.caught,
                                    'source')
        self.assertIn('error', str(failure))
        self.assertIn(str(MOVE), str(failure))
        self.assertEqual([], self.killed)

    def test_aborted(self):
        self.statuses('running', 'running', 'running', 'cancelled')
        self.story.abort_live_migration(SERVER)
        self.client.abort_live_migration.assert_called_once_with('s', 8)

    def test_it_ends_before_it_is_aborted(self):
        self.statuses('completed', 'completed')
        self.client.abort_live_migration.side_effect = lib_exc.BadRequest()
        reason = self.skip_reason(self.story.abort_live_migration, SERVER)
        self.assertIn('had ended before it was aborted', reason)
        self.assertIn(str(MOVE), reason)

    def test_copying_is_brought_to_its_end(self):
        self.statuses('running', 'running', 'running', 'completed')
        self.assertEqual('cmp2', self.story.live_migrate(SERVER).host)
        self.client.force_complete_live_migration.assert_called_once_with(
            's', 8)

    def test_copying_ends_just_before(self):
        self.client.force_complete_live_migration.side_effect = (
            lib_exc.BadRequest())
        self.statuses('running', 'running', 'completed')
        self.assertEqual('cmp2', self.story.live_migrate(SERVER).host)


class BindingsTest(base.TestCase):

    def test_bound_to_one_host_or_both(self):
        self.config(cleanup_timeout=1)
        self.use_microversions()
        cloud = fake_cloud.FakeCloud()
        story = live_migrations.LiveMigrations('assert_bound_only_to')
        story.admin = cloud.admin()
        port = 'port', fake_cloud.uuid(32)
        bindings = cloud.port_bindings[port[1]] = [
            {'host': 'cmp1', 'status': 'ACTIVE'}]
        story.assert_bound_only_to(SERVER, port)
        bindings.append({'host': 'cmp2', 'status': 'INACTIVE'})
        failure = self.assertRaises(
            AssertionError, story.assert_bound_only_to, SERVER, port)
        self.assertIn("('cmp2', 'INACTIVE')", str(failure))
        self.assertIn(str(SERVER), str(failure))


class LostMoveTest(base.TestCase):
    """The conductor is killed before it gives a move up, or after that."""

    def setUp(self):
        super().setUp()
        self.story = live_migrations.LiveMigrations('lose_move')
        for name in ('admin', 'watch'):
            setattr(self.story, name, mock.Mock())
        self.away = []
        for name in ('scheduler_stopped', 'conductor_stopped'):
            setattr(self.story, name, lambda name=name: self.take(name))
        self.held = [{}, {'p1': {}}]
        self.story.admin.placement.list_allocations = lambda consumer: {
            'allocations': self.held.pop(0)}

    @contextlib.contextmanager
    def take(self, name):
        if name == 'conductor_stopped':
            self.assertEqual([], self.held, 'the migration holds nothing yet')
        self.away.append(name)
        yield
        self.away.remove(name)

    def lose(self, status):
        self.story.admin.migrations.return_value = [
            {'uuid': 'm', 'status': status}]
        self.story.lose_move(SERVER, lambda server: MOVE)

    def test_lost(self):
        for status in ('accepted', 'pre-migrating'):
            self.held = [{}, {'p1': {}}]
            self.assertEqual('no skip', self.skip_reason(self.lose, status))
            self.assertEqual([], self.away)

    def test_given_up_before(self):
        reason = self.skip_reason(self.lose, 'error')
        self.assertIn('rpc_response_timeout', reason)
        self.assertIn(str(MOVE), reason)
