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

"""Steps of stories in which several deletes are under way at once."""

import collections
from collections.abc import Callable
from collections.abc import Iterator
from concurrent import futures
import contextlib
import dataclasses
import threading

from oslo_log import log as logging
from tempest import config
from tempest.lib import exceptions as lib_exc
from testtools import content

from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import candidates
from local_delete_tempest_plugin.footprint import reader
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.recovery import servers as recovery_servers
from local_delete_tempest_plugin.scenario.steps import base
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import servers as steps_servers
from local_delete_tempest_plugin.scenario.steps import setup

CONF = config.CONF
LOG = logging.getLogger(__name__)

# Of ``GET /limits``: how much is in use, and the limit of it.
_QUOTA = (('totalInstancesUsed', 'maxTotalInstances'),
          ('totalCoresUsed', 'maxTotalCores'),
          ('totalRAMUsed', 'maxTotalRAMSize'))
_UNLIMITED = -1


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answer to a delete.

    :param server: The server of the delete.
    :param status: The HTTP status; 0 where there was no answer.
    :param request_id: Id of the request, or None where it was refused.
    :param words: Why the delete was refused, if it was.
    """

    server: footprint.Server
    status: int
    request_id: str | None
    words: str

    @property
    def accepted(self) -> bool:
        """Whether Nova accepted the delete."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return '%s: %d %s' % (self.server, self.status,
                              self.request_id or self.words)


