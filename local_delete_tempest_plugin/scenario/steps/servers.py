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

"""A member's servers: asked for, awaited, and deleted."""

from collections.abc import Callable
import dataclasses
from typing import Any

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import servers
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import hosts
from local_delete_tempest_plugin.scenario.steps import setup

CONF = config.CONF

# What nova-compute records in the action once the delete has reached it.
COMPUTE_DELETE_EVENT = 'compute_terminate_instance'


@dataclasses.dataclass(frozen=True)
class State:
    """The state of a server, as Nova shows it to the member.

    :param status: Its status, such as 'ACTIVE'.
    :param task: Its task state, such as 'deleting', or None.
    """

    status: str
    task: str | None = None

    def __str__(self) -> str:
        return 'status %s, task state %s' % (self.status, self.task)


ACTIVE = State('ACTIVE')
SOFT_DELETED = State('SOFT_DELETED')


class MemberServers:
    """The servers that a member makes on leased hosts, and deletes.

    :param client: The member's ``ServersClient``.
    :param admin: The admin of the cloud.
    :param testbed: What was made for the class.
    :param leased: The hosts that the servers have to come to.
    :param watch: Watches each server from its create on.
    :param add_cleanup: Takes what deletes a server when the test ends.
    """

    def __init__(self, client: Any, admin: cloud_admin.Admin,
                 testbed: setup.Testbed, leased: hosts.LeasedHosts,
                 watch: footprint.FootprintWatch,
                 add_cleanup: Callable[..., Any]) -> None:
        self._client = client
        self._admin = admin
        self._testbed = testbed
        self._leased = leased
        self._watch = watch
        self._add_cleanup = add_cleanup

    # -- creates

    @spans.span(spans.BOOT)
    def request(self, client: Any = None,
                **settings: Any) -> footprint.Server:
        """Ask for a server on the leased hosts.

        :param client: A ``ServersClient`` that the member creates it with;
            None: the usual one.
        :param settings: Fields of ``POST /servers`` beside the usual ones;
            one that is None is left out.
        :returns: A server that may not be on a host yet.
        """
        name = self._testbed.name()
        self._testbed.intents.write(self._add_cleanup,
                                    servers.ServerChange(name))
        server_id = self._create(name, client, settings)
        self._testbed.run.servers.add(server_id)
        return self.note_requested(self.show(server_id))

    @spans.span(spans.BOOT)
    def request_many(self, count: int, **settings: Any) -> str:
        """Ask for several servers on the leased hosts, in one request.

        :param count: How many servers.
        :param settings: As for ``request``.
        :returns: The name of the servers, to which Nova adds numbers.
        """
        name = self._testbed.name()
        self._testbed.intents.write(self._add_cleanup,
                                    servers.ServerChange(name))
        self._create(name, None, dict(settings, min_count=count))
        return name

    def _create(self, name, client, settings):
        self._leased.renew()
        settings = dict({'imageRef': CONF.compute.image_ref,
                         'flavorRef': self._testbed.flavor_id,
                         'networks': self._testbed.networks,
                         'availability_zone':
                         CONF.local_delete.availability_zone}, **settings)
        return (client or self._client).create_server(
            name=name, **{field: value for field, value in settings.items()
                          if value is not None})['server']['id']

    def note_requested(self, shown: dict) -> footprint.Server:
        """Watch a server that was asked for.

        :param shown: What ``GET /servers/{id}`` has of it.
        :returns: A server that is on no host yet.
        """
        self._testbed.run.servers.add(shown['id'])
        server = footprint.Server(shown['id'], shown['name'], None,
                                  shown['created'])
        self._watch.add(server)
        return server

    def note_host(self, server: footprint.Server,
                  host: str | None) -> footprint.Server:
        """Note which host a server is on now.

        :param server: The server, as it was known until now.
        :param host: Name of the host, as Nova has it; None: no host.
        :returns: The server, with its host.
        :raises AssertionError: the host is not leased.
        """
        server = dataclasses.replace(server, host=host)
        self._watch.add(server)
        leased = [target.host for target in self._leased.targets]
        if host is not None and host not in leased:
            raise AssertionError('%s should be on a leased host: %s' % (
                server, ' or '.join(leased)))
        return server

    @spans.span(spans.BOOT)
    def await_active(self, server: footprint.Server) -> footprint.Server:
        """Wait until a server is ACTIVE on a leased host.

        :returns: The server, with its host.
        """
        return self._await_status(server, 'ACTIVE',
                                  CONF.compute.build_timeout)

    @spans.span(spans.STATE)
    def await_status(self, server: footprint.Server, status: str,
                     limit: float) -> footprint.Server:
        """Wait until a server has a status and no task, and is not moving.

        :param server: The server.
        :param status: The status, as the API has it.
        :param limit: Seconds.
        :returns: The server, with the host that it is on.
        :raises AssertionError: the server became ERROR instead.
        """
        return self._await_status(server, status, limit)

    def _await_status(self, server, status, limit):
        def read():
            # A list costs the cloud half as much: Nova asks Neutron only for
            # a server that is shown.
            if server.host is None and self._is_in_build(server):
                return {'status': 'BUILD', 'OS-EXT-STS:task_state': None}
            return self.show(server.id)

        shown = waiters.wait_until(
            read, lambda shown: shown['status'] == 'ERROR' or (
                shown['status'] == status
                and not shown['OS-EXT-STS:task_state']),
            '%s is %s' % (server, status), limit)
        if shown['status'] != status:
            raise AssertionError(
                '%s, which needs trait %s, became ERROR instead of %s: %s%s' %
                (server, self._testbed.lease.trait, status,
                 shown.get('fault', {}).get('message'),
                 '' if server.host else self._zones()))
        return self.note_host(server, shown['OS-EXT-SRV-ATTR:host'])

    def _zones(self):
        """Tell where the leased hosts are, because a server came to none."""
        zones = self._admin.services.zones()
        return ' (its availability zone is %s, and the hosts are: %s)' % (
            CONF.local_delete.availability_zone
            or 'default_schedule_zone of nova.conf, because [local_delete] '
            'availability_zone is not set',
            ', '.join('%s in %s' % (target.host, zones.get(target.host))
                      for target in self._leased.targets))

    def _is_in_build(self, server):
        return any(found['id'] == server.id for found in self._admin.servers(
            all_tenants=True, uuid=server.id, status='BUILD'))

    def show(self, server_id: str) -> dict:
        """Show a server to the admin.

        :returns: What ``GET /servers/{id}`` has of it.
        """
        return self._admin.servers_client.show_server(server_id)['server']

    def state_of(self, server: footprint.Server) -> State | None:
        """Tell the state of a server as the member sees it.

        :returns: A ``State``, or None where the server answers 404.
        """
        try:
            shown = self._client.show_server(server.id)['server']
        except lib_exc.NotFound:
            return None
        return State(shown['status'], shown.get('OS-EXT-STS:task_state'))

    # -- deletes

    def request_delete(self, server: footprint.Server,
                       force: bool = False) -> str:
        """Ask for the delete of a server.

        :param server: The server.
        :param force: Whether to ask for a forced delete.
        :returns: The request id of the delete.
        :raises DeleteNotAccepted: Nova refused the delete, or did not
            answer.
        """
        request_id, refusal = self.try_delete(server, force)
        if refusal:
            raise exceptions.DeleteNotAccepted(
                '%s: its delete, request %s, should have been accepted: %s' % (
                    server, request_id, refusal))
        return request_id

    @spans.span(spans.DELETE)
    def try_delete(self, server: footprint.Server,
                   force: bool = False) -> tuple[Any, str | None]:
        """Ask for the delete of a server; a refusal is no failure.

        :param server: The server.
        :param force: Whether to ask for a forced delete.
        :returns: (the request id of the delete or None, words for a refusal
            or None where it was accepted).
        """
        delete = (self._client.force_delete_server if force
                  else self._client.delete_server)
        try:
            head, refusal = delete(server.id).response, None
        except (lib_exc.RestClientException,
                exceptions.RequestFailed) as error:
            # A request that was never answered has no head.
            head = getattr(error, 'resp', None) or {}
            refusal = exceptions.one_line(error)
        request_id = head.get('x-openstack-request-id')
        self._watch.delete_requests.append('%s (%s)' % (
            request_id, refusal or 'accepted'))
        return request_id, refusal

    @spans.span(spans.DELETE)
    def await_gone(self, server: footprint.Server) -> None:
        """Wait until a server that was deleted answers 404.

        :raises ServerNotGone: it does not.
        """
        self._await_state(server, 'answers 404', None,
                          exceptions.ServerNotGone)

    def await_soft_deleted(self, server: footprint.Server) -> None:
        """Wait until a server that was deleted can be restored.

        :param server: A server whose compute is up.
        :raises NotSoftDeleted: it cannot.
        """
        self._await_state(server, 'is SOFT_DELETED', SOFT_DELETED,
                          exceptions.NotSoftDeleted)

    def _await_state(self, server, words, awaited, failure):
        waiters.expect(
            lambda: self.state_of(server), lambda state: state == awaited,
            '%s %s; deleted by request %s' % (
                server, words, ', '.join(self._watch.delete_requests)),
            CONF.local_delete.delete_timeout, failure)

    def await_deleted_by_compute(
            self, server: footprint.Server,
            request_id: str | None = None) -> str | None:
        """Wait until a compute has carried out a delete permanently.

        A cloud that reclaims keeps the server for a while. A forced delete
        then makes its compute do at once what the reclaim would do.

        :param server: A server whose delete was accepted.
        :param request_id: What the request of the delete returned.
        :returns: The request id of the delete after which it answers 404.
        :raises DefectShown: the server does not go.
        """
        if CONF.local_delete.reclaims:
            self.await_soft_deleted(server)
            request_id = self.request_delete(server, force=True)
        self.await_gone(server)
        return request_id

    def assert_deleted_locally(self, server: footprint.Server,
                               request_id: str) -> None:
        """Fail unless the API deleted a server alone.

        :param server: A server whose compute is down, or that had none.
        :param request_id: What the request of the delete returned.
        :raises AssertionError: a compute took part.
        """
        if server.host is not None:
            service = self._admin.services.show(server.host)
            if service.state != 'down':
                raise AssertionError(
                    '%s was deleted, and its compute should be down: %s' % (
                        server, service))
        if COMPUTE_DELETE_EVENT in self._delete_events(server, request_id):
            raise AssertionError(
                '%s: request %s should have deleted it locally, and its '
                'compute took part' % (server, request_id))

    def assert_deleted_by_compute(self, server: footprint.Server,
                                  request_id: str) -> None:
        """Fail unless the compute of a server took part in its delete.

        :param server: A server whose compute is up.
        :param request_id: What the request of the delete returned.
        :raises AssertionError: the API deleted it alone.
        """
        if COMPUTE_DELETE_EVENT not in self._delete_events(server,
                                                           request_id):
            raise AssertionError(
                '%s: request %s should have been carried out by its compute, '
                'which is up, and was a local delete' % (server, request_id))

    def assert_delete_refused(self, server: footprint.Server) -> None:
        """Fail unless a delete is refused and the server stays.

        :raises AssertionError: the delete was accepted, or the server is gone.
        """
        try:
            answer = self._client.delete_server(server.id)
        except lib_exc.Conflict:
            if self.state_of(server) is None:
                raise AssertionError(
                    '%s: its delete was refused with 409, and yet it is gone'
                    % server) from None
            return
        raise AssertionError(
            '%s: its delete answered %s, and should have been refused with '
            '409' % (server, answer.response.status))

    def _delete_events(self, server, request_id):
        """Name the events of a delete, which Nova records a moment later."""
        waiters.expect(
            lambda: self.actions_of(server),
            lambda actions: ('delete', request_id) in actions,
            'the delete %s of %s is among its actions' % (request_id, server),
            CONF.local_delete.action_timeout)
        return list(self.results_of(server, request_id))

    def actions_of(self, server: footprint.Server) -> list[tuple[str, str]]:
        """List the actions on a server, which outlive it.

        :returns: (name of the action, request id) of each.
        """
        return [(action['action'], action['request_id']) for action in
                self._admin.servers_client.list_instance_actions(
                    server.id)['instanceActions']]

    def results_of(self, server: footprint.Server,
                   request_id: str) -> dict[str, str | None]:
        """Read what became of the parts of an action on a server.

        :param server: The server, which may be gone.
        :param request_id: Of the request for the action.
        :returns: {event: its result, or None while it is under way}.
        """
        action = self._admin.servers_client.show_instance_action(
            server.id, request_id)['instanceAction']
        return {event['event']: event['result'] for event in action['events']}
