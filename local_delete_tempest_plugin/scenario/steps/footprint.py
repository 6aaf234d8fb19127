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

"""The watch over what the servers of a story hold in the cloud."""

from collections.abc import Callable
from collections.abc import Iterable
import contextlib
import dataclasses
import json
import time
from typing import Any

import fixtures
from tempest.lib import exceptions as lib_exc
from testtools import content

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import timeline
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import leaks
from local_delete_tempest_plugin.footprint import reader as footprint_reader


@dataclasses.dataclass(frozen=True)
class Server:
    """A server of the run, as it was when its create or move had ended.

    :param host: Name of its host, or None where it is on no host.
    :param created: When it was created, by the cloud's clock.
    """

    id: str
    name: str
    host: str | None
    created: str

    def __str__(self) -> str:
        return 'server %s (%s) on %s' % (
            self.name, self.id,
            'host %s' % self.host if self.host else 'no host')


class FootprintWatch(fixtures.Fixture):
    """Reads the footprint of servers before, during and after their lives.

    ``useFixture`` alone reads nothing; ``begin`` does. The servers of the
    story are gone before a clean-up of the watch runs. The hosts of the story
    are given back after that.

    :param reader: Reads what the servers on the leased hosts hold.
    :param targets: The leased hosts, for the words of a failure.
    :param attach: Takes a name and a ``testtools.content.Content``, as
        ``addDetailUniqueName`` of a test does.
    :param gone: {(kind, id)} of what was brought and goes with the servers.
    :param notes: The timeline of the test, or None.
    :ivar before: The reading before the servers were made; of ``begin``.
    :ivar during: The last reading while they lived, or None.
    :ivar servers: {id: server} of all that were made since ``begin``.
    :ivar consumers: UUIDs of these servers, and of their migrations.
    :ivar delete_requests: Request ids of their deletes, with the answers.
    :ivar was_late: Whether something was left for a while.
    """

    def __init__(self, reader: footprint_reader.Reader,
                 targets: Iterable[compute_services.TargetHost],
                 attach: Callable[[str, content.Content], None],
                 gone: Iterable[tuple[str, str]] = (),
                 notes: timeline.Timeline | None = None) -> None:
        super().__init__()
        self._notes = notes or timeline.Timeline()
        self._reader = reader
        self._targets = targets
        self._attach = attach
        self._gone = frozenset(gone)
        self.before: Any = None
        self.during: leaks.Reading | None = None
        self.servers: dict[str, Server] = {}
        self.consumers: set[str] = set()
        self.delete_requests: list[str] = []
        self.was_late = False

    @spans.span(spans.FOOTPRINT)
    def begin(self) -> None:
        """Read the footprint before the create of the servers."""
        self.before = self._reader.read(own=())
        self.attach('before', self.before)

    @property
    def tracked(self) -> frozenset[tuple[str, str]]:
        """{(kind, id)} of all that was brought, or seen with the servers."""
        return frozenset(self._reader.tracked)

    def track(self, *resources: tuple[str, str]) -> None:
        """Read some resources too, whoever they belong to from now on.

        :param resources: (kind, id) of each, as ``leaks.Reading`` has it.
        """
        self._reader.tracked.update(resources)

    def add(self, server: Server) -> None:
        """Watch a server, or what has become of it."""
        self.servers[server.id] = server
        self.consumers.add(server.id)

    @spans.span(spans.FOOTPRINT)
    def read(self) -> leaks.Reading:
        """Read the footprint at this moment."""
        reading = self._reader.read(
            own=self.consumers, known=self.before,
            since=min((server.created for server in self.servers.values()),
                      default=None))
        self._note(reading)
        return reading

    def read_during(self) -> leaks.Reading:
        """Read the footprint of the servers while they live.

        :returns: The reading, which is ``during`` from now on.
        """
        self.during = self.read()
        self.attach('during', self.during)
        return self.during

    def held_by(self, server: Server) -> dict:
        """Tell what a server held when ``read_during`` was last called.

        :returns: {provider UUID: {class: amount}}.
        """
        assert self.during is not None
        return self.during.by_consumer[server.id]

    def attach(self, when: str, reading: leaks.Reading) -> None:
        """Put a reading into the test's details.

        :param when: Part of the name of the detail.
        :param reading: The reading.
        """
        # As text: a runner shows nothing of a detail of type JSON.
        self._attach('footprint-%s.json' % when, content.text_content(
            json.dumps(reading.as_json(), indent=1, sort_keys=True)))
        self._note(reading, when)

    def _note(self, reading, when=None):
        names = self._reader.provider_names
        self._notes.note_usage(reading.by_project, {
            names.get(provider, provider): amounts for provider, amounts
            in reading.provider_usages.items()}, when)

    def assert_nothing_left(self, limit: float) -> None:
        """Wait until the footprint is what it was before the create.

        :param limit: Seconds.
        :raises LeakFound: something is left; with all of it.
        """
        looks = self._judge('after', limit, lambda found: not found)
        self.was_late |= looks > 1

    def assert_stays_gone(self, period: float) -> None:
        """Go on reading, and fail if something comes back.

        :param period: Seconds. Nothing is left when they begin.
        :raises LeakFound: something came back; with all of it.
        """
        self._judge('late', period, bool)

    def _judge(self, when, limit, accept):
        """Read until the verdict is accepted, or the limit is over.

        :param when: Part of the name of the last reading's detail.
        :param accept: Callable of what ``find_leaks`` returned.
        :returns: How many readings were made.
        """
        started = time.monotonic()
        looks = []

        def look():
            looks.append(self.read())
            return self._find_leaks(looks[-1])

        # The time-out has nothing to add to the words for what is left.
        with contextlib.suppress(lib_exc.TimeoutException):
            waiters.wait_until(look, accept, 'the verdict', limit)
        found = self._find_leaks(looks[-1])
        self.attach(when, looks[-1])
        if found:
            for what, where, of in leaks.in_short(found):
                self._notes.note_left(
                    what, self._reader.provider_names.get(where, where),
                    ' '.join(filter(None, (self._kind_of(of), of))))
            raise exceptions.LeakFound(
                self._words_for(found, time.monotonic() - started))
        return len(looks)

    def assert_leaked(self, server: Server) -> None:
        """Fail unless all that a server held while it lived is left.

        :param server: A server that is deleted.
        :raises AssertionError: it is not.
        """
        self._assert_holds_as_before(
            server, 'leaked', 'the server is deleted, and at this moment all '
            'that it held should be left in Placement')

    def assert_holds_as_before(self, server: Server) -> None:
        """Fail unless a server that lives holds what it held in the outage.

        :param server: A server on the host that is back.
        :raises AssertionError: it does not.
        """
        self._assert_holds_as_before(
            server, 'neighbour', 'the server was not deleted, and should hold '
            'in Placement what it held before its host was out')

    def _assert_holds_as_before(self, server, when, words):
        now = self.read()
        self.attach(when, now)
        held = now.by_consumer[server.id]
        if held != self.held_by(server):
            raise AssertionError('%s: %s; it held %s, and now %s' % (
                server, words, self.held_by(server), held))

    def assert_kept(self, server: Server) -> None:
        """Fail unless the servers have all that they had.

        :param server: The server whose delete was refused.
        :raises AssertionError: something was taken from one of them.
        """
        now = self.read()
        self.attach('kept', now)
        for view in ('by_consumer', 'resources'):
            had, has = getattr(self.during, view), getattr(now, view)
            if had != has:
                raise AssertionError(
                    '%s: its delete was refused, and yet it changed what the '
                    'server has (%s): before %s, now %s' % (
                        server, view, had, has))

    def _find_leaks(self, reading):
        return leaks.find_leaks(
            self.before, self.during or self.before, reading,
            self._reader.project_id, self._gone)

    def _kind_of(self, consumer):
        if consumer in self.servers:
            return 'server'
        if consumer in self.consumers:
            return 'migration'
        return 'consumer' if consumer else ''

    def _words_for(self, found, waited):
        migrations = sorted(self.consumers - self.servers.keys())
        return ('the cloud does not hold what it held before the create of '
                '%s:\n%s\nleased %s; migrations: %s; waited %.1f s; deleted '
                'by request %s' % (
                    ', '.join(map(str, self.servers.values())),
                    leaks.describe_leaks(found, self._reader.provider_names,
                                         self._reader.project_id),
                    (', '.join(map(str, self._targets)) or 'no host any more')
                    + ('' if self.during else '; nobody read while the server '
                       'lived, so "during" repeats "before"'),
                    ', '.join(migrations) or 'none', waited,
                    ', '.join(self.delete_requests) or 'none'))


