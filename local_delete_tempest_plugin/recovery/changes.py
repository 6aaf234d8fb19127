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

"""Every kind of change that a run makes: how it is found, and undone.

``KINDS``, at the end, lists the kinds of other modules too.
"""

import dataclasses
import re
from typing import Any

import jsonschema
from oslo_log import log as logging
from tempest import config
from tempest.lib.common.utils import test_utils
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.outages import scheduler as scheduler_outage
from local_delete_tempest_plugin.recovery import credentials
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.safety import run

CONF = config.CONF
LOG = logging.getLogger(__name__)

# The tasks of a server that is being deleted; the second one where the cloud
# reclaims.
_DELETING = ('deleting', 'soft-deleting')


@dataclasses.dataclass(frozen=True)
class Quota(safety_change.Change):
    """The quota of servers of a project; here, the quota before the change."""

    kind = 'quota'

    project_id: str
    instances: int

    def undo(self, admin: cloud_admin.Admin) -> None:
        try:
            admin.manager.projects_client.show_project(self.project_id)
        except lib_exc.NotFound:
            # Nova refuses to set a quota of a project that is gone.
            return
        admin.manager.quotas_client.update_quota_set(
            self.project_id, instances=self.instances)


@dataclasses.dataclass(frozen=True)
class Trait(safety_change.Change):
    """The custom trait of a run, as Placement knows it."""

    kind = 'trait'

    trait: str

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> list['Trait']:
        there = lease.Lease(admin, this_run.trait).trait_exists()
        return [cls(this_run.trait)] if there else []

    def undo(self, admin: cloud_admin.Admin) -> None:
        lease.Lease(admin, self.trait).delete_trait()


@dataclasses.dataclass(frozen=True)
class Lease(safety_change.Change):
    """The trait of a run, on the provider of a host."""

    kind = 'lease'

    provider_id: str
    trait: str

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> list['Lease']:
        leased = lease.Lease(admin, this_run.trait)
        holders = leased.providers() if leased.trait_exists() else []
        _refuse_unfenced(admin, this_run, holders)
        return [cls(holder, this_run.trait) for holder in holders]

    def undo(self, admin: cloud_admin.Admin) -> None:
        # A provider that went with its service has no lease any more.
        test_utils.call_and_ignore_notfound_exc(
            lease.Lease(admin, self.trait).give_back, self.provider_id)


def _refuse_unfenced(admin: cloud_admin.Admin, this_run: run.Run,
                     holders: list[str]) -> None:
    """Refuse to give back a lease that alone tells of a host's outage."""
    for service in admin.services.list():
        if run.fenced_by(service.disabled_reason) == this_run.id or (
                service.state == 'up' and not service.forced_down):
            continue
        try:
            target = admin.services.target_host(service.host)
        except exceptions.OutageRefused:
            continue
        if target.provider_id in holders:
            raise exceptions.RestoreFailed(
                what=str(target), problem='the run has leased it, and '
                'without a fence nothing tells what else it changed: %s'
                % service, remedy='%s; then this again' %
                compute_outage.ForcedDown(admin, None, None, target).remedy())


@dataclasses.dataclass(frozen=True)
class Server(safety_change.Change):
    """A server, or all servers of one request.

    Nova numbers the servers of one request: name-1, name-2. A server that is
    alone in its request has the name as it is.
    """

    kind = 'server'

    name: str

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> list['Server']:
        return [cls(name) for name in sorted(set(
            _servers_with_anything(admin, this_run).values()))]

    def undo(self, admin: cloud_admin.Admin) -> None:
        names = '^%s(-[0-9]+)?$' % re.escape(self.name)
        servers = [server['id'] for server in _servers(admin, names)]
        # Nova hides the migrations of a deleted server, and they may hold
        # something.
        migrations = [migration['uuid'] for server in servers for migration
                      in admin.migrations(instance_uuid=server)]
        _delete_servers(admin, names)
        deleted = [server['id'] for server in _servers(
            admin, names, deleted=True)]
        remove_allocations(admin, deleted + migrations)


@dataclasses.dataclass(frozen=True)
class Migration(safety_change.Change):
    """A migration of a server, and what it holds in Placement."""

    kind = 'migration'

    #: UUID of the migration.
    migration: str
    #: Name of the server.
    server: str

    def undo(self, admin: cloud_admin.Admin) -> None:
        Server(self.server).undo(admin)
        remove_allocations(admin, [self.migration])


@dataclasses.dataclass(frozen=True)
class Consumer(safety_change.Change):
    """A consumer that holds something in Placement and is no server.

    It is a migration of a deleted server. Nova hides such migrations, so only
    Placement can tell what they hold.
    """

    kind = 'consumer'

    #: UUID of the consumer.
    consumer: str

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> list['Consumer']:
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


