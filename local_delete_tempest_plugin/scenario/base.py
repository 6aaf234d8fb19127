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

"""The steps of every scenario."""

import contextlib
import dataclasses
import itertools
import json
import random
import time

from oslo_log import log as logging
from tempest import config
from tempest.lib import exceptions as lib_exc
from testtools import content

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin import footprint
from local_delete_tempest_plugin import guard
from local_delete_tempest_plugin import outage
from local_delete_tempest_plugin import reader
from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import lifecycle
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin import scheduler_outage
from local_delete_tempest_plugin import waiters

CONF = config.CONF
LOG = logging.getLogger(__name__)

# What nova-compute records in the action once the delete has reached it.
COMPUTE_DELETE_EVENT = 'compute_terminate_instance'


@dataclasses.dataclass(frozen=True)
class Server:
    """A server of the run, as it was when its create or move had ended."""

    id: str
    name: str
    host: str | None
    created: str

    def __str__(self):
        return 'server %s (%s) on %s' % (
            self.name, self.id,
            'host %s' % self.host if self.host else 'no host')


@dataclasses.dataclass
class Watch:
    """The readings around the servers of one story, and its deletes.

    :param gone: {(kind, id)} of what the servers take with them.
    :param consumers: UUIDs of the servers and of their migrations.
    """

    before: footprint.Reading
    gone: frozenset = frozenset()
    during: footprint.Reading = None
    servers: dict = dataclasses.field(default_factory=dict)
    consumers: set = dataclasses.field(default_factory=set)
    delete_requests: list = dataclasses.field(default_factory=list)
    was_late: bool = False

    def add(self, server):
        """Watch a server, or what has become of it."""
        self.servers[server.id] = server
        self.consumers.add(server.id)


