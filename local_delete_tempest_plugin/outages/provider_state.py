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

"""What goes with a compute service that is deleted, and comes back.

Nova takes the host out of its aggregates. It deletes the provider of the host,
with all that Placement has on it. nova-compute makes the provider again, from
its own configuration alone. An admin may have set more with the API.
"""

import dataclasses
from typing import Any

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.outages import compute_restore
from local_delete_tempest_plugin.safety import run

_CUSTOM = 'CUSTOM_'

# What nova-compute leaves as an admin has set it. It measures the rest.
_SETTABLE = ('allocation_ratio', 'reserved')


@dataclasses.dataclass(frozen=True)
class ProviderState:
    """What an admin may have set on a provider, and nova-compute keeps.

    :param traits: The traits, without those of this plugin's runs and of the
        status of the service.
    :param inventories: {resource class: {'allocation_ratio', 'reserved'}}.
    """

    traits: list[str]
    inventories: dict[str, dict[str, float]]

    @classmethod
    def read(cls, admin: cloud_admin.Admin,
             target: compute_services.TargetHost) -> 'ProviderState':
        """Read it from Placement.

        :param admin: An ``admin.Admin``.
        :param target: The host.
        :raises tempest.lib.exceptions.NotFound: it has no provider.
        """
        traits = admin.placement.list_resource_provider_traits(
            target.provider_id)['traits']
        inventories = admin.placement.list_resource_provider_inventories(
            target.provider_id)['inventories']
        return cls(sorted(filter(_is_kept, traits)), {
            name: {field: inventory[field] for field in _SETTABLE}
            for name, inventory in inventories.items()})

    def is_whole(self, before: 'ProviderState') -> bool:
        """Tell whether nova-compute has made the provider as it makes it.

        nova-compute writes the inventories first, and then all its traits.

        :param before: The state before the service was deleted.
        """
        return (self.inventories.keys() >= before.inventories.keys()
                and bool(self.traits) >= bool(before.traits))

    def differences(self, before: 'ProviderState') -> list[str]:
        """Tell what an admin has set before and is not there now.

        :param before: The state before the service was deleted.
        :returns: For each, words for an operator.
        """
        missing = sorted({*before.traits} - {*self.traits})
        return ['the trait %s is gone' % trait for trait in missing] + [
            '%s of %s was %s and is %s' % (
                field, name, value,
                self.inventories.get(name, {}).get(field, 'gone'))
            for name, fields in sorted(before.inventories.items())
            for field, value in fields.items()
            if self.inventories.get(name, {}).get(field) != value]


def put_back(admin: cloud_admin.Admin, target: compute_services.TargetHost,
             before: ProviderState) -> None:
    """Set on a provider what an admin had set before.

    Only what nova-compute has made is changed, and nothing of it is removed.

    :param admin: An ``admin.Admin``.
    :param target: The host of the provider.
    :param before: The state before the service was deleted.
    :raises tempest.lib.exceptions.Conflict: something else was changed at the
        same time, so this can be tried again.
    """
    placement = admin.placement
    held = placement.list_resource_provider_inventories(target.provider_id)
    inventories: dict[str, dict[str, Any]] = {
        name: dict(inventory, **before.inventories.get(name, {}))
        for name, inventory in held['inventories'].items()}
    if inventories != held['inventories']:
        placement.update_resource_providers_inventories(
            target.provider_id, inventories=inventories,
            resource_provider_generation=held['resource_provider_generation'])
    held = placement.list_resource_provider_traits(target.provider_id)
    traits = {*held['traits'], *before.traits}
    if traits != {*held['traits']}:
        placement.update_resource_provider_traits(
            target.provider_id, traits=sorted(traits),
            resource_provider_generation=held['resource_provider_generation'])


def not_made_again(admin: cloud_admin.Admin,
                   target: compute_services.TargetHost) -> list[str]:
    """Name what would be gone permanently, so that it forbids a delete.

    :param admin: An ``admin.Admin``.
    :param target: The host.
    :returns: For each, words for an operator.
    """
    placement = admin.placement
    state = ProviderState.read(admin, target)
    return [
        *('aggregate %s' % name for name in admin.aggregates_of(target.host)),
        *('aggregate %s of Placement' % aggregate for aggregate in
          placement.list_resource_provider_aggregates(
              target.provider_id)['aggregates']),
        *('provider %s' % provider['name'] for provider in
          placement.list_resource_providers(
              in_tree=target.provider_id)['resource_providers']
          if provider['uuid'] != target.provider_id),
        *('trait %s' % trait for trait in state.traits
          if trait.startswith(_CUSTOM)),
        *('inventory of %s' % name for name in state.inventories
          if name.startswith(_CUSTOM))]


def _is_kept(trait: str) -> bool:
    """Tell whether a trait is no run's, and not of the service's status."""
    return (trait != compute_restore.DISABLED_TRAIT
            and not run.id_of(trait))
