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

"""Take readings of what the servers of one project hold."""

from collections.abc import Collection
from collections.abc import Iterable
import concurrent.futures
from typing import Any

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.cloud import pagination
from local_delete_tempest_plugin.footprint import leaks

CONF = config.CONF

# Tempest's connection pools hold ten connections.
SIDE_BY_SIDE = 8

# How often a provider is read whose usages and allocations disagree. Servers
# of others may come and go on a busy host.
_LOOKS = 10

# What Nova gives a port, and takes from one that it did not make.
_PORT_FIELDS = ('device_id', 'device_owner', 'binding:host_id',
                'binding:profile', 'dns_name')
_FLOATING_IP_FIELDS = ('port_id', 'fixed_ip_address')
_ATTACHMENT_FIELDS = ('instance', 'volume_id')
_IMAGE_FIELDS = ('name', 'status')

_Resources = dict[leaks.Key, leaks.Fields]

# Of ``GET /limits``: the quota that a server takes.
_LIMITS = ('totalInstancesUsed', 'totalCoresUsed', 'totalRAMUsed')


class Reader:
    """Takes readings around the servers of one project on the leased hosts.

    :param admin: An ``admin.Admin``.
    :param member: The member's ``tempest.clients.Manager``.
    :param targets: The ``compute_services.TargetHost`` of the servers.
    :param project_id: The member's project.
    :param run: The ``run.Run``.
    """

    def __init__(
            self, admin: cloud_admin.Admin, member: Any,
            targets: Collection[compute_services.TargetHost],
            project_id: str, run: Any) -> None:
        self._admin = admin
        self._placement = admin.placement
        self._member = member
        self._targets = targets
        self._run = run
        self.project_id = project_id
        self.provider_names: dict[str, str] = {}
        #: {(kind, id)} of what the run brought, and of what was seen with one
        #: of its servers.
        self.tracked: set[leaks.Key] = set()

    def read(self, own: Collection[str], known: leaks.Reading | None = None,
             since: str | None = None) -> leaks.Reading:
        """Read the footprint, in requests that are made side by side.

        :param own: Ids of the run's servers, and UUIDs of their migrations.
        :param known: An earlier ``Reading``; a consumer on the trees that
            holds something else than in it is looked up.
        :param since: Time of the cloud's clock, as Nova writes it. Servers of
            the project count from then on, even if they are deleted by now.
        :returns: A ``Reading``.
        """
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            trees = [pool.submit(self._read_tree, target)
                     for target in self._targets]
            consumers = {consumer: pool.submit(self._read_consumer, consumer)
                         for consumer in own}
            usages = pool.submit(self._placement.list_project_usages,
                                 self.project_id)
            servers = pool.submit(self._read_servers, since)
            limits = pool.submit(self._read_limits)
            resources = [pool.submit(read, own) for read in (
                self._read_ports, self._read_floating_ips, self._read_volumes,
                self._read_attachments, self._read_server_groups,
                self._read_images)]
            providers = {provider: read for tree in trees
                         for provider, read in tree.result().items()}
            by_provider = {provider: holdings for provider, (holdings, _)
                           in providers.items()}
            owners = self._read_owners(pool, own, known, by_provider)
            reading = leaks.Reading(
                by_consumer={consumer: looked.result()[0]
                             for consumer, looked in consumers.items()},
                by_provider=by_provider,
                by_project=usages.result()['usages'],
                limits=limits.result(),
                provider_usages={provider: amounts for provider, (_, amounts)
                                 in providers.items()},
                owners=owners,
                unknown=self._find_unknown(owners),
                other_servers=servers.result() - self._run.servers,
                resources={key: fields for looked in resources
                           for key, fields in looked.result().items()})
        self.tracked.update(reading.resources)
        return reading

    def _read_tree(
            self, target: compute_services.TargetHost) -> dict[
                str, tuple[leaks.Holdings, leaks.Amounts]]:
        providers = self._placement.list_resource_providers(
            in_tree=target.provider_id)['resource_providers']
        self.provider_names.update(
            (provider['uuid'], provider['name']) for provider in providers)
        return {provider['uuid']: self._read_provider(provider['uuid'])
                for provider in providers}

    def _read_provider(
            self, provider_id: str) -> tuple[leaks.Holdings, leaks.Amounts]:
        """Read the allocations and the usages of one provider.

        :returns: ({consumer UUID: {class: amount}}, {class: amount}).
        """
        for _ in range(_LOOKS):
            held = _amounts(
                self._placement.list_provider_allocations(provider_id))
            used = self._placement.list_resource_provider_usages(
                provider_id)['usages']
            # A change between the two requests is no miscount.
            if not leaks.miscounts(held, used):
                break
        return held, used

    def _read_consumer(
            self, consumer: str) -> tuple[leaks.Holdings, str | None]:
        answer = self._placement.list_allocations(consumer)
        return _amounts(answer), answer.get('project_id')

    def _read_owners(
            self, pool: concurrent.futures.Executor, own: Collection[str],
            known: leaks.Reading | None,
            by_provider: dict[str, leaks.Holdings]) -> dict[str, str | None]:
        """Look up the consumers that are not the run's and not as before.

        :returns: {consumer UUID: project id, or None where it is gone}.
        """
        if known is None:
            return {}
        looked = {consumer: pool.submit(self._read_consumer, consumer)
                  for consumer in _changed(known, by_provider)
                  if consumer not in own}
        return {consumer: result.result()[1]
                for consumer, result in looked.items()}

    def _find_unknown(self, owners: dict[str, str | None]) -> frozenset[str]:
        """Name the consumers of other projects that Nova does not know."""
        unknown = {consumer for consumer, owner in owners.items()
                   if owner not in (None, self.project_id)
                   and not self._admin.server(consumer)}
        if unknown:
            unknown -= {migration['uuid'] for target in self._targets
                        for migration in self._admin.migrations(
                            host=target.host)}
        return frozenset(unknown)

    def _read_servers(self, since: str | None) -> frozenset[str]:
        # changes-since lists deleted servers too.
        filters = {'changes-since': since} if since else {}
        return frozenset(server['id'] for server in pagination.read(
            self._member.servers_client.list_servers, 'servers',
            'GET /servers', **filters))

    def _read_limits(self) -> leaks.Amounts:
        used = self._member.limits_client.show_limits()['limits']['absolute']
        return {name: used[name] for name in _LIMITS}

    def _is_tracked(self, kind: str, found: dict[str, Any]) -> bool:
        return (kind, found['id']) in self.tracked

    def _read_ports(self, own: Collection[str]) -> _Resources:
        if not CONF.service_available.neutron:
            return {}
        # The admin reads, because a member is not shown the binding.
        ports = pagination.read(
            self._admin.manager.ports_client.list_ports, 'ports',
            'GET /ports', project_id=self.project_id,
            fields=['id', *_PORT_FIELDS])
        return {('port', port['id']): _take_port(port)
                for port in ports
                if port['device_id'] in own or self._is_tracked('port', port)}

    def _read_floating_ips(self, own: Collection[str]) -> _Resources:
        if not self._tracks('floating IP'):
            return {}
        found = pagination.read(
            self._member.floating_ips_client.list_floatingips, 'floatingips',
            'GET /floatingips', project_id=self.project_id)
        return {('floating IP', one['id']): _take(one, _FLOATING_IP_FIELDS)
                for one in found if self._is_tracked('floating IP', one)}

    def _read_volumes(self, own: Collection[str]) -> _Resources:
        if not CONF.service_available.cinder:
            return {}
        client = self._member.volumes_client_latest
        volumes = pagination.read(
            lambda **page: client.list_volumes(detail=True, params=page),
            'volumes', 'GET /volumes/detail')
        return {('volume', volume['id']): {'status': volume['status']}
                for volume in volumes
                if self._is_tracked('volume', volume) or any(
                    attachment['server_id'] in own
                    for attachment in volume['attachments'])}

    def _read_attachments(self, own: Collection[str]) -> _Resources:
        if not CONF.service_available.cinder:
            return {}
        client = self._member.local_delete_volume.AttachmentsClient()
        return {('volume attachment',
                 found['id']): _take(found, _ATTACHMENT_FIELDS)
                for found in pagination.read_unlinked(
                    client.list_attachments, 'attachments',
                    'GET /attachments/detail')
                if found['instance'] in own
                or self._is_tracked('volume attachment', found)}

    def _read_server_groups(self, own: Collection[str]) -> _Resources:
        if not self._tracks('server group'):
            return {}
        client = self._member.server_groups_client
        return {('server group', group['id']): _take(group, ('members',))
                for group in pagination.read_unlinked(
                    client.list_server_groups, 'server_groups',
                    'GET /os-server-groups')
                if self._is_tracked('server group', group)}

    def _read_images(self, own: Collection[str]) -> _Resources:
        # A snapshot belongs only to the project, so each is looked up.
        images: _Resources = {}
        for kind, image_id in sorted(self.tracked):
            if kind != 'image':
                continue
            try:
                image = self._member.image_client_v2.show_image(image_id)
            except lib_exc.NotFound:
                continue
            images[kind, image_id] = _take(image, _IMAGE_FIELDS)
        return images

    def _tracks(self, wanted: str) -> bool:
        return any(kind == wanted for kind, _ in self.tracked)


def _changed(known: leaks.Reading,
             by_provider: dict[str, leaks.Holdings]) -> list[str]:
    """Name the consumers that hold more, or elsewhere, than in a reading."""
    return sorted({
        consumer
        for provider, holdings in by_provider.items()
        for consumer, amounts in holdings.items()
        if known.by_provider.get(provider, {}).get(consumer) != amounts})


def _take(found: dict[str, Any], fields: Iterable[str]) -> leaks.Fields:
    return {name: found[name] for name in fields}


def _take_port(port: dict[str, Any]) -> leaks.Fields:
    # Neutron has None, '' and {} for the same, and no dns_name without DNS.
    return {name: port.get(name) or '' for name in _PORT_FIELDS}


def _amounts(answer: dict[str, Any]) -> leaks.Holdings:
    return {uuid: held['resources']
            for uuid, held in answer['allocations'].items()}