class BaseLocalDeleteTest(lifecycle.RunTest):
    """A member's server, an admin's outage, and the cloud as the judge."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        each_outage.expand(cls)

    def setUp(self):
        super().setUp()
        missing = needs.missing(getattr(self, self._testMethodName))
        if missing:
            self.skipTest(missing)
        self.leased = ()
        self.brought = set()
        self.reader = None
        self.watch = None

    # -- the footprint

    @contextlib.contextmanager
    def footprint_unchanged(self, hosts=1, gone=()):
        """Fail if the body leaves anything behind of what it made.

        :param hosts: How many hosts the run leases for it.
        :param gone: {(kind, id)} of what was brought and has to be gone
            afterwards; all else that was brought has to be as before.
        :returns: A context manager that gives a ``Watch``.
        """
        if not self.leased:
            self.leased = self._lease_hosts(hosts)
            self.reader = reader.Reader(
                self.admin, self.member, self.leased, self.project_id,
                self.this_run)
        self.reader.tracked |= self.brought
        self.watch = Watch(before=self.reader.read(own=()),
                           gone=frozenset(gone))
        self._attach('before', self.watch.before)
        yield self.watch
        self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    def assert_nothing_left(self, limit):
        """Wait until the footprint is what it was before the create.

        :param limit: Seconds.
        """
        started = time.monotonic()
        looks = []

        def look():
            looks.append(self._read())
            return self._find_leaks(looks[-1])

        # The time-out has nothing to add to the words for what is left.
        with contextlib.suppress(lib_exc.TimeoutException):
            waiters.wait_until(look, lambda leaks: not leaks,
                               'nothing is left', limit)
        leaks = self._find_leaks(looks[-1])
        self._attach('after', looks[-1])
        if leaks:
            self.fail(self._words_for(leaks, time.monotonic() - started))
        self.watch.was_late |= len(looks) > 1

    def assert_leaked(self, server):
        """Fail unless all that a server held while it lived is left.

        :param server: A ``Server``.
        """
        now = self._read()
        self._attach('leaked', now)
        self.assertEqual(
            self.watch.during.by_consumer[server.id],
            now.by_consumer[server.id],
            '%s: what it held should be left in Placement at this moment, '
            'all of it' % server)

    def read_during(self):
        """Read the footprint of the servers while they live."""
        self.watch.during = self._read()
        self._attach('during', self.watch.during)
        return self.watch.during

    def _read(self):
        return self.reader.read(
            own=self.watch.consumers, known=self.watch.before,
            since=min((server.created
                       for server in self.watch.servers.values()),
                      default=None))

    def _find_leaks(self, reading):
        during = self.watch.during or self.watch.before
        return footprint.find_leaks(self.watch.before, during, reading,
                                    self.project_id, self.watch.gone)

    def _words_for(self, leaks, waited):
        migrations = sorted(self.watch.consumers - self.watch.servers.keys())
        return ('the cloud does not hold what it held before the create of '
                '%s:\n%s\nleased %s; migrations: %s; waited %.1f s; deleted '
                'by request %s' % (
                    ', '.join(map(str, self.watch.servers.values())),
                    footprint.describe_leaks(
                        leaks, self.reader.provider_names, self.project_id),
                    ', '.join(map(str, self.leased)),
                    ', '.join(migrations) or 'none', waited,
                    ', '.join(self.watch.delete_requests) or 'none'))

    def _attach(self, when, reading):
        # As text: a runner shows nothing of a detail of type JSON.
        self.addDetailUniqueName(
            'footprint-%s.json' % when, content.text_content(
                json.dumps(reading.as_json(), indent=1, sort_keys=True)))

    def expect(self, read, accept, awaited, limit):
        """Wait for what the cloud owes; it is a failure if it never comes.

        :param read: As for ``waiters.wait_until``, and the others too.
        :returns: What ``read`` returned last.
        """
        try:
            return waiters.wait_until(read, accept, awaited, limit)
        except lib_exc.TimeoutException as error:
            self.fail(exceptions.one_line(error))

    # -- hosts

    @property
    def target(self):
        """The only ``compute_service.TargetHost`` that was leased."""
        target, = self.leased
        return target

    def target_of(self, server):
        """The leased ``compute_service.TargetHost`` that a server is on."""
        return next(target for target in self.leased
                    if target.host == server.host)

    def _lease_hosts(self, count):
        refusals, usable = [], []
        for target in self._usable_hosts(refusals):
            for others in itertools.combinations(usable, count - 1):
                targets = (*others, target)
                if self._lease(targets, refusals):
                    LOG.info('Leased %s', ', '.join(map(str, targets)))
                    return targets
            usable.append(target)
        self.skipTest('%s to take down: %s' % (
            'no host' if count == 1 else 'no %d hosts' % count,
            '; '.join(refusals) or 'of [local_delete] target_hosts = %s Nova '
            'has a compute service on %d that may be' % (', '.join(
                CONF.local_delete.target_hosts), len(usable))))

    def _lease(self, targets, refusals):
        """Lease all of some hosts, or none; tell whether they are leased."""
        if not self._alike(targets):
            refusals.append('no server can move between %s, for their '
                            'hypervisors differ' % ' and '.join(
                                target.host for target in targets))
            return False
        for target in targets:
            self._intend_here('lease', provider_id=target.provider_id,
                              trait=self.lease.trait)
        try:
            self.lease.take_all([target.provider_id for target in targets])
        except exceptions.OutageRefused as refusal:
            LOG.info('Not leasing %s: %s', targets, refusal)
            refusals.append(str(refusal))
            return False
        return True

    def _alike(self, targets):
        """Tell whether servers can move between hosts: by hypervisor."""
        if len(targets) == 1:
            return True
        types = self.services.hypervisor_types()
        return len({types.get(target.provider_id) for target in targets}) == 1

    def _usable_hosts(self, refusals):
        """Find hosts that may be taken down, each one only when it is needed.

        Its looks at a host are several requests, and a cloud has many hosts.
        """
        hosts = [service.host for service in self.services.list()
                 if guard.is_target(service.host)]
        random.shuffle(hosts)
        for host in hosts:
            try:
                target = self.services.target_host(host)
                self.guard.check(target)
            except exceptions.OutageRefused as refusal:
                LOG.info('Not leasing %s: %s', host, refusal)
                refusals.append(str(refusal))
            else:
                yield target

    def _intend_here(self, kind, **what):
        """Write a change down, to be undone when the test ends."""
        self.addCleanup(self._undo, self.journal.intend(kind, **what))

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
        for target in self.leased:
            # An audit of the compute may have taken it off: see lease.py.
            self.lease.take(target.provider_id)
        name = self._name()
        self._intend_here('server', name=name)
        settings = dict({'imageRef': CONF.compute.image_ref,
                         'flavorRef': self.flavor_id,
                         'networks': self.networks}, **settings)
        server_id = self.servers_client.create_server(
            name=name, **{field: value for field, value in settings.items()
                          if value is not None})['server']['id']
        self.this_run.servers.add(server_id)
        server = Server(server_id, name, None,
                        self._show_server(server_id)['created'])
        self.watch.add(server)
        return server

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

    # -- outages

    @contextlib.contextmanager
    def outage(self, away):
        """Take a service away for the body, and give it back after it.

        :param away: An ``outage.Outage`` that has not begun.
        :returns: A context manager that gives the outage.
        """
        self.useFixture(away)
        try:
            away.begin()
        except exceptions.OutageRefused as refusal:
            self.skipTest(str(refusal))
        except lib_exc.TimeoutException as error:
            self.fail('the outage was never seen: %s' %
                      exceptions.one_line(error))
        try:
            yield away
        finally:
            # The fixture's clean-up does it again should this be cut short.
            self.assert_given_back(away)

    def assert_given_back(self, away):
        """Give a service back before the outage is over, or fail.

        :param away: An ``outage.Outage``.
        """
        try:
            away.restore()
        except exceptions.RestoreFailed as error:
            self.fail(exceptions.one_line(error))

    def forced_down(self, target=None):
        """Force a leased compute down for the body of a ``with``.

        :param target: A ``compute_service.TargetHost``; None: the only one.
        """
        return self._compute_outage(outage.ForcedDown, target)

    def compute_stopped(self, target=None):
        """Stop a leased compute for real for the body of a ``with``.

        :param target: As for ``forced_down``.
        """
        return self._compute_outage(outage.Stopped, target)

    def compute_killed(self, target=None, fence=True):
        """Stop a compute, and go on before Nova has noticed.

        :param target: As for ``forced_down``.
        :param fence: False to let Nova go on giving it servers; those of
            others then wait until the compute is back.
        """
        return self._compute_outage(outage.Unnoticed, target, fence)

    def _compute_outage(self, kind, target, fence=True):
        fence = (self.this_run.fence_reason
                 if fence and CONF.local_delete.fence_host else None)
        return self.outage(kind(self.admin, self.journal, self.guard,
                                target or self.target, fence))

    def disabled(self):
        """Disable the leased compute for the body of a ``with``."""
        return self.outage(outage.Disabled(
            self.admin, self.journal, self.guard, self.target,
            self.this_run.fence_reason))

    def placement_stopped(self, answer):
        """Take Placement away from all for the body of a ``with``.

        :param answer: An answer of ``outage.PlacementStopped``.
        """
        return self.outage(outage.PlacementStopped(
            self.admin, self.journal, answer))

    def scheduler_stopped(self):
        """Take the scheduler away from all for the body of a ``with``."""
        return self.outage(scheduler_outage.SchedulerStopped(
            self.admin, self.journal))

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
            self.fail('%s: its delete, request %s, should have been accepted: '
                      '%s' % (server, request_id, refusal))
        return request_id

    def try_delete(self, server):
        """Ask for the delete of a server, whatever the answer is.

        :param server: A ``Server``.
        :returns: (the request id of the delete or None, words for a refusal
            or None where it was accepted).
        """
        return self._try(server, self.servers_client.delete_server)

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

        :param server: A ``Server``.
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
            CONF.local_delete.delete_timeout)

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
        """Delete a server, and prove that its compute did it.

        :param server: A ``Server`` whose compute is up.
        """
        request_id = self.delete_server(server)
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
            lambda: [
                (action['action'], action['request_id']) for action in
                self.admin_servers_client.list_instance_actions(
                    server.id)['instanceActions']],
            lambda actions: ('delete', request_id) in actions,
            'the delete %s of %s is among its actions' % (request_id, server),
            CONF.local_delete.action_timeout)
        action = self.admin_servers_client.show_instance_action(
            server.id, request_id)['instanceAction']
        return [event['event'] for event in action['events']]
