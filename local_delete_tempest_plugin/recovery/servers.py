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

"""Find and remove a run's servers, and the allocations that they leave."""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import re
from typing import Any

from oslo_log import log as logging
from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import credentials
from local_delete_tempest_plugin.recovery import gone
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import run

CONF = config.CONF
LOG = logging.getLogger(__name__)

# The tasks of a server that is being deleted; the second one where the cloud
# reclaims.
_DELETING = ('deleting', 'soft-deleting')


@dataclasses.dataclass(frozen=True)
class ServerChange(safety_change.Change):
    """A server, or all servers of one request.

    Nova numbers the servers of one request: name-1, name-2. A server that is
    alone in its request has the name as it is.
    """

    kind = 'server'

    name: str

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> list['ServerChange']:
        found = _servers_with_anything(admin, this_run)
        if not found:
            admin.require_all_cells()
            found = _servers_with_anything(admin, this_run)
        return [cls(name) for name in sorted(set(found.values()))]

    def is_of(self, this_run: run.Run) -> bool:
        return this_run.owns(self.name)

    def undo(self, admin: cloud_admin.Admin) -> None:
        consumers, is_sure = self._delete(admin)
        if not is_sure:
            admin.require_all_cells()
            more, _ = self._delete(admin)
            consumers += more
        remove_allocations(admin, list(dict.fromkeys(consumers)))

    def _delete(self, admin: cloud_admin.Admin) -> tuple[list[str], bool]:
        """Delete the servers.

        :returns: (all that may hold something in Placement, whether Nova has
            listed each server that is gone).
        """
        servers = [server['id'] for server in _servers(admin, self.name)]
        # Nova hides the migrations of a deleted server, and they may hold
        # something.
        migrations = [migration['uuid'] for server in servers for migration
                      in admin.migrations(instance_uuid=server)]
        if servers:
            _delete_servers(admin, self.name)
        deleted = [server['id'] for server in _servers(
            admin, self.name, deleted=True)]
        return (deleted + migrations,
                bool(deleted) and {*servers} <= {*deleted})


@dataclasses.dataclass(frozen=True)
class MigrationChange(safety_change.Change):
    """A migration of a server, and what it holds in Placement."""

    kind = 'migration'

    #: UUID of the migration.
    migration: str
    #: Name of the server.
    server: str

    def is_of(self, this_run: run.Run) -> bool:
        return this_run.owns(self.server)

    def undo(self, admin: cloud_admin.Admin) -> None:
        ServerChange(self.server).undo(admin)
        remove_allocations(admin, [self.migration])


@dataclasses.dataclass(frozen=True)
class ConsumerChange(safety_change.Change):
    """A consumer that holds something in Placement and is no server.

    It is a migration of a deleted server. Nova hides such migrations, so only
    Placement can tell what they hold.
    """

    kind = 'consumer'

    #: UUID of the consumer.
    consumer: str

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> list['ConsumerChange']:
        # A project that was there before the run has consumers of others, and
        # is not looked at.
        projects = {project['id'] for project
                    in credentials.projects(admin, this_run)}
        placement = admin.placement
        if not any(any(placement.list_project_usages(
                project)['usages'].values()) for project in projects):
            return []
        servers = _servers_with_anything(admin, this_run)
        return [cls(consumer) for consumer
                in sorted(_consumers_on_targets(admin) - servers.keys())
                if placement.list_allocations(consumer).get('project_id')
                in projects]

    def undo(self, admin: cloud_admin.Admin) -> None:
        remove_allocations(admin, [self.consumer])


def of_request(name: str, listed: Iterable[dict[str, Any]]
               ) -> list[dict[str, Any]]:
    """Pick the servers of one request off a list.

    The filter of the list is no proof. What is picked is taken for the run's
    own, and may be deleted.

    :param name: The name of the request.
    :param listed: Servers as Nova lists them, maybe with others among them.
    :returns: Those that have the name, or the name and a number.
    """
    named = re.compile('%s(-[0-9]+)?' % re.escape(name))
    return [server for server in listed if named.fullmatch(server['name'])]


