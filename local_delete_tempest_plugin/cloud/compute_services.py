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

"""The compute services of the cloud, as Nova's API shows them."""

import collections
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import datetime
import email.utils
import functools
import threading
from typing import Any

from oslo_log import log as logging
from tempest.lib import exceptions as lib_exc
from tempest.lib.services import compute

from local_delete_tempest_plugin.cloud import pagination
from local_delete_tempest_plugin import exceptions

LOG = logging.getLogger(__name__)

BINARY = 'nova-compute'

# What Nova's 500 names, if it compares a service with those of its cell.
_TOO_OLD = 'nova.exception.ServiceTooOld'

# How many hosts are looked up one by one. To read all nodes of a large cloud
# takes Nova as long as a hundred look-ups.
_FEW = 8


@dataclasses.dataclass(frozen=True)
class Service:
    """One reading of a compute service (``GET /os-services``, 2.53)."""

    id: str
    host: str
    state: str | None
    status: str | None
    disabled_reason: str | None
    forced_down: bool
    updated_at: str | None

    @property
    def settings(self) -> dict[str, Any]:
        """The fields of ``PUT /os-services/{id}`` that an operator sets."""
        return {'status': self.status,
                'disabled_reason': self.disabled_reason,
                'forced_down': self.forced_down}

    def __str__(self) -> str:
        words = ['%s' % self.state, '%s' % self.status]
        if self.disabled_reason is not None:
            words.append('disabled reason %r' % self.disabled_reason)
        if self.forced_down:
            words.append('forced down')
        return '%s on %s: %s, updated at %s' % (
            BINARY, self.host, ', '.join(words), self.updated_at)


@dataclasses.dataclass(frozen=True)
class TargetHost:
    """A host with one compute node, and so with one root provider.

    :param host: Name of the host, as Nova has it.
    :param provider_id: UUID of the provider.
    :param provider_name: Name of the provider.
    """

    host: str
    provider_id: str
    provider_name: str

    def __str__(self) -> str:
        return 'host %s (provider %s, %s)' % (
            self.host, self.provider_name, self.provider_id)


class Nodes:
    """One reading of all compute nodes (``GET /os-hypervisors/detail``).

    The id of a hypervisor is the UUID of its provider since 2.53. Its name
    does not lead to the provider, because two cells may use the same name.

    :param hypervisors: The hypervisors of the answer.
    """

    def __init__(self, hypervisors: Iterable[dict[str, Any]]) -> None:
        self._of: dict[str, list[TargetHost]] = collections.defaultdict(list)
        self._running: collections.Counter[str] = collections.Counter()
        for hypervisor in hypervisors:
            host = hypervisor['service']['host']
            self._of[host].append(TargetHost(
                host, hypervisor['id'], hypervisor['hypervisor_hostname']))
            # Nova leaves it out where the node has not reported yet.
            self._running[host] += hypervisor.get('running_vms') or 0

    def running_servers(self, host: str) -> int:
        """Tell about how many servers run on a host.

        Only the last report of the compute tells that, and it may be a minute
        old. So it may decide where to look first, and nothing more.

        :param host: Name of the host, as Nova has it.
        """
        return self._running[host]

    def hosts_of_providers(self) -> dict[str, str]:
        """Tell which host each node is on.

        :returns: {UUID of the node's provider: name of the host}.
        """
        return {node.provider_id: host
                for host, nodes in self._of.items() for node in nodes}

    def target_host(self, host: str) -> TargetHost:
        """Find the one provider of a host.

        :param host: Name of the host, as Nova has it.
        :returns: The host and its provider.
        :raises OutageRefused: the host has no node, or several.
        """
        nodes = self._of.get(host, [])
        if len(nodes) != 1:
            raise exceptions.OutageRefused(
                exceptions.Refusal.NOT_ONE_NODE,
                'host %s has %d compute nodes, not one' % (
                    host, len(nodes)))
        return nodes[0]


# ComputeServices has a method of the name list.
_Services = list[Service]