class LastLook:
    """Looks once more at all that the servers of a class ever held.

    A request that is repeated late can bring something back when its story is
    over, and nobody reads any more.

    :param reader: Reads what the servers hold, wherever they were.
    :param remove_allocations: Takes UUIDs of consumers whose servers are
        gone, and removes what they hold.
    """

    def __init__(self, reader: footprint_reader.Reader,
                 remove_allocations: Callable[[list[str]], None]) -> None:
        self._reader = reader
        self._remove_allocations = remove_allocations
        self._watches: list[FootprintWatch] = []

    def add(self, watch: FootprintWatch) -> None:
        """Look at what a watch has seen, too.

        :param watch: A watch that has begun.
        """
        self._watches.append(watch)

    def assert_nothing_came_back(self, limit: float) -> None:
        """Wait until nothing of all these servers is there.

        :param limit: Seconds.
        :raises LeakFound: something is there; with all of it.
        """
        if not self._watches:
            return
        whole = FootprintWatch(self._reader, (), lambda *_: None)
        whole.before = dataclasses.replace(
            self._watches[0].before, by_provider={}, provider_usages={},
            resources={})
        for watch in self._watches:
            whole.servers.update(watch.servers)
            whole.consumers.update(watch.consumers)
            whole.track(*watch.tracked)
            whole.delete_requests += watch.delete_requests
        try:
            whole.assert_nothing_left(limit)
        except exceptions.LeakFound:
            self._remove_allocations(sorted(whole.consumers))
            raise
