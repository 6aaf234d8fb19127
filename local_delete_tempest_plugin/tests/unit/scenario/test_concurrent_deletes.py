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

import itertools
import types
from unittest import mock

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import servers as recovery_servers
from local_delete_tempest_plugin.scenario.steps import concurrent_deletes
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit.scenario import test_servers


class ManyServersTest(base.TestCase):

    def test_filter_that_is_not_heeded(self):
        """What the run takes for its own is no reason to refuse an outage."""
        listed = [{'name': name} for name in (
            'local-delete-1', 'local-delete-1-2', 'customer', '',
            'local-delete-1-b', 'a-local-delete-1', 'local-delete-12')]
        self.assertEqual(listed[:2], recovery_servers.of_request(
            'local-delete-1', listed))
        story = mock.Mock(unsafe=True)
        story.admin.servers.side_effect = lambda **_: [
            dict(server, id=server['name'], status='ACTIVE', created='now',
                 **{'OS-EXT-SRV-ATTR:host': 'cmp1'}) for server in listed]
        story.testbed.run.servers = set()
        concurrent_deletes.ConcurrentDeletes._await_all_active(
            story, 'local-delete-1', 2)
        self.assertEqual({'local-delete-1', 'local-delete-1-2'},
                         story.testbed.run.servers)


class FlippingTest(base.TestCase):
    """Deletes of which each meets a flag that moves."""

    # The flag moves in a thread.
    instant_waits = False

    def setUp(self):
        super().setUp()
        # A mock makes an attribute when it is first used, here in a thread.
        self.story, self.away = mock.Mock(), mock.Mock(flip=mock.Mock())

    def delete(self, servers, flips):
        concurrent_deletes.ConcurrentDeletes.delete_between_flips(
            self.story, servers, flips)

    def flipping(self):
        return concurrent_deletes.ConcurrentDeletes.flipping(
            self.story, self.away)

    def test_a_whole_flip_for_each_delete(self):
        sent = []
        self.story.servers.request_delete = lambda server: sent.append(
            self.away.flip.call_count)
        with self.flipping() as flips:
            self.delete(range(3), flips)
        sent.append(self.away.flip.call_count)
        for before, after in itertools.pairwise(sent):
            self.assertGreaterEqual(after - before, 2)
        # It was down, and is so again.
        self.away.flip.assert_called_with(True)

    def test_a_flag_that_does_not_move(self):
        self.useFixture(base.InstantWaits())
        error = self.assertRaises(exceptions.TimedOut, self.delete,
                                  ['server'], lambda: 3)
        self.assertIn('the flag has been lifted and set again since the '
                      'delete of server was sent; last seen: 3', str(error))

    def test_a_flip_that_fails_is_told(self):
        self.away.flip.side_effect = ValueError('refused')

        def story():
            with self.flipping() as flips:
                self.delete(['server'], flips)

        self.assertEqual('refused', str(self.assertRaises(ValueError, story)))


class AwaitDeletedTest(test_servers.Deletes):
    """How several deletes are carried through."""

    def story_of(self, member):
        """Make a story without a cloud.

        :param member: A ``test_servers.Member``.
        """
        story = object.__new__(concurrent_deletes.ConcurrentDeletes)
        story.servers = self.servers_of(member)
        story.member = types.SimpleNamespace(servers_client=member)
        story.watch = types.SimpleNamespace(delete_requests=[])
        story.addDetailUniqueName = mock.Mock()
        return story

    def test_some_kept_and_some_gone(self):
        self.config(reclaims=True)
        member = test_servers.Member(None, one='SOFT_DELETED', two=None)
        self.story_of(member).await_all_deleted(self.named('one', 'two'))
        self.assertEqual(['force one'], member.asked)
        member = test_servers.Member(
            None, one='SOFT_DELETED', two='soft-deleting')
        story = self.story_of(member)
        failure, words = self.failure_of(
            story.await_all_deleted, self.named('one', 'two'))
        self.assertIs(exceptions.ServerNotGone, failure)
        self.assertIn('two', words)
        self.assertEqual([], member.asked)

    def test_a_delete_that_is_not_accepted(self):
        member = mock.Mock()
        member.delete_server.side_effect = lib_exc.Conflict()
        story = self.story_of(member)
        failure, words = self.failure_of(
            story.assert_accepted, story.delete_at_once(self.named('one')), 1)
        self.assertIs(exceptions.DeleteNotAccepted, failure)
        self.assertIn('one', words)