def _servers(admin: cloud_admin.Admin, name: str, deleted: bool = False,
             **filters: Any) -> list[dict[str, Any]]:
    return of_request(name, _named(
        admin, '^%s(-[0-9]+)?$' % re.escape(name), deleted, **filters))


def _named(admin: cloud_admin.Admin, pattern: str, deleted: bool,
           **filters: Any) -> Iterator[dict[str, Any]]:
    """Ask for servers by name; the caller compares their names again."""
    if not deleted:
        # Those that can be restored are there, and Nova hides them.
        filters['soft_deleted'] = True
    return admin.servers(all_tenants=True, deleted=deleted, name=pattern,
                         **filters)


def _servers_with_anything(admin: cloud_admin.Admin, this_run: run.Run
                           ) -> dict[str, str]:
    """Name the servers of a run that are there, or that hold something.

    :returns: {id: name}.
    """
    return {server['id']: server['name'] for deleted in (False, True)
            for server in _named(admin, this_run.name, deleted)
            if this_run.owns(server['name'])
            and (not deleted or admin.placement.list_allocations(
                server['id'])['allocations'])}


def _delete_servers(admin: cloud_admin.Admin, name: str) -> None:
    # A server whose local delete failed half-way stays in deleting. When its
    # host is up again, Nova ignores each further delete of it.
    for server in [server for task in _DELETING for server in _servers(
            admin, name, task_state=task)]:
        gone.delete(
            admin.servers_client.reset_state, server['id'], state='error')
    for server in _servers(admin, name):
        gone.delete(admin.servers_client.force_delete_server, server['id'])
    waiters.wait_until(
        lambda: _servers(admin, name), lambda servers: not servers,
        'servers named %s are gone' % name, CONF.local_delete.delete_timeout)


def _consumers_on_targets(admin: cloud_admin.Admin) -> set[str]:
    found: set[str] = set()
    hosts = [service.host for service in admin.services.list()
             if guard.is_target(service.host)]
    nodes = admin.services.finder(hosts)
    for host in hosts:
        try:
            target = nodes.target_host(host)
        except exceptions.OutageRefused:
            continue
        for provider in admin.placement.list_resource_providers(
                in_tree=target.provider_id)['resource_providers']:
            found |= admin.placement.list_provider_allocations(
                provider['uuid'])['allocations'].keys()
    return found


def remove_allocations(admin: cloud_admin.Admin, consumers: list[str]
                       ) -> None:
    """Wait until consumers hold nothing, and otherwise take it away.

    :param admin: An ``admin.Admin``.
    :param consumers: Ids of servers of the run that answer 404, and UUIDs of
        migrations of such servers.
    :raises LeftToOperator: the server of one is there, under a name that the
        run did not give. What all others hold is taken away.
    """
    def read() -> list[str]:
        return [consumer for consumer in consumers if
                admin.placement.list_allocations(consumer)['allocations']]

    try:
        waiters.wait_until(
            read, lambda holders: not holders,
            'consumers %s hold nothing' % ', '.join(consumers),
            CONF.local_delete.cleanup_timeout)
    except lib_exc.TimeoutException as error:
        LOG.warning('Removing what Nova left: %s', error)
        holders = read()
        living = _living(admin, holders)
        for consumer in holders:
            if consumer not in living:
                gone.delete(admin.placement.delete_allocations, consumer)
        if living:
            raise exceptions.LeftToOperator(
                what='what %s holds in Placement' % ', '.join(living),
                found='the server is there, with another name than the run '
                'gave it: %s' % ', '.join(living.values())) from None


def _living(admin: cloud_admin.Admin, consumers: list[str]) -> dict[str, str]:
    """Find the consumers whose server is there, and name the server."""
    admin.require_all_cells()
    servers = {consumer: consumer for consumer in consumers}
    servers.update((migration['uuid'], migration['instance_uuid'])
                   for migration in admin.migrations()
                   if migration['uuid'] in servers)
    return {consumer: '%s (%s)' % (server['name'], server_id)
            for consumer, server_id in servers.items()
            if (server := admin.server(server_id))}
