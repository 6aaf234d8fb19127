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


"""Moves, of which a cloud refuses some."""

import types
from unittest import mock

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import moves
from local_delete_tempest_plugin.tests.unit import base


class RefusedMoveTest(base.TestCase):
    """A move that Nova refuses as if the host were down."""

    def setUp(self):
        super().setUp()
        self.story = moves.Moves.__new__(moves.Moves)
        self.story.member = mock.Mock()
        self.story.testbed = mock.Mock()
        self.story.admin = mock.Mock()
        self.story.addDetail = mock.Mock()
        self.story._note_move = mock.Mock(return_value='the move')
        self.story._check_leaves = lambda move: move
        self.answers = self.story.member.servers_client.resize_server
        self.states('up')

    def states(self, *states):
        self.story.admin.services.show.side_effect = [
            mock.Mock(state=state) for state in states * 2]

    def request(self):
        return self.story.request_resize(
            types.SimpleNamespace(id='s', host='cmp1'))

    @staticmethod
    def refusal(message='Service is unavailable at this time.'):
        return lib_exc.Conflict({'conflictingRequest': {'message': message}})

    def test_accepted_when_asked_again(self):
        self.answers.side_effect = [self.refusal(), 'answer']
        self.assertEqual('the move', self.request())

    def test_a_known_defect_skips(self):
        self.config(known_bugs=['deleted-service-refuses-moves'])
        self.answers.side_effect = [self.refusal(), self.refusal()]
        self.assertIn('archive_deleted_rows', self.skip_reason(self.request))
        (name, detail), = [
            call.args for call in self.story.addDetail.call_args_list]
        self.assertEqual(('known-defect', 'deleted-service-refuses-moves'),
                         (name, detail.as_text()))

    def test_one_that_is_not_known_fails(self):
        self.config(known_bugs=[])
        self.answers.side_effect = [self.refusal(), self.refusal()]
        failure = self.assertRaises(self.failureException, self.request)
        self.assertIn('host cmp1 is up', str(failure))
        self.assertIn('Service is unavailable', str(failure))

    def test_a_host_that_is_down_or_another_refusal(self):
        for state, refusal in (('down', self.refusal()),
                               ('up', self.refusal('Locked'))):
            self.states(state)
            self.answers.side_effect = [refusal]
            self.assertIs(refusal, self.assertRaises(
                lib_exc.Conflict, self.request))


class NoteMoveTest(base.TestCase):
    """What belongs to a move is the run's own, and nothing of others is."""

    def setUp(self):
        super().setUp()
        self.story = moves.Moves.__new__(moves.Moves)
        self.story.admin = mock.Mock()
        self.story.testbed = types.SimpleNamespace(run=run.Run())
        self.story.watch = mock.Mock(consumers=set())
        self.story.intend = mock.Mock()
        self.source, self.destination = mock.Mock(), mock.Mock()
        self.story.hosts = mock.Mock(
            targets=(self.source, self.destination),
            target_of=lambda server: self.source)

    def note(self):
        return self.story._note_move(
            types.SimpleNamespace(id='s', name='ours', host='cmp1'),
            mock.Mock(response={'x-openstack-request-id': 'req-1'}))

    def test_filter_that_is_not_heeded(self):
        self.story.admin.migrations.side_effect = lambda **_: iter([
            {'uuid': 'theirs', 'instance_uuid': 'x'},
            {'uuid': 'none', 'instance_uuid': None},
            {'uuid': 'ours', 'instance_uuid': 's'}])
        self.assertEqual('ours', self.note().migration)
        self.assertEqual({'ours'}, self.story.testbed.run.migrations)


class OwnHostTest(base.TestCase):
    """allow_resize_to_same_host lets the scheduler choose the source."""

    def setUp(self):
        super().setUp()
        self.story = moves.Moves('request_resize')
        self.story.admin = mock.Mock()
        self.story.member = mock.Mock()
        self.story.testbed = mock.Mock()
        self.source, self.destination = (
            compute_services.TargetHost(host, provider, host)
            for host, provider in (('cmp1', 'p1'), ('cmp2', 'p2')))
        server = footprint.Server('s', 'ours', 'cmp1', 'now')
        self.story._note_move = mock.Mock(return_value=moves.Move(
            server, self.source, self.destination, 'm', 'req-1'))
        self.server = server
        # Before the claim, in its middle, and after it.
        self.held = [{'m': (), 's': ('p1',)}, {'m': ('p1',), 's': ()}]
        self.story.admin.placement.list_allocations.side_effect = self.read

    def read(self, consumer):
        held = self.held[0][consumer]
        if consumer == 's' and len(self.held) > 1:
            self.held.pop(0)
        return {'allocations': dict.fromkeys(held)}

    def test_other_host(self):
        self.held.append({'m': ('p1',), 's': ('p2', 'nested')})
        for request in (self.story.request_resize,
                        self.story.request_migration):
            self.assertEqual(self.destination,
                             request(self.server).destination)

    def test_own_host(self):
        self.held.append({'m': ('p1',), 's': ('p1',)})
        for request in (self.story.request_resize,
                        self.story.request_migration):
            reason = self.skip_reason(request, self.server)
            self.assertIn('allow_resize_to_same_host', reason)
            self.assertIn('server ours (s) on host cmp1', reason)

    def test_no_host(self):
        failure = self.assertRaises(
            exceptions.TimedOut, self.story.request_resize, self.server)
        self.assertIn('the scheduler has chosen a host', str(failure))
