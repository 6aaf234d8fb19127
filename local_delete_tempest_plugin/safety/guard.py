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

"""May this host be taken down? One answer, with its reason."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator

from tempest import config

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.safety import run

CONF = config.CONF

ANY_HOST = '*'

# All others are in progress. A 'finished' migration waits for a confirm or a
# revert by the user. A 'done' migration is an evacuation that its source has
# not cleaned up yet. Nova then refuses to clear forced_down until the source
# has restarted.
_ENDED = ('completed', 'confirmed', 'reverted', 'error', 'failed',
          'cancelled')

_Target = compute_services.TargetHost
_Reasons = Iterator[tuple[exceptions.Refusal, str]]


def is_target(host: str) -> bool:
    """Tell whether the operator allowed outages of a host.

    :param host: Name of the host, as Nova has it.
    :returns: A bool.
    """
    targets = CONF.local_delete.target_hosts
    return host in targets or ANY_HOST in targets


def check_placement() -> None:
    """Refuse to stop Placement unless the operator allowed it.

    :raises OutageRefused: with the reason.
    """
    if not CONF.local_delete.allow_placement_outage:
        raise exceptions.OutageRefused(
            exceptions.Refusal.OPTION_OFF,
            'Placement may not be stopped: [local_delete] '
            'allow_placement_outage is False')


def check_control_service(word: str) -> None:
    """Refuse to stop a service of Nova unless the operator allowed it.

    :param word: The service: scheduler or conductor.
    :raises OutageRefused: with the reason.
    """
    option = 'allow_%s_outage' % word
    if not CONF.local_delete[option]:
        raise exceptions.OutageRefused(
            exceptions.Refusal.OPTION_OFF,
            'the %s may not be stopped: [local_delete] %s is False' % (
                word, option))


class Guard:
    """Answers for one run; the cloud is read again for each answer.

    :param this_run: The ``run.Run`` that wants to take hosts down.
    :param admin: An ``admin.Admin``.
    :param leases: What tells the leases of other runs, if not a new ``Lease``.
    """

    def __init__(self, this_run: run.Run, admin: cloud_admin.Admin,
                 leases: lease.Lease | None = None) -> None:
        self._run = this_run
        self._admin = admin
        self._lease = leases or lease.Lease(admin, this_run.trait)

    def check(self, target: _Target, fenced: bool = False,
              out: bool = False) -> None:
        """Refuse an outage that the operator or the cloud's state forbids.

        :param target: The ``compute_services.TargetHost`` to take down.
        :param fenced: Whether the run has just fenced the host. Otherwise a
            fence tells that the host was not given back.
        :param out: Whether the run has just stopped the host, so that it need
            not be up.
        :raises OutageRefused: with the first reason that was found.
        """
        for code, words in self._reasons(target, fenced, out):
            raise exceptions.OutageRefused(
                code, 'host %s may not be taken down: %s' % (
                    target.host, words))

    def check_others(self, targets: Collection[_Target]) -> None:
        """Refuse an outage of several hosts at once if too few others stay.

        Whoever leases a host calls this after the lease is taken. Of several
        runs the last one to look sees the leases of all.

        :param targets: Each ``compute_services.TargetHost`` to take down.
        :raises OutageRefused: too few other hosts would be up.
        """
        hosts = {target.host for target in targets}
        for code, words in self._about_others(
                [service for service in self._admin.services.list()
                 if service.host not in hosts], self._lease.of_other_runs()):
            raise exceptions.OutageRefused(
                code, 'host %s may not be taken down: %s' % (
                    ' and '.join(sorted(hosts)), words))

    def _reasons(self, target: _Target, fenced: bool,
                 out: bool) -> _Reasons:
        if not CONF.local_delete.allow_outages:
            yield (exceptions.Refusal.OPTION_OFF,
                   '[local_delete] allow_outages is False')
        if not is_target(target.host):
            yield (exceptions.Refusal.NOT_A_TARGET,
                   'it is not among [local_delete] target_hosts')
        yield from self._about_services(target, fenced, out)
        yield from self._about_zone(target)
        # Placement is asked first. On a large cloud most hosts are refused
        # because of servers. Nova takes ten times as long to list them.
        if not CONF.local_delete.allow_foreign_servers:
            yield from self._about_consumers(target)
            yield from self._about_servers(target)
        yield from self._about_migrations(target)

    def _about_zone(self, target: _Target) -> _Reasons:
        wanted = CONF.local_delete.availability_zone
        if not wanted:
            return
        zone = self._admin.services.zones().get(target.host)
        if zone != wanted:
            yield (exceptions.Refusal.OTHER_ZONE,
                   'it is in the availability zone %s, and [local_delete] '
                   'availability_zone is %s' % (zone, wanted))

    def _about_services(self, target: _Target, fenced: bool,
                        out: bool) -> _Reasons:
        services = {service.host: service
                    for service in self._admin.services.list()}
        service = services.pop(target.host, None)
        if service is None:
            yield (exceptions.Refusal.NOT_ONE_SERVICE,
                   'Nova knows no compute service on it')
            return
        if service.forced_down:
            yield (exceptions.Refusal.FORCED_DOWN,
                   'its compute service is forced down already')
        if service.state != 'up' and not out:
            yield (exceptions.Refusal.NOT_UP,
                   'its compute service is %s' % service.state)
        fenced_by = run.fenced_by(service.disabled_reason)
        if service.status != 'enabled' and not (
                fenced and fenced_by == self._run.id):
            yield (exceptions.Refusal.FENCED if fenced_by
                   else exceptions.Refusal.DISABLED,
                   'its compute service is %s (%s)' % (
                       service.status, service.disabled_reason))
        leased = self._lease.of_other_runs()
        yield from self._about_stage(target, leased)
        yield from self._about_others(services.values(), leased)

    def _about_stage(self, target: _Target,
                     leased: dict[str, str]) -> _Reasons:
        trait = leased.get(target.provider_id)
        until = trait and self._lease.meant_until(trait)
        if trait and until:
            yield (exceptions.Refusal.LEASED,
                   'stage %s has leased it for an upgrade, and is meant to '
                   'stay until %s' % (run.id_of(trait), run.moment(until)))

    def _about_others(
            self, others: Iterable[compute_services.Service],
            leased: dict[str, str]) -> _Reasons:
        needed = CONF.local_delete.min_other_hosts
        up = {other.host for other in others
              if other.state == 'up' and other.status == 'enabled'}
        # A host that another run has leased may be down at any moment.
        if len(up) - len(leased) >= needed:
            # Few requests on a big cloud: nobody asks for their hosts.
            return
        hosts = self._admin.services.nodes().hosts_of_providers()
        out = {hosts.get(provider)
               for provider in self._lease.without_ghosts(leased)}
        if len(up - out) < needed:
            yield (exceptions.Refusal.TOO_FEW_OTHER_HOSTS,
                   'only %d other computes are up and enabled%s, and '
                   '[local_delete] min_other_hosts is %d' % (
                       len(up - out), ', beside %d that other runs have '
                       'leased' % len(up & out) if up & out else '', needed))

    def _about_migrations(self, target: _Target) -> _Reasons:
        for migration in self._admin.migrations(host=target.host):
            if migration['instance_uuid'] in self._run.servers:
                continue
            kind = migration.get('migration_type', 'migration')
            ended = migration['status'] in _ENDED or (
                migration['status'] == 'done' and kind != 'evacuation')
            if not ended:
                yield (exceptions.Refusal.MIGRATION,
                       'a %s of server %s from %s to %s is %r' % (
                           kind, migration['instance_uuid'],
                           migration['source_compute'],
                           migration['dest_compute'], migration['status']))

    def _about_servers(self, target: _Target) -> _Reasons:
        for server in self._admin.servers(all_tenants=True, host=target.host):
            if server['id'] not in self._run.servers:
                yield (exceptions.Refusal.FOREIGN_SERVER,
                       'server %s, which is not of this run, is on it' % (
                           server['id']))

    def _about_consumers(self, target: _Target) -> _Reasons:
        # The list of servers hides those that are soft-deleted, half built,
        # or moving away. Placement does not hide them.
        yield from self._on_provider(target.provider_id, target.provider_name)
        for provider in self._admin.placement.list_resource_providers(
                in_tree=target.provider_id)['resource_providers']:
            if provider['uuid'] != target.provider_id:
                yield from self._on_provider(provider['uuid'],
                                             provider['name'])

    def _on_provider(self, provider_id: str, name: str) -> _Reasons:
        held = self._admin.placement.list_provider_allocations(
            provider_id)['allocations']
        for consumer in sorted(held.keys() - self._run.consumers):
            yield (exceptions.Refusal.FOREIGN_CONSUMER,
                   'consumer %s, which is not of this run, holds %s of '
                   'provider %s' % (
                       consumer, held[consumer]['resources'], name))
