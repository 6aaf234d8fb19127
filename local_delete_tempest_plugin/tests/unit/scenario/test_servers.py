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

import types
from unittest import mock

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import servers
from local_delete_tempest_plugin.tests.unit import base


class Member:
    """Nova's answers to a member, in the place of its client.

    :ivar states: {server id: its status, or its task where it has one}.
    """

    def __init__(self, deleted_to, **states):
        self.deleted_to = deleted_to
        self.states = states
        self.asked = []

    def show_server(self, server_id):
        state = self.states[server_id]
        if state is None:
            raise lib_exc.NotFound()
        task = state if state.islower() else None
        return {'server': {'status': 'ACTIVE' if task else state,
                           'OS-EXT-STS:task_state': task}}

    def delete_server(self, server_id):
        return self._answer('delete', server_id, self.deleted_to)

    def force_delete_server(self, server_id):
        return self._answer('force', server_id, None)

    def _answer(self, what, server_id, state):
        self.asked.append('%s %s' % (what, server_id))
        self.states[server_id] = state
        return types.SimpleNamespace(response={
            'x-openstack-request-id': self.asked[-1]})


class Deletes(base.TestCase):
    """Servers of a member whose answers the test makes up."""

    def setUp(self):
        super().setUp()
        self.config(delete_timeout=1)

    def servers_of(self, member):
        """Make the servers of a member, without a cloud.

        :param member: A ``Member``.
        """
        return servers.MemberServers(
            member, admin=None, testbed=None, leased=None,
            watch=types.SimpleNamespace(delete_requests=[]),
            add_cleanup=self.addCleanup)

    def named(self, *names):
        return [footprint.Server(name, name, 'cmp1', '') for name in names]

    def failure_of(self, step, *arguments):
        """Return the type and the words of what a step fails with."""
        failure = self.assertRaises(self.failureException, step, *arguments)
        return type(failure), str(failure)


class DeletesTest(Deletes):
    """How a delete is carried through, by what the cloud does with it."""

    def delete_through_compute(self, member):
        server, = self.named('one')
        made = self.servers_of(member)
        return made.await_deleted_by_compute(
            server, made.request_delete(server))

    def test_kept_by_the_compute_and_then_forced(self):
        self.config(reclaims=True)
        member = Member('SOFT_DELETED', one='ACTIVE')
        self.assertEqual('force one', self.delete_through_compute(member))
        self.assertEqual(['delete one', 'force one'], member.asked)

    def test_gone_without_more_ado(self):
        self.assertEqual('delete one', self.delete_through_compute(
            Member(None, one='ACTIVE')))

    def test_neither_of_the_two_clouds_does_what_the_other_owes(self):
        for reclaims, state, owed in (
                (True, None, exceptions.NotSoftDeleted),
                (True, 'soft-deleting', exceptions.NotSoftDeleted),
                (False, 'SOFT_DELETED', exceptions.ServerNotGone)):
            self.config(reclaims=reclaims)
            failure, words = self.failure_of(self.delete_through_compute,
                                             Member(state, one='ACTIVE'))
            self.assertIs(owed, failure)
            self.assertIn('delete one', words)

    def test_a_delete_that_is_not_accepted(self):
        member, (server,) = mock.Mock(), self.named('one')
        member.delete_server.side_effect = lib_exc.Conflict()
        failure, words = self.failure_of(
            self.servers_of(member).request_delete, server)
        self.assertIs(exceptions.DeleteNotAccepted, failure)
        self.assertIn('one', words)

    def test_a_forced_delete(self):
        for force, asked in ((False, 'delete one'), (True, 'force one')):
            member = Member(None, one='ACTIVE')
            server, = self.named('one')
            self.servers_of(member).try_delete(server, force)
            self.assertEqual([asked], member.asked)
