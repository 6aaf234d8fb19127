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

"""The steps of a scenario that look at what its servers hold."""

import contextlib
import dataclasses
import json
import time

from tempest import config
from tempest.lib import exceptions as lib_exc
from testtools import content

from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import leaks
from local_delete_tempest_plugin.footprint import reader
from local_delete_tempest_plugin.scenario.steps import hosts

CONF = config.CONF

# How often a story is told that could have hidden a leak.
_ATTEMPTS = 3


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

    before: leaks.Reading
    gone: frozenset = frozenset()
    during: leaks.Reading = None
    servers: dict = dataclasses.field(default_factory=dict)
    consumers: set = dataclasses.field(default_factory=set)
    delete_requests: list = dataclasses.field(default_factory=list)
    was_late: bool = False

    def add(self, server):
        """Watch a server, or what has become of it."""
        self.servers[server.id] = server
        self.consumers.add(server.id)


class WatchingTest(hosts.LeasingTest):
    """Someone who reads the footprint before, during and after."""

    def setUp(self):
        super().setUp()
        self.brought = set()
        self.reader = None
        self.watch = None

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

    def attempts_while_late(self):
        """Tell a story again whose footprint was late to be as before.

        A live compute's audit hides a leak if it comes in the very seconds in
        which a late clean-up is waited for; it cannot do so each time.

        :returns: An iterator over the attempts; each has to watch a footprint.
        """
        for attempt in range(_ATTEMPTS):
            yield attempt
            if not self.watch.was_late:
                return

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
            waiters.wait_until(look, lambda found: not found,
                               'nothing is left', limit)
        found = self._find_leaks(looks[-1])
        self._attach('after', looks[-1])
        if found:
            raise exceptions.LeakFound(
                self._words_for(found, time.monotonic() - started))
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
        return leaks.find_leaks(self.watch.before, during, reading,
                                self.project_id, self.watch.gone)

    def _words_for(self, found, waited):
        migrations = sorted(self.watch.consumers - self.watch.servers.keys())
        return ('the cloud does not hold what it held before the create of '
                '%s:\n%s\nleased %s; migrations: %s; waited %.1f s; deleted '
                'by request %s' % (
                    ', '.join(map(str, self.watch.servers.values())),
                    leaks.describe_leaks(
                        found, self.reader.provider_names, self.project_id),
                    ', '.join(map(str, self.leased)),
                    ', '.join(migrations) or 'none', waited,
                    ', '.join(self.watch.delete_requests) or 'none'))

    def _attach(self, when, reading):
        # As text: a runner shows nothing of a detail of type JSON.
        self.addDetailUniqueName(
            'footprint-%s.json' % when, content.text_content(
                json.dumps(reading.as_json(), indent=1, sort_keys=True)))

    def expect(self, read, accept, awaited, limit, failure=AssertionError):
        """Wait for what the cloud owes; it is a failure if it never comes.

        :param read: As for ``waiters.wait_until``; so are ``accept``,
            ``awaited`` and ``limit``.
        :param failure: The type of the failure, an ``AssertionError``.
        :returns: What ``read`` returned last.
        """
        try:
            return waiters.wait_until(read, accept, awaited, limit)
        except lib_exc.TimeoutException as error:
            raise failure(exceptions.one_line(error)) from error
