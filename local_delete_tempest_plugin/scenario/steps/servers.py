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

"""The steps of every scenario: a member's servers, made and deleted."""

import dataclasses

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import footprint

CONF = config.CONF

# What nova-compute records in the action once the delete has reached it.
COMPUTE_DELETE_EVENT = 'compute_terminate_instance'

#: As ``state_of`` has it.
SOFT_DELETED = 'status SOFT_DELETED, task state None'


class BaseLocalDeleteTest(footprint.WatchingTest):
    """A member's server, an admin's outage, and the cloud as the judge."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        each_outage.expand(cls)

    def setUp(self):
        super().setUp()
        missing = needs.missing(getattr(self, self._testMethodName))
        if missing:
            self.skipTest(missing)

    # -- servers

    def create_server(self, **settings):
        """Create a server on a leased host, as the member.

        :param settings: Fields of ``POST /servers`` beside the usual ones.
        :returns: A ``Server`` that is ACTIVE and holds allocations.
        """
        server = self.await_active(self.request_server(**settings))
        held = self.read_during().by_consumer[server.id]
        self.assertTrue(
            held.get(self.target_of(server).provider_id),
            '%s is ACTIVE and holds nothing of its host in Placement; it '
            'holds %s' % (server, held))
        return server

    def request_server(self, **settings):
        """Ask for a server on the leased hosts, as the member.

        :param settings: Fields of ``POST /servers`` beside the usual ones;
            one that is None is left out.
        :returns: A ``Server`` that may not be on a host yet.
        """
        name = self._name()
        self._intend_here('server', name=name)
        server_id = self._create(name, **settings)
        self.this_run.servers.add(server_id)
        return self._watch_requested(self._show_server(server_id))

    def _create(self, name, **settings):
        for target in self.leased:
            # An audit of the compute may have taken the trait off: see
            # safety/lease.py.
            self.lease.take(target.provider_id)
        settings = dict({'imageRef': CONF.compute.image_ref,
                         'flavorRef': self.flavor_id,
                         'networks': self.networks}, **settings)
        return self._creating_client().create_server(
            name=name, **{field: value for field, value in settings.items()
                          if value is not None})['server']['id']

    def _watch_requested(self, shown):
        self.this_run.servers.add(shown['id'])
        server = footprint.Server(shown['id'], shown['name'], None,
                                  shown['created'])
        self.watch.add(server)
        return server

    def _creating_client(self):
        """Give the member's client that servers are created with."""
        return self.servers_client

    def await_active(self, server):
        """Wait until a server is ACTIVE on a leased host.

        :param server: A ``Server``.
        :returns: The ``Server``, with its host.
        """
        return self.await_status(server, 'ACTIVE', CONF.compute.build_timeout)

    def await_status(self, server, status, limit):
        """Wait until a server has a status and no task, and is not moving.

        :param server: A ``Server``.
        :param status: The status, as the API has it.
        :param limit: Seconds.
        :returns: The ``Server``, with the host that it is on.
        """
        shown = waiters.wait_until(
            lambda: self._show_server(server.id),
            lambda shown: shown['status'] == 'ERROR' or (
                shown['status'] == status
                and not shown['OS-EXT-STS:task_state']),
            '%s is %s' % (server, status), limit)
        if shown['status'] != status:
            self.fail('%s, which needs trait %s, became ERROR instead of '
                      '%s: %s' % (server, self.lease.trait, status,
                                  shown.get('fault', {}).get('message')))
        return self._note_host(server, shown['OS-EXT-SRV-ATTR:host'])

    def _note_host(self, server, host):
        server = dataclasses.replace(server, host=host)
        self.watch.add(server)
        leased = [target.host for target in self.leased]
        if host is not None:
            self.assertIn(host, leased, '%s should be on a leased host' %
                          server)
        return server

    def _show_server(self, server_id):
        return self.admin_servers_client.show_server(server_id)['server']

    # -- deletes

    def request_delete(self, server):
        """Ask for the delete of a server, as the member.

        :param server: A ``Server``.
        :returns: The request id of the delete.
        """
        return self._must_be_accepted(
            server, self.servers_client.delete_server)

    def request_forced_delete(self, server):
        """Ask for the forced delete of a server, as the member.

        :param server: A ``Server``.
        :returns: The request id of the delete.
        """
        return self._must_be_accepted(
            server, self.servers_client.force_delete_server)

    def _must_be_accepted(self, server, delete):
        request_id, refusal = self._try(server, delete)
        if refusal:
            raise exceptions.DeleteNotAccepted(
                '%s: its delete, request %s, should have been accepted: %s' % (
                    server, request_id, refusal))
        return request_id

    def try_delete(self, server):
        """Ask for the delete of a server, whatever the answer is.

        :param server: A ``Server``.
        :returns: (the request id of the delete or None, words for a refusal
            or None where it was accepted).
        """
        return self._try(server, self.servers_client.delete_server)

    def try_delete_for_good(self, server):
        """Ask for a delete that nobody can undo, whatever the answer is.

        :param server: A ``Server``.
        :returns: As ``try_delete``.
        """
        client = self.servers_client
        return self._try(server, client.force_delete_server
                         if CONF.local_delete.reclaims
                         else client.delete_server)

    def _try(self, server, delete):
        try:
            head, refusal = delete(server.id).response, None
        except (lib_exc.RestClientException,
                exceptions.RequestFailed) as error:
            # One that was never answered has no head.
            head = getattr(error, 'resp', None) or {}
            refusal = exceptions.one_line(error)
        request_id = head.get('x-openstack-request-id')
        self.watch.delete_requests.append('%s (%s)' % (
            request_id, refusal or 'accepted'))
        return request_id, refusal

    def delete_server(self, server):
        """Delete a server as the member, and wait until it answers 404.

        :param server: A ``Server`` whose compute is down, or that has none.
        :returns: The request id of the delete.
        """
        request_id = self.request_delete(server)
        self.await_gone(server)
        return request_id

    def await_gone(self, server):
        """Wait until a server that was deleted answers 404.

        :param server: A ``Server``.
        """
        self.expect(
            lambda: self.state_of(server), lambda state: not state,
            '%s answers 404; deleted by request %s' % (
                server, ', '.join(self.watch.delete_requests)),
            CONF.local_delete.delete_timeout, exceptions.ServerNotGone)

    def await_deleted_by_compute(self, server, request_id=None):
        """Wait until a compute has carried out a delete, for good.

        A cloud that reclaims keeps the server for a while; a forced delete
        then makes its compute do at once what the reclaim would do.

        :param server: A ``Server`` whose delete was accepted.
        :param request_id: What the request of the delete returned.
        :returns: The request id of the delete after which it answers 404.
        """
        if CONF.local_delete.reclaims:
            self.await_soft_deleted(server)
            request_id = self.request_forced_delete(server)
        self.await_gone(server)
        return request_id

    def await_soft_deleted(self, server):
        """Wait until a server that was deleted can be restored.

        :param server: A ``Server`` whose compute is up.
        """
        self.expect(
            lambda: self.state_of(server),
            lambda state: state == SOFT_DELETED,
            '%s is SOFT_DELETED; deleted by request %s' % (
                server, ', '.join(self.watch.delete_requests)),
            CONF.local_delete.delete_timeout, exceptions.NotSoftDeleted)

    def state_of(self, server):
        """Tell the state of a server as the member sees it.

        :returns: Words, or None where it answers 404.
        """
        try:
            shown = self.servers_client.show_server(server.id)['server']
        except lib_exc.NotFound:
            return None
        return 'status %s, task state %s' % (
            shown['status'], shown.get('OS-EXT-STS:task_state'))

    def delete_server_locally(self, server):
        """Delete a server, and prove that the API did it alone.

        :param server: A ``Server`` whose compute is down, or that has none.
        """
        self.assert_deleted_locally(server, self.delete_server(server))

    def assert_deleted_locally(self, server, request_id):
        """Fail unless the API deleted a server alone.

        :param server: A ``Server`` whose compute is down, or that had none.
        :param request_id: What the request of the delete returned.
        """
        if server.host is not None:
            service = self.services.show(server.host)
            self.assertEqual('down', service.state,
                             '%s was deleted and should have been so while '
                             'its compute was down: %s' % (server, service))
        self.assertNotIn(
            COMPUTE_DELETE_EVENT, self._delete_events(server, request_id),
            '%s: request %s should have deleted it locally, and its compute '
            'took part' % (server, request_id))

    def delete_server_through_compute(self, server):
        """Delete a server for good, and prove that its compute did it.

        :param server: A ``Server`` whose compute is up.
        """
        request_id = self.await_deleted_by_compute(
            server, self.request_delete(server))
        self.assertIn(
            COMPUTE_DELETE_EVENT, self._delete_events(server, request_id),
            '%s: request %s should have been carried out by its compute, '
            'which is up, and was a local delete' % (server, request_id))

    def assert_delete_refused(self, server):
        """Fail unless a delete is refused and the server stays.

        :param server: A ``Server``.
        """
        try:
            answer = self.servers_client.delete_server(server.id)
        except lib_exc.Conflict:
            self.assertIsNotNone(
                self.state_of(server),
                '%s: its delete was refused with 409, and yet it is gone'
                % server)
            return
        self.fail('%s: its delete answered %s, and should have been refused '
                  'with 409' % (server, answer.response.status))

    def assert_kept(self, server):
        """Fail unless a server is ACTIVE and has all that it had.

        :param server: A ``Server`` whose delete was refused.
        """
        self.assertEqual('status ACTIVE, task state None',
                         self.state_of(server),
                         '%s: its delete was refused' % server)
        now = self._read()
        self._attach('kept', now)
        for view in ('by_consumer', 'resources'):
            self.assertEqual(
                getattr(self.watch.during, view), getattr(now, view),
                '%s: its delete was refused, and yet it changed what the '
                'server has (%s)' % (server, view))

    def _delete_events(self, server, request_id):
        """Name the events of a delete, which Nova records a moment later."""
        self.expect(
            lambda: [(action['action'], action['request_id'])
                     for action in self._actions_of(server)],
            lambda actions: ('delete', request_id) in actions,
            'the delete %s of %s is among its actions' % (request_id, server),
            CONF.local_delete.action_timeout)
        return list(self._results_of(server, request_id))

    def _actions_of(self, server):
        return self.admin_servers_client.list_instance_actions(
            server.id)['instanceActions']

    def _results_of(self, server, request_id):
        """Read what became of the parts of an action, which outlives a server.

        :param request_id: Of the request for the action.
        :returns: {event: its result, or None while it is under way}.
        """
        action = self.admin_servers_client.show_instance_action(
            server.id, request_id)['instanceAction']
        return {event['event']: event['result'] for event in action['events']}
