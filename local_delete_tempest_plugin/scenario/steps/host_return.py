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

"""Steps of stories that go on when the host is back."""

from tempest import config

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import candidates
from local_delete_tempest_plugin.footprint import leaks
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.scenario.steps import base
from local_delete_tempest_plugin.scenario.steps import footprint

CONF = config.CONF

# The hypervisor type of Nova's driver for tests, which has no guests.
_WITHOUT_GUESTS = 'fake'

# Every compute has memory.
_ANY = {'MEMORY_MB': 1}


class HostReturn(base.BaseLocalDeleteTest):
    """A host that comes back after a server of it was deleted."""

    def read_offer(self) -> candidates.Offer:
        """Read what Placement offers on the leased host, before the create.

        :returns: What the next server could get there.
        """
        return candidates.read(self.admin, self.hosts.target.provider_id, _ANY)

    def assert_offered_again(self, server: footprint.Server,
                             before: candidates.Offer) -> None:
        """Fail unless Placement offers what it offered before.

        What others have taken or given back since then does not count.

        :param server: The server that was deleted. The next server like it
            has to fit.
        :param before: The offer before the create of the server.
        """
        root = self.hosts.target.provider_id
        held = self.watch.held_by(server)

        def compare():
            now = candidates.read(self.admin, root, held[root])
            return self._differences(before, now, self.watch.read()) + (
                [] if held in now.requests else
                ['%s is not offered; offered are %s' % (held, now.requests)])

        waiters.expect(
            compare, lambda differences: not differences,
            'Placement offers on %s what it offered before the create of %s'
            % (self.hosts.target, server),
            CONF.local_delete.local_cleanup_timeout)

    def _differences(self, before: candidates.Offer, now: candidates.Offer,
                     reading: leaks.Reading) -> list[str]:
        taken = {
            when: offer.without(footprint.by_provider, self.watch.consumers)
            for when, offer, footprint in (
                ('before', before, self.watch.before),
                ('now', now, reading))}
        differences = []
        if taken['before'] != taken['now']:
            differences.append('taken, and no consumer holds it: before %s, '
                               'now %s' % (taken['before'], taken['now']))
        if before.capacity != now.capacity:
            differences.append('capacity: before %s, now %s' % (
                before.capacity, now.capacity))
        return differences

    def guest_runs(self, server: footprint.Server) -> bool:
        """Tell whether the guest of a server runs on the leased host.

        :param server: A server, which may be deleted.
        :raises CommandFailed: ``[local_delete] guest_list_command`` failed.
        """
        return server.id in commands.uuids(
            'guest_list_command', self.hosts.target.host)

    def assert_guest_reaped(self, server: footprint.Server) -> None:
        """Fail unless the guest of a deleted server goes.

        Without ``[local_delete] guest_list_command`` nobody can tell, and
        nothing is checked.

        :param server: A server that was deleted while its host was out.
        """
        if not CONF.local_delete.guest_list_command:
            return
        waiters.expect(
            lambda: self.guest_runs(server), lambda runs: not runs,
            'the guest of %s is gone from its host: the server is deleted '
            '(by request %s), and the compute is back; whether it runs' % (
                server, ', '.join(self.watch.delete_requests)),
            CONF.local_delete.reap_timeout)

    def has_guests(self, target: compute_services.TargetHost) -> None:
        """Refuse a host without guests.

        :raises OutageRefused: its hypervisor is Nova's driver for tests.
        """
        if self.admin.services.hypervisor_type(target) == _WITHOUT_GUESTS:
            raise exceptions.OutageRefused(
                exceptions.Refusal.NO_GUESTS, '%s has no guests' % target)

    def can_lose_service(self, target: compute_services.TargetHost) -> None:
        """Refuse a host whose service nova-compute would not renew whole.

        :raises OutageRefused: something of the host would be lost.
        """
        compute_outage.ServiceDeleted.check(self.admin, target)

    def service_deleted(self) -> base.Context:
        """Stop the leased compute and delete its service, for the body."""
        return self.compute_outage(compute_outage.ServiceDeleted)

    def assert_provider_gone(self) -> None:
        """Fail unless the leased host's provider went with its service."""
        placement = self.admin.placement
        left = placement.list_resource_providers(
            in_tree=self.hosts.target.provider_id)['resource_providers']
        self.assertEqual(
            [], [provider['name'] for provider in left],
            '%s: its compute service was deleted, and its provider is left. '
            'The provider has the allocations %s' % (self.hosts.target, {
                provider['uuid']: placement.list_provider_allocations(
                    provider['uuid'])['allocations'] for provider in left}))
