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

"""What Placement offers to the next server on one host."""

from collections.abc import Collection
import dataclasses

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.footprint import leaks


@dataclasses.dataclass(frozen=True)
class Offer:
    """What the scheduler would be told of one host.

    :param requests: Each way to allocate what was asked for there: {provider
        UUID: {class: amount}}.
    :param capacity: {provider UUID: {class: amount}} of the host's tree.
    :param used: The same, of what is taken.
    """

    requests: list[leaks.Holdings]
    capacity: leaks.Holdings
    used: leaks.Holdings

    def free(self, provider_id: str, resource_class: str) -> int:
        """Tell how much of a resource class is left on a provider."""
        capacity, used = (amounts.get(provider_id, {}).get(resource_class, 0)
                          for amounts in (self.capacity, self.used))
        return capacity - used

    def without(self, by_provider: dict[str, leaks.Holdings],
                own: Collection[str]) -> leaks.Holdings:
        """Tell what is taken, except what others are known to hold.

        :param by_provider: {provider UUID: {consumer UUID: {class: amount}}},
            as a ``leaks.Reading`` has it.
        :param own: UUIDs of the run's consumers.
        :returns: {provider UUID: {class: amount}}.
        """
        return {provider: {
            name: amount - sum(
                held.get(name, 0) for consumer, held
                in by_provider.get(provider, {}).items()
                if consumer not in own)
            for name, amount in amounts.items()}
            for provider, amounts in self.used.items()}


def read(admin: cloud_admin.Admin, provider_id: str,
         amounts: leaks.Amounts) -> Offer:
    """Ask Placement where on a host resources could be allocated.

    :param admin: An ``admin.Admin``.
    :param provider_id: UUID of the host's root provider.
    :param amounts: {class: amount} of what is asked for.
    :returns: An ``Offer``; one without requests where nothing is offered.
    """
    answer = admin.candidates.list_allocation_candidates(
        in_tree=provider_id, resources=','.join(
            '%s:%d' % amount for amount in sorted(amounts.items())))
    summaries = answer['provider_summaries'].items()
    return Offer(
        requests=[{uuid: held['resources']
                   for uuid, held in request['allocations'].items()}
                  for request in answer['allocation_requests']],
        **{field: {uuid: {name: amount[field] for name, amount
                          in summary['resources'].items()}
                   for uuid, summary in summaries}
           for field in ('capacity', 'used')})
