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
"""Find what holds something of a host, and is nothing that Nova knows."""

from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin.cloud import compute_services

#: How an operator looks at such a consumer.
TO_DO = ('look at it with "openstack resource provider allocation show UUID". '
         'A leak, such as bug 1679750 leaves, is such a consumer, and '
         '"nova-manage placement audit" finds it. The host can be used when '
         'it is gone')


def find_unknown(admin: admins.Admin,
                 target: compute_services.TargetHost) -> list[str]:
    """Name the consumers on a host that are no server and no migration.

    :param admin: An ``admin.Admin``.
    :param target: The host.
    :returns: The UUIDs.
    """
    placement = admin.placement
    consumers = {
        consumer for provider in placement.list_resource_providers(
            in_tree=target.provider_id)['resource_providers']
        for consumer in placement.list_provider_allocations(
            provider['uuid'])['allocations']}
    if not consumers:
        return []
    consumers -= {server['id'] for server in admin.servers(
        all_tenants=True, host=target.host)}
    if consumers:
        consumers -= {migration['uuid'] for migration in admin.migrations(
            host=target.host)}
    # That list hides servers that are soft-deleted, half built or elsewhere.
    return sorted(consumer for consumer in consumers
                  if not admin.server(consumer))