class ComputeServices:
    """Reads and changes compute services with an admin's clients.

    :param services_client: Tempest's compute ``ServicesClient``.
    :param hypervisor_client: Tempest's compute ``HypervisorClient``.
    """

    def __init__(self, services_client: compute.ServicesClient,
                 hypervisor_client: compute.HypervisorClient) -> None:
        self._services_client = services_client
        self._hypervisor_client = hypervisor_client

    def list(self, binary: str = BINARY) -> _Services:
        """Read every service of a binary.

        :param binary: 'nova-compute', or another binary of Nova.
        :returns: The services, up or down.
        """
        return self._read(binary=binary)

    def show(self, host: str) -> Service:
        """Read the compute service of a host.

        :param host: Name of the host, as Nova has it.
        :returns: The service.
        :raises OutageRefused: Nova knows no such service, or several.
        """
        found = self._read(binary=BINARY, host=host)
        if len(found) != 1:
            raise exceptions.OutageRefused(
                exceptions.Refusal.NOT_ONE_SERVICE,
                'host %s has %d %s services, not one' % (
                    host, len(found), BINARY))
        return found[0]

    def update(self, service: Service, **settings: Any) -> None:
        """Change a service.

        The caller reads the service again: Nova's answer tells only what was
        asked for.

        :param service: The service.
        :param settings: Fields of ``PUT /os-services/{id}``.
        :raises ServiceTooOld: the service is forced down, and older than all
            that are not. Nova changes it again once it is upgraded.
        """
        LOG.info('Setting %s on %s: %s', BINARY, service.host, settings)
        try:
            self._services_client.update_service(service.id, **settings)
        except lib_exc.ServerFault as error:
            if _TOO_OLD in str(error):
                raise exceptions.ServiceTooOld(host=service.host) from error
            raise

    def nodes(self) -> Nodes:
        """Read every compute node, which takes Nova seconds for a thousand."""
        return Nodes(self._hypervisors())

    def finder(self, hosts: Collection[str]) -> 'ComputeServices | Nodes':
        """Give what finds the providers of some hosts with less effort.

        :param hosts: Names of the hosts.
        :returns: An object with the method ``target_host``.
        """
        return self if self.are_few(hosts) else self.nodes()

    @staticmethod
    def are_few(hosts: Collection[str]) -> bool:
        """Tell whether to look hosts up one by one takes the least effort."""
        return len(hosts) <= _FEW

    def target_host(self, host: str) -> TargetHost:
        """Find the one provider of a host.

        Nova finds a node by a part of its name. Most nodes are named after
        their host, and a host with such a node has no other. All nodes are
        read only if the names differ.

        The parameter, and what is returned and raised, are those of
        ``Nodes.target_host``.
        """
        label = first_label(host)
        try:
            target = Nodes(self._list_hypervisors(
                hypervisor_hostname_pattern=label)[
                    'hypervisors']).target_host(host)
            if first_label(target.provider_name) == label:
                return target
        except (lib_exc.NotFound, exceptions.OutageRefused):
            LOG.info('No node is named after host %s: reading all', host)
        return self.nodes().target_host(host)

    def hypervisor_type(self, target: TargetHost) -> str | None:
        """Read the type of a host's hypervisor.

        :param target: The host.
        :returns: 'QEMU', for example.
        """
        return self._hypervisor_client.show_hypervisor(
            target.provider_id)['hypervisor'].get('hypervisor_type')

    def zones(self) -> dict[str, str | None]:
        """Tell which availability zone each host is in.

        :returns: {name of the host: name of the zone}.
        """
        return {found['host']: found.get('zone')
                for found in self._list_services(binary=BINARY)['services']
                if found.get('binary', BINARY) == BINARY}

    def silences(self) -> dict[str, float]:
        """Tell how long ago each service that is up was last heard of.

        Both times are of the cloud's clocks. The later time is of the head of
        the answer. If the head has none, it is of the newest heartbeat.

        :returns: {name of the host: seconds}; without the hosts whose time
            cannot be read.
        """
        answer = self._list_services(binary=BINARY)
        heard = {found['host']: moment for found in answer['services']
                 if found['state'] == 'up' and not found['forced_down']
                 and found.get('binary', BINARY) == BINARY
                 and (moment := _moment(found['updated_at'])) is not None}
        known = [*heard.values(), *_sent_at(answer.response)]
        return {host: (max(known) - moment).total_seconds()
                for host, moment in heard.items()}

    def _list_services(self, **filters: Any) -> Any:
        return self._services_client.list_services(**filters)

    def _read(self, **filters: Any) -> _Services:
        return [
            Service(id=found['id'], host=found['host'], state=found['state'],
                    status=found['status'],
                    disabled_reason=found['disabled_reason'],
                    forced_down=found['forced_down'],
                    updated_at=found['updated_at'])
            for found in self._list_services(**filters)['services']
            # A proxy may drop a filter.
            if all(found.get(name, wanted) == wanted
                   for name, wanted in filters.items())]

    def _hypervisors(self) -> Iterator[dict[str, Any]]:
        return pagination.read(self._list_hypervisors, 'hypervisors',
                               'GET /os-hypervisors/detail')

    def _list_hypervisors(self, **filters: Any) -> dict[str, Any]:
        try:
            return self._hypervisor_client.list_hypervisors(
                detail=True, **filters)
        except lib_exc.ServerFault as error:
            # Nova then shows the services of the other cells.
            raise exceptions.InvalidAnswer(
                call='GET /os-hypervisors/detail', problem='Nova answered '
                '500, as it does if the database of one of its cells is '
                'away. Without this list nobody knows the provider of a '
                'host: %s' % exceptions.one_line(error)) from error


def first_label(name: str) -> str:
    """Give the part of a host name that a host and its node have in common.

    :param name: The name of a host, or of its node.
    :returns: The name up to its first dot.
    """
    return name.partition('.')[0]


def _moment(words: str | None) -> datetime.datetime | None:
    """Read a time as Nova writes it, in UTC; None where it is none."""
    try:
        return datetime.datetime.fromisoformat(
            (words or '').removesuffix('Z')).replace(
                tzinfo=datetime.timezone.utc)
    except ValueError:
        return None


def _sent_at(head: Any) -> list[datetime.datetime]:
    """Read the time of an answer off its head, if it is there."""
    try:
        sent = email.utils.parsedate_to_datetime(head.get('date') or '')
    except (TypeError, ValueError):
        return []
    # A head of "-0000" has a time without a zone.
    return [sent if sent.tzinfo else sent.replace(
        tzinfo=datetime.timezone.utc)]


def _once(read):
    """Cache a call, and let other threads wait for its first answer."""
    lock, cached = threading.Lock(), functools.cache(read)

    def call(*arguments, **filters):
        with lock:
            return cached(*arguments, **filters)
    return call


class ReadOnce(ComputeServices):
    """Reads each list once, and then answers from that reading.

    It is for a look at many hosts that changes none of them. The parameters
    are those of ``ComputeServices``.
    """

    def __init__(self, *clients: Any) -> None:
        super().__init__(*clients)
        for read in ('list', 'nodes', '_list_services'):
            setattr(self, read, _once(getattr(self, read)))
