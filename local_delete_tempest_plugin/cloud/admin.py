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

"""The clients of an admin."""

from collections.abc import Iterator
import dataclasses
from typing import Any

from oslo_log import log as logging
from tempest import clients
from tempest.lib.common import api_microversion_fixture

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.cloud import pagination
from local_delete_tempest_plugin.services import placement as placement_clients

LOG = logging.getLogger(__name__)

# The first that has services by UUID, and hypervisors with the UUID of their
# provider.
COMPUTE_MICROVERSION = '2.53'
# Nova itself reads and writes allocations with it: a consumer has a generation
# and no type. So allocations are put back as Nova had put them.
PLACEMENT_MICROVERSION = '1.28'
# The first that has attachments as resources of their own.
VOLUME_MICROVERSION = '3.27'


def microversions() -> api_microversion_fixture.APIMicroversionFixture:
    """Make the fixture that pins the microversions of all clients."""
    return api_microversion_fixture.APIMicroversionFixture(
        compute_microversion=COMPUTE_MICROVERSION,
        volume_microversion=VOLUME_MICROVERSION,
        placement_microversion=PLACEMENT_MICROVERSION)


@dataclasses.dataclass(frozen=True)
class Admin:
    """The clients that this plugin uses with an admin's credentials.

    :param manager: The login, with the clients of Tempest and its plugins.
    :param services: The compute services.
    :param placement: The client of Placement.
    """

    manager: clients.Manager
    services: compute_services.ComputeServices
    placement: placement_clients.PlacementClient

    @classmethod
    def of(cls, manager: clients.Manager) -> 'Admin':
        """Take the clients from a manager.

        :param manager: A manager with an admin's credentials.
        """
        return cls(
            manager=manager,
            services=compute_services.ComputeServices(
                manager.services_client, manager.hypervisor_client),
            placement=manager.local_delete_placement.PlacementClient())

    def renew_token(self) -> None:
        """Let the next request of any client fetch a new token."""
        self.manager.auth_provider.clear_auth()

    @property
    def candidates(self) -> placement_clients.CandidatesClient:
        """A client for allocation candidates."""
        return self.manager.local_delete_placement.CandidatesClient()

    def delete_service(self, service_id: str) -> None:
        """Delete a compute service; Nova then deletes its provider.

        :param service_id: UUID of the service.
        :raises tempest.lib.exceptions.Conflict: servers are on its host.
        :raises tempest.lib.exceptions.NotFound: there is no such service.
        """
        LOG.info('Deleting service %s', service_id)
        self.manager.local_delete_compute.ServicesClient().delete_service(
            service_id)

    def require_all_cells(self) -> None:
        """Refuse to take for gone what Nova does not list.

        Nova leaves out of a list what is in a cell whose database is away. It
        does not so with its hypervisors.

        :raises InvalidAnswer: the database of a cell is away.
        """
        self.services.nodes()

    def aggregates_of(self, host: str) -> list[str]:
        """Name the aggregates that a host is in.

        :param host: Name of the host, as Nova has it.
        :returns: The names of the aggregates.
        """
        return [aggregate['name'] for aggregate in
                self.manager.aggregates_client.list_aggregates()['aggregates']
                if host in aggregate['hosts']]

    @property
    def servers_client(self) -> Any:
        """Tempest's compute ``ServersClient``."""
        return self.manager.servers_client

    @property
    def flavors_client(self) -> Any:
        """Tempest's compute ``FlavorsClient``."""
        return self.manager.flavors_client

    def flavors(self) -> Iterator[dict[str, Any]]:
        """Read every page of all flavors, public or private.

        :returns: The flavors, with the fields of ``GET /flavors``.
        """
        return pagination.read(self.flavors_client.list_flavors, 'flavors',
                               'GET /flavors', is_public=None)

    def servers(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Read every page of the servers that filters let through.

        :param filters: As for ``ServersClient.list_servers``.
        :returns: The servers, with the fields of ``GET /servers``.
        """
        return pagination.read(self.servers_client.list_servers, 'servers',
                               'GET /servers', **filters)

    def server(self, server_id: str) -> dict[str, Any] | None:
        """Look for a server, wherever it is and whatever its state.

        The list without filters hides servers that are soft-deleted.

        :param server_id: UUID of the server.
        :returns: The server, with the fields of ``GET /servers``; None where
            there is none.
        """
        return next((server for server in self.servers(
            all_tenants=True, soft_deleted=True, deleted=False,
            uuid=server_id) if server['id'] == server_id), None)

    def migrations(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Read every page of the migrations that filters let through.

        Nova leaves out the migrations of deleted servers.

        :param filters: As for ``MigrationsClient.list_migrations``.
        :returns: The migrations, with the fields of ``GET /os-migrations``.
        """
        client = self.manager.local_delete_compute.MigrationsClient()
        server = filters.get('instance_uuid')
        # What a migration holds may be deleted, so the filter of Nova is not
        # relied on.
        return (migration for migration in pagination.read(
            client.list_migrations, 'migrations', 'GET /os-migrations',
            marker='uuid', **filters)
            if server in (None, migration['instance_uuid']))
