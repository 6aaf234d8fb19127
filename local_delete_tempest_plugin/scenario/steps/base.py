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

"""The base class of all scenarios: the steps that most stories have."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import functools
from typing import Any

from oslo_log import log as logging
from tempest.common import credentials_factory
from tempest import config
from tempest.lib import exceptions as lib_exc
from tempest import test
from testtools import content

from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.cloud import front_end
from local_delete_tempest_plugin.cloud import versions
from local_delete_tempest_plugin.common import attachments
from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import timeline
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import reader
from local_delete_tempest_plugin import known_bugs
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.outages import conductor as conductor_outage
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.outages import scheduler as scheduler_outage
from local_delete_tempest_plugin.recovery import (
    credentials as recovery_credentials)
from local_delete_tempest_plugin.recovery import servers as recovery_servers
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import known_bug
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import hosts
from local_delete_tempest_plugin.scenario.steps import servers
from local_delete_tempest_plugin.scenario.steps import setup

Context = contextlib.AbstractContextManager
Target = compute_services.TargetHost

CONF = config.CONF
LOG = logging.getLogger(__name__)

# How often a story is told that could have hidden a leak.
_ATTEMPTS_WHILE_LATE = 3

# How often a host is taken away again whose death Nova noticed too early.
_ATTEMPTS_BEFORE_NOTICED = 5


# {answer that a story needs: why Placement's outage showed another one}. No
# later story of this process takes Placement away to see the same again.
_other_answers: dict[str, str] = {}


class BaseLocalDeleteTest(test.BaseTestCase):
    """A member's server, an admin's outage, and the cloud as the judge.

    :cvar member: The member's ``tempest.clients.Manager``.
    :cvar admin: The ``admin.Admin``.
    :cvar testbed: The ``setup.Testbed`` of the class.
    :cvar versions: {name: version} of the cloud and its tests.
    :cvar last_look: The ``footprint.LastLook`` of the class.
    :ivar brought: {(kind, id)} of what the member brought to the story.
    :ivar hosts: The ``hosts.LeasedHosts``; of ``footprint_unchanged``.
    :ivar watch: The ``footprint.FootprintWatch``; of ``footprint_unchanged``.
    :ivar servers: The ``servers.MemberServers``; of ``footprint_unchanged``.
    """

    credentials: list[Any] = ['project_member', 'admin']

    versions: dict[str, str] = {}
    testbed: Any = None
    last_look: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        each_outage.expand(cls)

    # -- what Tempest calls for a class

    @classmethod
    def is_serial_execution_requested(cls) -> bool:
        # A host without a fence may get the server of any test.
        return (CONF.local_delete.serial or not CONF.local_delete.fence_host
                or super().is_serial_execution_requested())

    @classmethod
    def skip_checks(cls) -> None:
        super().skip_checks()
        missing = needs.missing_for_all()
        if missing:
            raise cls.skipException(missing)

    @classmethod
    def setup_credentials(cls) -> None:
        cls._accounts = setup.ClassAccounts(setup.THIS_RUN, setup.JOURNAL)
        cls._accounts.setUp()
        cls._accounts.begin()
        cls.set_network_resources(network=True, subnet=True, dhcp=True)
        super().setup_credentials()

    @classmethod
    def clear_credentials(cls) -> None:
        try:
            super().clear_credentials()
            cls._accounts.undo()
        finally:
            cls._accounts.cleanUp()

    @classmethod
    def _get_credentials_provider(cls) -> Any:
        # Tempest names what it makes after the class alone, so that nobody
        # could tell what an abandoned run left from what a live one needs.
        name = '%s-%s' % (cls.__name__, setup.THIS_RUN.name)
        provider = getattr(cls, '_creds_provider', None)
        if not provider or provider.name != name:
            cls._creds_provider = credentials_factory.get_credentials_provider(
                name=name, network_resources=cls._network_resources)
            cls._creds_provider.cleanup_default_secgroup = (
                recovery_credentials.delete_security_groups)
        return cls._creds_provider

    @classmethod
    def get_client_manager(cls, credential_type: str | None = None,
                           **options: Any) -> Any:
        # Only the member makes servers, so nobody else needs a network.
        cls._get_credentials_provider().create_networks = (
            CONF.auth.create_isolated_networks
            and credential_type == 'project_member')
        return super().get_client_manager(credential_type, **options)

    @classmethod
    def setup_clients(cls) -> None:
        super().setup_clients()
        cls.member = cls.os_project_member
        cls.admin = admin.Admin.of(cls.os_admin)

    @classmethod
    def resource_setup(cls) -> None:
        super().resource_setup()
        cls.testbed = setup.Testbed(
            setup.THIS_RUN, setup.JOURNAL, cls.admin, cls.member)
        cls.testbed.setUp()
        cls.addClassResourceCleanup(cls.testbed.cleanUp)
        provider = cls._get_credentials_provider()
        cls.testbed.begin(cls._accounts.abandoned,
                          provider.get_project_member_creds().network)
        cls._accounts.end_recovery()
        if versions.COMPUTE not in cls.versions:
            # The other classes of this process need not ask again.
            found = versions.read(cls.admin)
            why = known_bug.choose(found).why
            LOG.info('%s: %s', known_bugs.OPTION, why)
            BaseLocalDeleteTest.versions = dict(
                found, **{known_bugs.OPTION: why})

        cls.last_look = footprint.LastLook(
            reader.Reader(cls.admin, cls.member, (), cls.testbed.project_id,
                          cls.testbed.run),
            functools.partial(recovery_servers.remove_allocations, cls.admin))

    @classmethod
    def resource_cleanup(cls) -> None:
        with contextlib.ExitStack() as steps:
            steps.callback(super().resource_cleanup)
            if cls.last_look is not None:
                steps.callback(cls.last_look.assert_nothing_came_back,
                               CONF.local_delete.cleanup_timeout)
            if cls.testbed is not None:
                # This is the first step, because the last comes first.
                steps.callback(cls.testbed.intents.give_back_outages)

    def setUp(self) -> None:
        super().setUp()
        test = getattr(self, self._testMethodName)
        missing = needs.missing(test) or self._placement_would_not_show(test)
        if missing:
            self.skipTest(missing)
        self._begin_timeline(test)
        self.addCleanup(spans.begin(spans.SCENARIO, scenario=self.id()))
        self.brought: set[tuple[str, str]] = set()
        self.hosts: Any = None
        self.watch: Any = None
        self.servers: Any = None

    def _begin_timeline(self, test):
        self.timeline = timeline.Timeline(
            each_outage.story_of(test), self.versions)
        # It is the last clean-up, so that each outage is over.
        self.addCleanup(lambda: self.addDetail(
            timeline.DETAIL, self.timeline.as_content()))
        spans.listeners.append(self.timeline.note_span)
        self.addCleanup(spans.listeners.remove, self.timeline.note_span)

    def addDetail(self, name: str, content_object: content.Content) -> None:
        # Tracebacks, reasons of skips and attachments all come through here,
        # and they quote names and messages that others have given.
        if content_object.content_type.type == 'text':
            try:
                parts = list(content_object.iter_text())
            except UnicodeEncodeError as error:
                parts = [error.object]
            # stestr indents each part when it prints a traceback.
            data = [exceptions.printable(part).encode() for part in parts]
            content_object = content.Content(
                content_object.content_type, lambda: data)
        super().addDetail(name, content_object)

    def getDetails(self) -> dict[str, content.Content]:
        # A runner prints the details of a failure in this order, and those
        # that are text as they are. The log has thousands of lines.
        details = super().getDetails()
        logs = [details.pop(name) for name in sorted(details)
                if attachments.is_captured_log(name)]
        if logs:
            details[attachments.LOG] = attachments.pack_log(logs)
        for name in sorted(details, key=_place):
            details[name] = details.pop(name)
        return details

    def _placement_would_not_show(self, test):
        """Say why a story would skip, before it takes anything away."""
        needed = needs.placement_away(test)
        if needed is None:
            return None
        words = needed.contradicted_by(front_end.find(self.admin.placement))
        if words:
            return str(exceptions.OutageRefused(
                exceptions.Refusal.OTHER_OUTAGE, words))
        return _other_answers.get(needed.answer)

    def intend(self, change: safety_change.Change) -> None:
        """Write down a change, to be undone when the test ends.

        :param change: The change, as for ``setup.Intents.write``.
        """
        self.testbed.intents.write(self.addCleanup, change)

    # -- the footprint

    @contextlib.contextmanager
    def footprint_unchanged(
            self, hosts: int = 1, accept: Callable | None = None,
            gone: Iterable[tuple[str, str]] = ()) -> Iterator[
                footprint.FootprintWatch]:
        """Fail if the body leaves anything behind of what it made.

        :param hosts: How many hosts the run leases for the body.
        :param accept: What refuses a host that the story cannot use, as for
            ``hosts.LeasedHosts.lease``.
        :param gone: {(kind, id)} of what was brought and has to be gone
            afterwards; all else that was brought has to be as before.
        :returns: A context manager that gives the ``FootprintWatch``.
        """
        if self.hosts is None:
            self.hosts = self._lease_hosts(hosts, accept)
            self._reader = reader.Reader(
                self.admin, self.member, self.hosts.targets,
                self.testbed.project_id, self.testbed.run)
        self.watch = self.useFixture(footprint.FootprintWatch(
            self._reader, self.hosts.targets, self.addDetailUniqueName, gone,
            self.timeline))
        self.watch.track(*self.brought)
        self.watch.begin()
        self.last_look.add(self.watch)
        self.servers = servers.MemberServers(
            self.member.servers_client, self.admin, self.testbed, self.hosts,
            self.watch, self.addCleanup)
        yield self.watch
        self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    def _lease_hosts(self, count, accept):
        leased = self.useFixture(hosts.LeasedHosts(
            self.admin, self.testbed.guard, self.testbed.lease,
            self.testbed.intents))
        try:
            leased.lease(count, accept)
        except exceptions.OutageRefused as refusal:
            self.skipTest(str(refusal))
        return leased

    def assert_nothing_left(self, limit: float) -> None:
        """Wait until the footprint is what it was before the create.

        :param limit: Seconds.
        """
        self.watch.assert_nothing_left(limit)

    def attempts_while_late(self) -> Iterator[int]:
        """Tell a story again whose footprint was late to be as before.

        A live compute's audit hides a leak if it comes just while a late
        clean-up is awaited. The audit does not come at that moment each time.

        :returns: An iterator over the attempts; each has to watch a footprint.
        """
        for attempt in range(_ATTEMPTS_WHILE_LATE):
            yield attempt
            if not self.watch.was_late:
                return

    # -- outages

    @contextlib.contextmanager
    def outage(self, away: Any) -> Iterator[Any]:
        """Take a service away for the body, and give it back after it.

        :param away: An ``outage_base.Outage`` that has not begun.
        :returns: A context manager that gives the outage.
        """
        self.useFixture(away)
        self.timeline.note_outage(away)
        try:
            away.begin()
        except exceptions.OutageRefused as refusal:
            LOG.info('Skipping: %s', refusal)
            self.skipTest(str(refusal))
        except lib_exc.TimeoutException as error:
            self.fail('the outage was never seen: %s' %
                      exceptions.one_line(error))
        # If the body fails, or this, the fixture's clean-up gives it back.
        yield away
        self.assert_given_back(away)

    def assert_given_back(self, away: outage_base.Outage) -> None:
        """Give a service back before the outage is over, or fail.

        :param away: An outage that has begun.
        """
        try:
            away.restore()
        except (exceptions.RestoreFailed, exceptions.LeftToOperator) as error:
            self.fail(exceptions.one_line(error))

    def compute_outage(self, kind: type[compute_outage.ComputeOutage],
                       target: Target | None = None,
                       fence: bool | None = None, **settings: Any) -> Context:
        """Change a leased compute service for the body of a ``with``.

        :param kind: The class of the outage.
        :param target: The host; None: the only one that is leased.
        :param fence: Whether the host gets no servers until it is back; None:
            as ``[local_delete] fence_host`` says.
        :param settings: Further arguments of the class.
        :returns: As ``outage``.
        """
        if fence is None:
            fence = CONF.local_delete.fence_host
        return self.outage(kind(
            self.admin, setup.JOURNAL, self.testbed.guard,
            target or self.hosts.target,
            self.testbed.run.fence_reason if fence else None, **settings))

    def forced_down(self, target: Target | None = None) -> Context:
        """Force a leased compute down for the body of a ``with``.

        :param target: The host; None: the only one that is leased.
        """
        return self.compute_outage(compute_outage.ForcedDown, target)

    def compute_stopped(self, target: Target | None = None) -> Context:
        """Stop a leased compute for real for the body of a ``with``.

        :param target: As for ``forced_down``.
        """
        return self.compute_outage(compute_outage.Stopped, target)

    def compute_killed(self, target: Target | None = None,
                       fence: bool | None = None) -> Context:
        """Stop a compute, and go on before Nova has noticed.

        :param target: As for ``forced_down``.
        :param fence: False if Nova may go on to place servers there. Servers
            of others then wait until the compute is back.
        """
        return self.compute_outage(compute_outage.Unnoticed, target, fence)

    def attempts_before_noticed(self, done: str) -> Iterator[int]:
        """Count the attempts to be faster than Nova's notice of a death.

        :param done: The last words of the skip after the last attempt, such
            as 'before a server was deleted'.
        :returns: An iterator, to be left once an attempt was in time.
        """
        yield from range(1, _ATTEMPTS_BEFORE_NOTICED + 1)
        self.skipTest('%d times Nova saw a compute down %s' % (
            _ATTEMPTS_BEFORE_NOTICED, done))

    @contextlib.contextmanager
    def placement_stopped(self, answer: str) -> Iterator[Any]:
        """Take Placement away from all for the body of a ``with``.

        :param answer: An answer of ``placement_outage.PlacementStopped``.
        :returns: A context manager that gives the outage.
        """
        try:
            with self.outage(placement_outage.PlacementStopped(
                    self.admin, setup.JOURNAL, answer)) as away:
                with known_bug.new_to_placement(self):
                    yield away
        except self.skipException as skip:
            if exceptions.Refusal.OTHER_OUTAGE in exceptions.Refusal.all_in(
                    str(skip)):
                _other_answers[answer] = str(skip)
            raise

    def scheduler_stopped(self) -> Context:
        """Take the scheduler away from all for the body of a ``with``."""
        return self.outage(scheduler_outage.SchedulerStopped(
            self.admin, setup.JOURNAL))

    def conductor_stopped(self) -> Context:
        """Take the conductor away from all for the body of a ``with``."""
        return self.outage(conductor_outage.ConductorStopped(
            self.admin, setup.JOURNAL))

    # -- servers

    def create_server(self, client: Any = None,
                      **settings: Any) -> footprint.Server:
        """Create a server on a leased host, as the member.

        :param client: As for ``servers.MemberServers.request``.
        :param settings: Fields of ``POST /servers`` beside the usual ones.
        :returns: A server that is ACTIVE and holds allocations.
        """
        server = self.servers.await_active(
            self.servers.request(client, **settings))
        held = self.watch.read_during().by_consumer[server.id]
        self.assertTrue(
            held.get(self.hosts.target_of(server).provider_id),
            '%s is ACTIVE and holds nothing of its host in Placement; it '
            'holds %s' % (server, held))
        return server

    def delete_server(self, server: footprint.Server) -> str:
        """Delete a server as the member, and wait until it answers 404.

        :param server: A server whose compute is down, or that has none.
        :returns: The request id of the delete.
        """
        request_id = self.servers.request_delete(server)
        self.servers.await_gone(server)
        return request_id

    def delete_server_locally(self, server: footprint.Server) -> None:
        """Delete a server, and prove that the API did it alone.

        :param server: A server whose compute is down, or that has none.
        """
        self.servers.assert_deleted_locally(
            server, self.delete_server(server))

    def delete_server_through_compute(self,
                                      server: footprint.Server) -> None:
        """Delete a server permanently, and prove that its compute did it.

        :param server: A server whose compute is up.
        """
        request_id = self.servers.await_deleted_by_compute(
            server, self.servers.request_delete(server))
        self.servers.assert_deleted_by_compute(server, request_id)

    def assert_kept(self, server: footprint.Server) -> None:
        """Fail unless a server is ACTIVE and has all that it had.

        :param server: A server whose delete was refused.
        """
        self.assertEqual(servers.ACTIVE, self.servers.state_of(server),
                         '%s: its delete was refused' % server)
        self.watch.assert_kept(server)


def _place(name):
    """Tell the place of a detail among all details of a test."""
    return ('traceback' not in name, name == attachments.LOG)
