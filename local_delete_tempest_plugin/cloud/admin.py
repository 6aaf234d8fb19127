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

"""The clients of an admin, and nothing of the tests."""

from collections.abc import Iterator
import dataclasses
from typing import Any

from oslo_log import log as logging
from tempest.lib.common import api_microversion_fixture

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.cloud import pagination

LOG = logging.getLogger(__name__)

# Services by UUID, and hypervisors whose id is their provider's.
COMPUTE_MICROVERSION = '2.53'
# What Nova itself speaks to read and write allocations, so that what is put
# back is what Nova had put: consumers with a generation and without a type.
PLACEMENT_MICROVERSION = '1.28'
# Attachments as resources of their own.
VOLUME_MICROVERSION = '3.27'


def microversions() -> api_microversion_fixture.APIMicroversionFixture:
    """Make the fixture that pins the microversions of all clients."""
    return api_microversion_fixture.APIMicroversionFixture(
        compute_microversion=COMPUTE_MICROVERSION,
        volume_microversion=VOLUME_MICROVERSION,
        placement_microversion=PLACEMENT_MICROVERSION)


@dataclasses.dataclass(frozen=True)
class Admin:
    """What an admin's ``tempest.clients.Manager`` has for this plugin."""

    manager: Any
    services: compute_services.ComputeServices
    #: A ``PlacementClient``.
    placement: Any

    @classmethod
    def of(cls, manager: Any) -> 'Admin':
        """Make it of a manager with an admin's credentials.

        :param manager: A ``tempest.clients.Manager``.
        """
        return cls(
            manager=manager,
            services=compute_services.ComputeServices(
                manager.services_client, manager.hypervisor_client),
            placement=manager.local_delete_placement.PlacementClient())

    def renew_token(self) -> None:
        """Make the next request of any client get a new token."""
        self.manager.auth_provider.clear_auth()

    @property
    def candidates(self) -> Any:
        """A ``CandidatesClient``."""
        return self.manager.local_delete_placement.CandidatesClient()

    def delete_service(self, service_id: str) -> None:
        """Delete a compute service, and its provider with it.

        :param service_id: UUID of the service.
        """
        LOG.info('Deleting service %s', service_id)
        self.manager.local_delete_compute.ServicesClient().delete_service(
            service_id)

    def aggregates_of(self, host: str) -> list[str]:
        """Name the aggregates that a host is in.

        :param host: Name of the host, as Nova has it.
        :returns: A list.
        """
        return [aggregate['name'] for aggregate in
                self.manager.aggregates_client.list_aggregates()['aggregates']
                if host in aggregate['hosts']]

    @property
    def servers_client(self) -> Any:
        return self.manager.servers_client

    @property
    def flavors_client(self) -> Any:
        return self.manager.flavors_client

    def flavors(self) -> Iterator[dict[str, Any]]:
        """Read every flavor, private ones included, however many pages.

        :returns: A generator of what ``GET /flavors`` has of each.
        """
        return pagination.read(self.flavors_client.list_flavors, 'flavors',
                               'GET /flavors', is_public=None)

    def servers(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Read every server that filters let through, however many pages.

        :param filters: As for ``ServersClient.list_servers``.
        :returns: A generator of what ``GET /servers`` has of each.
        """
        return pagination.read(self.servers_client.list_servers, 'servers',
                               'GET /servers', **filters)

    def migrations(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Read every migration, those of deleted servers left out.

        :param filters: As for ``MigrationsClient.list_migrations``.
        :returns: A generator of what ``GET /os-migrations`` has of each.
        """
        client = self.manager.local_delete_compute.MigrationsClient()
        return pagination.read(client.list_migrations, 'migrations',
                               'GET /os-migrations', marker='uuid', **filters)