class ConcurrentDeletes(base.BaseLocalDeleteTest):
    """A member who deletes several servers, or one server several times."""

    def create_servers(self, count: int) -> list[footprint.Server]:
        """Create many servers on the leased host, as the member.

        :param count: How many servers.
        :returns: The servers, which are ACTIVE.
        """
        networks = self._networks_with_room(count)
        # The first server shows what each of the others will need.
        first = self.create_server(networks=networks)
        others = count - 1
        self._skip_without_quota(others)
        self._skip_without_room(first, others)
        name = self.servers.request_many(others, networks=networks)
        servers = [first, *self._await_all_active(name, others)]
        self.watch.read_during()
        return servers

    @spans.span(spans.BOOT)
    def _await_all_active(self, name, count):
        def read():
            found = recovery_servers.of_request(name, self.admin.servers(
                detail=True, all_tenants=True,
                name='^%s(-[0-9]+)?$' % name))
            self.testbed.run.servers.update(server['id'] for server in found)
            return [(server['status'], footprint.Server(
                server['id'], server['name'], server['OS-EXT-SRV-ATTR:host'],
                server['created'])) for server in found]

        seen = waiters.wait_until(
            read, lambda seen: len(seen) == count and all(
                status in ('ACTIVE', 'ERROR') for status, _ in seen),
            '%d servers %s are ACTIVE' % (count, name),
            CONF.compute.build_timeout * count)
        failed = [str(server) for status, server in seen if status == 'ERROR']
        self.assertFalse(failed, 'became ERROR instead of ACTIVE')
        return [self.servers.note_host(server, server.host)
                for _, server in seen]

    def _networks_with_room(self, count):
        """Give each server a port if the network has addresses enough."""
        if self.testbed.networks == setup.NO_NETWORK:
            return setup.NO_NETWORK
        # A port has an address of each IP version of the network.
        by_version = collections.Counter()
        for subnet in self.member.subnets_client.list_subnets(
                network_id=self.testbed.networks[0]['uuid'])['subnets']:
            version = subnet['ip_version']
            by_version[version] += 2 ** (
                (32 if version == 4 else 128) - int(
                    subnet['cidr'].rpartition('/')[2]))
        addresses = min(by_version.values(), default=0)
        if addresses >= 2 * count:
            return self.testbed.networks
        LOG.info('No port for the servers: the network has %d addresses',
                 addresses)
        return setup.NO_NETWORK

    def _skip_without_quota(self, count):
        limits = self.member.limits_client.show_limits()['limits']['absolute']
        for used, most in _QUOTA:
            each = self.watch.during.limits[used] - self.watch.before.limits[
                used]
            if limits[most] != _UNLIMITED and (
                    limits[used] + each * count > limits[most]):
                self.skipTest(
                    'the quota of project %s (%s is %d, and %d are in use) '
                    'has no room for %d more servers: raise it, or lower '
                    '[local_delete] many_servers' % (
                        self.testbed.project_id, most, limits[most],
                        limits[used], count))

    def _skip_without_room(self, server, count):
        root = self.hosts.target.provider_id
        each = self.watch.held_by(server)[root]
        offer = candidates.read(self.admin, root, each)
        for resource_class, amount in each.items():
            room = offer.free(root, resource_class) // amount
            if room < count:
                self.skipTest(
                    '%s has room for %d more servers by its %s, and %d are '
                    'needed: lower [local_delete] many_servers' % (
                        self.hosts.target, room, resource_class, count))

    @spans.span(spans.DELETE)
    def delete_at_once(self, servers: list[footprint.Server]) -> list[Answer]:
        """Delete servers from several threads, as the member.

        :param servers: The servers; one may be there twice.
        :returns: A list of ``Answer``, in their order.
        """
        together = min(len(servers), reader.SIDE_BY_SIDE)
        begin = threading.Barrier(together)

        def delete(number, server):
            if number < together:
                # No delete is sent before all threads are there.
                begin.wait(CONF.local_delete.request_timeout)
            return self._ask_for_delete(server)

        with futures.ThreadPoolExecutor(together) as pool:
            answers = list(pool.map(delete, range(len(servers)), servers))
        self.watch.delete_requests += map(str, answers)
        return answers

    def _ask_for_delete(self, server):
        try:
            answer = self.member.servers_client.delete_server(server.id)
        except (lib_exc.RestClientException,
                exceptions.RequestFailed) as error:
            status = getattr(getattr(error, 'resp', None), 'status', 0)
            return Answer(server, status, None, exceptions.one_line(error))
        return Answer(server, answer.response.status,
                      answer.response['x-openstack-request-id'], '')

    def assert_accepted(self, answers: list[Answer], at_least: int) -> None:
        """Fail unless so many deletes that were made at once are accepted.

        :param answers: The answers to the deletes.
        :param at_least: How many deletes have to be accepted.
        :raises DeleteNotAccepted: fewer are.
        """
        self.addDetailUniqueName('deletes', content.text_content(
            '\n'.join(map(str, answers))))
        refused = [str(answer) for answer in answers if not answer.accepted]
        if len(answers) - len(refused) < at_least:
            raise exceptions.DeleteNotAccepted(
                'of %d deletes that were made at once %d should have been '
                'accepted, and %d were not; the first: %s' % (
                    len(answers), at_least, len(refused), refused[0]))

    def delete_many_locally(self, servers: list[footprint.Server]) -> None:
        """Delete servers at once, and prove that the API did it alone.

        :param servers: Servers on one host that is out.
        :raises DefectShown: one of the deletes was not accepted, or one of
            the servers does not answer 404.
        """
        answers = self.delete_at_once(servers)
        self.assert_accepted(answers, len(servers))
        self.await_all_gone(servers)
        with futures.ThreadPoolExecutor(reader.SIDE_BY_SIDE) as pool:
            for judged in [
                    pool.submit(self.servers.assert_deleted_locally,
                                answer.server, answer.request_id)
                    for answer in answers]:
                judged.result()

    @spans.span(spans.DELETE)
    def await_all_gone(self, servers: list[footprint.Server]) -> None:
        """Wait until servers that were deleted all answer 404.

        :param servers: Servers whose deletes were accepted.
        :raises ServerNotGone: one of them does not.
        """
        self._await_all(servers, 'answer 404', (None,))

    def _await_all(self, servers, awaited, states):
        def read():
            with futures.ThreadPoolExecutor(reader.SIDE_BY_SIDE) as pool:
                return ['%s: %s' % (server, state) for server, state in zip(
                    servers, pool.map(self.servers.state_of, servers),
                    strict=True)
                    if state not in states]

        waiters.expect(read, lambda left: not left,
                       '%d servers %s' % (len(servers), awaited),
                       CONF.local_delete.delete_timeout,
                       exceptions.ServerNotGone)

    @spans.span(spans.DELETE)
    def await_all_deleted(self, deleted: list[footprint.Server]) -> None:
        """Wait until servers are deleted permanently, by API or compute.

        On a cloud that reclaims, a compute keeps the server, and the API does
        not. The servers that a compute kept are then deleted by force.

        :param deleted: Servers whose deletes were accepted.
        :raises DefectShown: one of them does not go.
        """
        if CONF.local_delete.reclaims:
            self._await_all(deleted, 'are SOFT_DELETED or answer 404',
                            (None, steps_servers.SOFT_DELETED))
            for server in deleted:
                if self.servers.state_of(server) is not None:
                    self.servers.request_delete(server, force=True)
        self.await_all_gone(deleted)

    @contextlib.contextmanager
    def flipping(self, away: compute_outage.ForcedDown) -> Iterator[
            Callable[[], int]]:
        """Lift the flag of a compute and set it again while the body runs.

        :param away: An outage that has begun. Its flag is set again when the
            body has ended.
        :returns: A context manager that gives a callable without arguments.
            It tells how often the flag was lifted and set again by now.
        """
        ended = threading.Event()
        flips = []

        def flip():
            while not ended.is_set():
                away.flip(False)
                away.flip(True)
                flips.append(away)

        def count():
            if flipper.done():
                # Only a failure ends the flipper before the body has ended.
                flipper.result()
            return len(flips)

        with futures.ThreadPoolExecutor(1) as pool:
            flipper = pool.submit(flip)
            try:
                yield count
            finally:
                # Otherwise the flag could be set after the host was given
                # back, and would stay set.
                with signals.deferred():
                    ended.set()
                    futures.wait([flipper])
            flipper.result()

    def delete_between_flips(self, servers: list[footprint.Server],
                             flips: Callable[[], int]) -> None:
        """Delete servers one by one, and have the flag flipped for each.

        Otherwise all could be deleted while the flag never moved. It is left
        to chance when during a flip a delete is carried out.

        :param servers: Servers on the host whose flag is flipped.
        :param flips: What ``flipping`` gives.
        """
        told = []
        for server in servers:
            before = flips()
            self.servers.request_delete(server)
            # The next flip that ends may have begun before the delete.
            after = waiters.wait_until(
                flips, (before + 2).__le__,
                'the flag has been lifted and set again since the delete of '
                '%s was sent' % server, CONF.local_delete.request_timeout)
            told.append('%s: deleted between flips %d and %d of the flag' % (
                server, before, after))
        self.addDetailUniqueName('flips', content.text_content(
            '\n'.join(told)))
