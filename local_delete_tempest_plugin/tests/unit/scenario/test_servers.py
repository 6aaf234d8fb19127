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
from local_delete_tempest_plugin.recovery import servers as recovery_servers
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


class CreatesTest(base.TestCase):
    """How a server is asked for, and where it has to come to."""

    def setUp(self):
        super().setUp()
        self.config('compute', image_ref='image', build_timeout=1)
        self.client, self.admin = mock.Mock(), mock.Mock()
        self.testbed, self.leased, self.watch = (
            mock.Mock(flavor_id='flavor', networks='none'), mock.Mock(),
            mock.Mock())
        self.testbed.name.return_value = 'its name'
        self.testbed.run.servers = set()
        self.leased.targets = [types.SimpleNamespace(host='cmp1')]
        self.client.create_server.side_effect = self.create
        self.made = servers.MemberServers(
            self.client, self.admin, self.testbed, self.leased, self.watch,
            self.addCleanup)
        self.shown = {'id': 'its id', 'name': 'its name', 'created': 'now',
                      'status': 'ACTIVE', 'OS-EXT-STS:task_state': None,
                      'OS-EXT-SRV-ATTR:host': 'cmp1'}
        self.admin.servers_client.show_server.side_effect = (
            lambda server_id: {'server': self.shown})
        self.admin.servers.return_value = []

    def create(self, **fields):
        self.testbed.intents.write.assert_called_once()
        self.leased.renew.assert_called_once_with()
        return {'server': {'id': 'its id'}}

    def test_written_down_and_watched(self):
        server = self.made.request()
        self.testbed.intents.write.assert_called_once_with(
            self.addCleanup, recovery_servers.ServerChange('its name'))
        self.client.create_server.assert_called_once_with(
            name='its name', imageRef='image', flavorRef='flavor',
            networks='none')
        self.assertEqual({'its id'}, self.testbed.run.servers)
        self.watch.add.assert_called_once_with(server)
        self.assertIsNone(server.host)

    def test_own_settings_and_client(self):
        client = mock.Mock()
        client.create_server.side_effect = self.create
        self.made.request(client, imageRef=None, flavorRef='large')
        self.client.create_server.assert_not_called()
        client.create_server.assert_called_once_with(
            name='its name', flavorRef='large', networks='none')

    def test_several_in_one_request(self):
        self.assertEqual('its name', self.made.request_many(7))
        self.testbed.intents.write.assert_called_once_with(
            self.addCleanup, recovery_servers.ServerChange('its name'))
        self.assertEqual(
            7, self.client.create_server.call_args.kwargs['min_count'])

    def await_active(self):
        return self.made.await_active(self.made.request())

    def test_active_on_a_leased_host(self):
        server = self.await_active()
        self.assertEqual('cmp1', server.host)
        self.watch.add.assert_called_with(server)

    def test_not_shown_while_it_is_listed_in_build(self):
        """To show a server costs the cloud twice what a list costs."""
        listed = [{'id': 'its id'}]
        self.admin.servers.side_effect = [listed, listed, [], listed]
        server = self.made.request()
        self.admin.servers_client.show_server.reset_mock()
        self.assertEqual('cmp1', self.made.await_active(server).host)
        self.admin.servers.assert_called_with(
            all_tenants=True, uuid='its id', status='BUILD')
        self.admin.servers_client.show_server.assert_called_once_with(
            'its id')

    def test_another_host(self):
        self.shown['OS-EXT-SRV-ATTR:host'] = 'cmp2'
        failure = self.assertRaises(self.failureException, self.await_active)
        self.assertIn('on host cmp2 should be on a leased host: cmp1',
                      str(failure))

    def test_error(self):
        self.shown.update(status='ERROR', fault={'message': 'No valid host'})
        self.admin.services.zones.return_value = {'cmp1': 'far', 'cmp2': 'x'}
        for zone, words in (
                (None, 'its availability zone is default_schedule_zone of '
                 'nova.conf, because [local_delete] availability_zone is not '
                 'set, and the hosts are: cmp1 in far'),
                ('near', 'its availability zone is near, and the hosts are: '
                 'cmp1 in far')):
            self.config(availability_zone=zone)
            self.testbed.intents.write.reset_mock()
            self.leased.renew.reset_mock()
            failure = self.assertRaises(
                self.failureException, self.await_active)
            self.assertIn('became ERROR instead of ACTIVE: No valid host (%s)'
                          % words, str(failure))

    def test_zone_of_the_operator(self):
        self.config(availability_zone='far')
        self.made.request()
        self.assertEqual('far', self.client.create_server.call_args.kwargs[
            'availability_zone'])

    def test_active_with_a_task_is_still_moving(self):
        self.shown['OS-EXT-STS:task_state'] = 'resize_prep'
        self.assertRaises(exceptions.TimedOut, self.await_active)


class WhoDeletedTest(base.TestCase):
    """Whether the API deleted a server alone, or its compute did."""

    def setUp(self):
        super().setUp()
        self.config(action_timeout=1)
        self.admin = mock.Mock()
        self.server = footprint.Server('its id', 'its name', 'cmp1', 'now')
        self.made = servers.MemberServers(
            None, self.admin, None, None, None, self.addCleanup)
        self.deleted(by_compute=False)
        self.admin.services.show.return_value.state = 'down'

    def deleted(self, by_compute, request_id='req'):
        self.admin.servers_client.list_instance_actions.return_value = {
            'instanceActions': [
                {'action': 'create', 'request_id': 'another'},
                {'action': 'delete', 'request_id': request_id}]}
        self.admin.servers_client.show_instance_action.return_value = {
            'instanceAction': {'events': [
                {'event': servers.COMPUTE_DELETE_EVENT,
                 'result': 'Success'}] if by_compute else []}}

    def failure_of(self, step):
        return str(self.assertRaises(self.failureException, step,
                                     self.server, 'req'))

    def test_locally(self):
        self.made.assert_deleted_locally(self.server, 'req')
        self.assertIn('was a local delete', self.failure_of(
            self.made.assert_deleted_by_compute))

    def test_by_its_compute(self):
        self.deleted(by_compute=True)
        self.made.assert_deleted_by_compute(self.server, 'req')
        self.assertIn('its compute took part', self.failure_of(
            self.made.assert_deleted_locally))

    def test_its_compute_was_up_all_the_time(self):
        self.admin.services.show.return_value.state = 'up'
        self.assertIn('its compute should be down', self.failure_of(
            self.made.assert_deleted_locally))

    def test_a_server_without_host_needs_no_outage(self):
        self.admin.services.show.return_value.state = 'up'
        server = footprint.Server('its id', 'its name', None, 'now')
        self.made.assert_deleted_locally(server, 'req')

    def test_another_delete_proves_nothing(self):
        self.deleted(by_compute=False, request_id='another')
        self.assertIn('the delete req of', self.failure_of(
            self.made.assert_deleted_locally))

    def test_a_refused_delete(self):
        member = mock.MagicMock()
        self.made._client = member
        member.delete_server.side_effect = lib_exc.Conflict()
        self.made.assert_delete_refused(self.server)
        member.show_server.side_effect = lib_exc.NotFound()
        failure = self.assertRaises(
            self.failureException, self.made.assert_delete_refused,
            self.server)
        self.assertIn('yet it is gone', str(failure))
        member.delete_server.side_effect = None
        member.delete_server.return_value.response.status = 204
        failure = self.assertRaises(
            self.failureException, self.made.assert_delete_refused,
            self.server)
        self.assertIn('answered 204, and should have been refused',
                      str(failure))
