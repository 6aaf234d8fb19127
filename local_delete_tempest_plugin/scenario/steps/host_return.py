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

"""The steps of stories that go on when the host is back."""

from tempest import config

from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import candidates
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.scenario.steps import servers

CONF = config.CONF

# Nova's driver for tests has no guests.
_WITHOUT_GUESTS = 'fake'

# Every compute has it, whatever else it has.
_ANY = {'MEMORY_MB': 1}


class ReturningTest(servers.BaseLocalDeleteTest):
    """A host that comes back after a server of it was deleted."""

    def read_offer(self):
        """Read what Placement offers on the leased host, before the create.

        :returns: An ``candidates.Offer``.
        """
        return candidates.read(self.admin, self.target.provider_id, _ANY)

    def assert_offered_again(self, server, before):
        """Fail unless Placement offers what it offered before.

        What others have taken or given back meanwhile does not count.

        :param server: The ``Server`` that was deleted; the next one like it
            has to fit.
        :param before: The ``candidates.Offer`` before its create.
        """
        root = self.target.provider_id
        held = self.watch.during.by_consumer[server.id]

        def compare():
            now = candidates.read(self.admin, root, held[root])
            return self._differences(before, now, self._read()) + (
                [] if held in now.requests else
                ['%s is not offered, but %s' % (held, now.requests)])

        self.expect(
            compare, lambda differences: not differences,
            'Placement offers on %s what it offered before the create of %s'
            % (self.target, server), CONF.local_delete.local_cleanup_timeout)

    def _differences(self, before, now, reading):
        taken = {
            when: offer.without(footprint.by_provider, self.watch.consumers)
            for when, offer, footprint in (
                ('before', before, self.watch.before),
                ('now', now, reading))}
        differences = []
        if taken['before'] != taken['now']:
            differences.append('taken by nobody who is known: before %s, now '
                               '%s' % (taken['before'], taken['now']))
        if before.capacity != now.capacity:
            differences.append('capacity: before %s, now %s' % (
                before.capacity, now.capacity))
        return differences

    def assert_holds_as_before(self, server):
        """Fail unless a server that lives holds what it held in the outage.

        :param server: A ``Server`` on the host that is back.
        """
        now = self._read()
        self._attach('neighbour', now)
        self.assertEqual(
            self.watch.during.by_consumer[server.id],
            now.by_consumer[server.id],
            '%s was not deleted: it should hold in Placement what it held '
            'before its host was out' % server)

    def guest_runs(self, server):
        """Tell whether the guest of a server runs on the leased host.

        :param server: A ``Server``, which may be deleted.
        """
        return server.id in commands.uuids(
            'guest_list_command', self.target.host)

    def assert_guest_reaped(self, server):
        """Fail unless the guest of a deleted server goes.

        Nothing is known of guests without ``[local_delete]
        guest_list_command``.

        :param server: A ``Server`` that was deleted while its host was out.
        """
        if not CONF.local_delete.guest_list_command:
            return
        self.expect(
            lambda: self.guest_runs(server), lambda runs: not runs,
            'the guest of %s, which is deleted, is gone from its host, whose '
            'compute is back (deleted by request %s); whether it runs' % (
                server, ', '.join(self.watch.delete_requests)),
            CONF.local_delete.reap_timeout)


class GuestsTest(ReturningTest):
    """A host whose guests can be seen."""

    def check_host(self, target):
        """Refuse a host without guests."""
        types = self.services.hypervisor_types()
        if types[target.provider_id] == _WITHOUT_GUESTS:
            raise exceptions.OutageRefused(
                reason='%s has no guests' % target)


class ServiceDeletedTest(ReturningTest):
    """A host whose compute service can be deleted, and made again."""

    def check_host(self, target):
        """Refuse a host with what its service would not get back."""
        compute_outage.ServiceDeleted.check(self.admin, target)

    def service_deleted(self):
        """Stop the leased compute and delete its service, for the body."""
        return self._compute_outage(compute_outage.ServiceDeleted, None)

    def assert_provider_gone(self):
        """Fail unless the leased host's provider went with its service."""
        left = self.placement.list_resource_providers(
            in_tree=self.target.provider_id)['resource_providers']
        self.assertEqual(
            [], [provider['name'] for provider in left],
            '%s: its compute service was deleted, and its provider is left; '
            'on it: %s' % (self.target, {
                provider['uuid']: self.placement.list_provider_allocations(
                    provider['uuid'])['allocations'] for provider in left}))
