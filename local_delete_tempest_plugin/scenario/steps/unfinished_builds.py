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
"""Steps of stories in which a server never comes to a host."""

from collections.abc import Iterator
import contextlib
from typing import Any

from tempest import config

from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin.recovery import quotas
from local_delete_tempest_plugin.recovery import servers as recovery_servers
from local_delete_tempest_plugin.scenario.steps import base
from local_delete_tempest_plugin.scenario.steps import footprint

CONF = config.CONF

# nova-compute records this event once it has handled a build.
_BUILD_EVENT = 'compute__do_build_and_run_instance'

_NO_LIMITS = ('this cloud does not keep its limits in Nova: [quota] driver of '
              'nova.conf')

# More than any host has, and the most that Placement takes.
_TOO_MANY = 2 ** 31 - 1


class UnfinishedBuilds(base.BaseLocalDeleteTest):
    """A member whose server is never built, or not yet."""

    def create_server_without_host(self, **settings: Any) -> footprint.Server:
        """Ask for a server for which there is no host.

        :param settings: As for ``create_server``.
        :returns: A server that is in ERROR, and on no host.
        """
        flavor_id = self.testbed.flavor_like(
            CONF.compute.flavor_ref, **{'resources:VCPU': str(_TOO_MANY)})
        server = self.servers.await_status(
            self.servers.request(flavorRef=flavor_id, **settings),
            'ERROR', CONF.compute.build_timeout)
        self.assertIsNone(server.host, str(server))
        self.assert_holds(server, False)
        return server

    @contextlib.contextmanager
    def build_waiting_in_queue(
            self, **settings: Any) -> Iterator[footprint.Server]:
        """Ask for a server whose build then waits for its dead compute.

        :param settings: As for ``create_server``.
        :returns: A context manager that gives a server that is in BUILD,
            and on no host yet. The compute is back afterwards.
        """
        for _ in self.attempts_before_noticed(
                'before a server of it was built'):
            with self.compute_killed(fence=False):
                server = self.servers.request(**settings)
                if self._waits_for_compute(server):
                    self.assert_holds(server, True)
                    yield server
                    return
                # The next attempt needs what this server was given.
                self.delete_server(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    def _waits_for_compute(self, server):
        """Tell whether the scheduler has not noticed a compute's death."""
        # Nova records the action in the server's cell once it found a host.
        waiters.wait_until(
            lambda: self.servers.actions_of(server), bool,
            'the build of %s has begun' % server, CONF.compute.build_timeout)
        shown = self.servers.show(server.id)
        return (shown['status'], shown['OS-EXT-SRV-ATTR:host']) == (
            'BUILD', None)

    def await_build_handled(self, server: footprint.Server) -> None:
        """Wait until a compute has handled a build that waited for it.

        :param server: A server that was deleted since. Its actions outlive
            it.
        """
        def read():
            created, = (request_id for action, request_id
                        in self.servers.actions_of(server)
                        if action == 'create')
            return self.servers.results_of(server, created)

        # The event has a result at its end. After that the compute only
        # frees resources.
        waiters.expect(
            read, lambda events: events.get(_BUILD_EVENT),
            'the compute is back and has handled the build of %s' % server,
            CONF.local_delete.heal_timeout)

    def request_twins(self) -> list[footprint.Server]:
        """Ask for two servers in one request, which wait for the scheduler.

        The conductor has both scheduled by one question. It has dealt with
        each of them before it has any of them built. So when one server is
        ACTIVE, the conductor has dealt with the other server.

        :returns: A list of two servers that are in BUILD.
        """
        name = self.servers.request_many(2)
        return [self.servers.note_requested(shown) for shown in
                recovery_servers.of_request(
                    name, self.member.servers_client.list_servers(
                        detail=True, name=name)['servers'])]

    def pass_through_scheduler(self) -> None:
        """Bring a server through the scheduler's queue, and delete it.

        Nothing shows when the scheduler has handled a build whose server was
        deleted. So another server is asked for, which is behind that build in
        the queue. When this server was built and deleted, what was claimed
        for the first server has to be free.
        """
        self.delete_server_through_compute(self.create_server())

    def request_server_over_quota(self, **settings: Any) -> footprint.Server:
        """Ask for a server whose quota is used up before it is built.

        The admin lowers the quota after the API's check and before the
        conductor's.

        :param settings: As for ``create_server``.
        :returns: A server that is in ERROR, and on no host.
        """
        if self._servers_in_use() < 0:
            self.skipTest(_NO_LIMITS)
        with self.scheduler_stopped():
            server = self.servers.request(**settings)
            self._use_up_quota()
        shown = waiters.wait_until(
            lambda: self.servers.show(server.id),
            lambda shown: shown['status'] != 'BUILD',
            '%s is ERROR' % server, CONF.compute.build_timeout)
        if shown['status'] == 'ACTIVE':
            self.skipTest('the conductor does not check quota: [quota] '
                          'recheck_quota of nova.conf is False')
        self.assertIn('uota exceeded', shown.get(
            'fault', {}).get('message', ''), str(server))
        self.assertIsNone(shown['OS-EXT-SRV-ATTR:host'], str(server))
        self.watch.read_during()
        return server

    def _use_up_quota(self):
        client = self.admin.manager.quotas_client

        def read():
            return client.show_quota_set(
                self.testbed.project_id)['quota_set']['instances']

        used = self._servers_in_use()
        self.intend(quotas.QuotaChange(self.testbed.project_id, read(), used))
        client.update_quota_set(self.testbed.project_id, instances=used)
        if read() != used:
            self.skipTest(_NO_LIMITS)

    def _servers_in_use(self):
        return self.member.limits_client.show_limits()['limits']['absolute'][
            'totalInstancesUsed']

    def assert_holds(self, server: footprint.Server, expected: bool) -> None:
        """Fail unless a server holds something in Placement, or nothing.

        :param server: A server of the story.
        :param expected: Whether the server has to hold something.
        """
        held = self.watch.read_during().by_consumer[server.id]
        if bool(held) != expected:
            self.fail('%s should hold %s in Placement, and it holds %s' % (
                server, 'something' if expected else 'nothing',
                held or 'nothing'))

    def assert_unlisted(self, server: footprint.Server) -> None:
        """Fail if a deleted server is still listed, in any cell.

        :param server: A server that answers 404.
        """
        for client, filters in ((self.member.servers_client, {}),
                                (self.admin.servers_client,
                                 {'all_tenants': True})):
            listed = client.list_servers(
                name=server.name, **filters)['servers']
            self.assertEqual([], listed, '%s answers 404, and is listed with '
                             'the filters %s' % (server, filters))