def _servers(admin: cloud_admin.Admin, names: str, deleted: bool = False,
             **filters: Any) -> list[dict[str, Any]]:
    if not deleted:
        # Those that can be restored are there, and Nova hides them.
        filters['soft_deleted'] = True
    return list(admin.servers(all_tenants=True, deleted=deleted, name=names,
                              **filters))


def _servers_with_anything(admin: cloud_admin.Admin, this_run: run.Run
                           ) -> dict[str, str]:
    """Name the servers of a run that are there, or that hold something.

    :returns: {id: name}.
    """
    return {server['id']: server['name'] for deleted in (False, True)
            for server in _servers(admin, this_run.name, deleted)
            if not deleted or admin.placement.list_allocations(
                server['id'])['allocations']}


def _delete_servers(admin: cloud_admin.Admin, names: str) -> None:
    # When its host is up, Nova heeds no further delete of a server whose
    # local delete failed half-way and that has been in deleting since then.
    for server in [server for task in _DELETING for server in _servers(
            admin, names, task_state=task)]:
        test_utils.call_and_ignore_notfound_exc(
            admin.servers_client.reset_state, server['id'], state='error')
    for server in _servers(admin, names):
        test_utils.call_and_ignore_notfound_exc(
            admin.servers_client.force_delete_server, server['id'])
    waiters.wait_until(
        lambda: _servers(admin, names), lambda servers: not servers,
        'servers named %s are gone' % names, CONF.local_delete.delete_timeout)


def _consumers_on_targets(admin: cloud_admin.Admin) -> set[str]:
    found: set[str] = set()
    for service in admin.services.list():
        if not guard.is_target(service.host):
            continue
        try:
            target = admin.services.target_host(service.host)
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
        for consumer in read():
            test_utils.call_and_ignore_notfound_exc(
                admin.placement.delete_allocations, consumer)


@dataclasses.dataclass(frozen=True)
class Unusable(safety_change.Change):
    """An intent of a journal that this plugin cannot undo."""

    kind = 'unusable'

    path: str
    problem: str

    def undo(self, admin: cloud_admin.Admin) -> None:
        raise exceptions.JournalUnusable(path=self.path, problem=self.problem)

    def __str__(self) -> str:
        return self.problem


#: {name: kind}, in the order in which a run makes the changes. What is found
#: in the cloud is undone in the reverse order.
KINDS: dict[str, type[safety_change.Change]] = {kind.kind: kind for kind in (
    placement_outage.PlacementChange, scheduler_outage.SchedulerChange, Quota,
    credentials.Credentials, Trait, run_resources.Flavor, Lease,
    run_resources.QosPolicy, run_resources.FloatingIp, run_resources.Image,
    run_resources.Port, run_resources.ServerGroup, run_resources.Volume,
    Consumer, Migration, Server, compute_outage.ComputeChange)}

# Version 1 of the journal called outages by their classes of that time, and
# what Placement's clients see by the words of a message.
_NAMES_OF_VERSION_1 = {
    'Attempt': 'attempt', 'Disabled': 'disabled', 'ForcedDown': 'forced-down',
    'Frozen': 'frozen', 'ServiceDeleted': 'service-deleted',
    'Stopped': 'stopped', 'Unknown': 'unknown', 'Unnoticed': 'unnoticed',
    'connections are refused': 'connection-refused',
    'a proxy answers 503': 'http-503',
}


def read(path: str, version: int, kind: str, what: dict[str, Any]
         ) -> safety_change.Change:
    """Make a change of an intent that a journal holds.

    :param path: Path of the journal.
    :param version: Version of the journal.
    :param kind: Name of the kind.
    :param what: Fields of the change.
    :returns: The change, or an ``Unusable``, whose undo says why it fails.
    """
    if version == 1:
        kind, what = _from_version_1(kind, dict(what))
    if kind not in KINDS:
        return Unusable(path, 'has an intent of unknown kind %r' % kind)
    try:
        return KINDS[kind].read(what)
    except jsonschema.ValidationError as error:
        return Unusable(path, 'has an intent of kind %s that cannot be used: '
                        '%s: %s' % (kind, error.json_path, error.message))


def _from_version_1(kind: str, what: dict[str, Any]
                    ) -> tuple[str, dict[str, Any]]:
    if kind == 'belonging':
        return str(what.pop('belonging', None)), what
    return 'server' if kind == 'servers' else kind, {
        field: _NAMES_OF_VERSION_1.get(str(value), value)
        if field in ('outage', 'answer') else value
        for field, value in what.items()}
