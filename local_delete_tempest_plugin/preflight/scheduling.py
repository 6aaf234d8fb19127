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
"""Tell whether Nova's scheduler would bring a server to the target hosts.

Placement does not know all that the scheduler goes by.
"""

from collections.abc import Collection
from collections.abc import Iterator
from typing import Any

from tempest import config

from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.safety import guard

CONF = config.CONF

_BINARIES = 'nova-scheduler', 'nova-conductor'

# With a suffix, too, where Placement filters the aggregates.
_TENANTS = 'filter_tenant_id'


def check_zones(admin: admins.Admin) -> Iterator[finding.Finding]:
    """Check that servers come to the availability zones of target hosts.

    The API does not tell ``default_schedule_zone`` of nova.conf.

    :param admin: An ``admin.Admin``.
    :returns: An iterator of ``Finding``.
    """
    zones = admin.services.zones()
    targets = _sorted(zone for host, zone in zones.items()
                      if guard.is_target(host))
    wanted = CONF.local_delete.availability_zone
    words = 'target hosts are in %s' % (', '.join(targets) or 'none')
    if wanted:
        yield finding.judge(
            'availability zone', wanted in targets,
            'servers ask for %s, and %s' % (wanted, words),
            'set [local_delete] availability_zone to a zone of target hosts')
        return
    yield finding.judge(
        'availability zone', len(_sorted(zones.values())) < 2,
        '%s, and the hosts of the cloud in %s' % (
            words, ', '.join(_sorted(zones.values())) or 'none'),
        'set [local_delete] availability_zone to the zone of the target '
        'hosts. Otherwise Nova puts the servers elsewhere if nova.conf sets '
        'default_schedule_zone to another zone', bad=finding.WARN)


def check_services(admin: admins.Admin) -> Iterator[finding.Finding]:
    """Check that a scheduler and a conductor are up.

    :param admin: An ``admin.Admin``.
    :returns: An iterator of ``Finding``.
    """
    for binary in _BINARIES:
        states = [service.state for service in admin.services.list(binary)]
        up = states.count('up')
        # Not every cloud shows them.
        if states:
            yield finding.judge(
                binary, up, '%d of %d are up' % (up, len(states)),
                'start it; until then no server becomes ACTIVE')


class Tenants:
    """The aggregates that are only for some projects.

    :param admin: An ``admin.Admin``.
    :param projects: Ids of the projects of the run; None where Tempest makes
        them.
    """

    def __init__(self, admin: admins.Admin,
                 projects: Collection[str] | None) -> None:
        self._projects = projects
        self._aggregates = [
            (aggregate, allowed) for aggregate in
            admin.manager.aggregates_client.list_aggregates()['aggregates']
            if (allowed := _tenants(aggregate))]

    def refusal(self, host: str) -> str | None:
        """Say why a host takes no server of the run's projects.

        :param host: Name of the host, as Nova has it.
        :returns: Words, or None where nothing is known against it.
        """
        found = [(aggregate['name'], allowed)
                 for aggregate, allowed in self._aggregates
                 if host in aggregate['hosts']]
        if not found:
            return None
        allowed = set().union(*(projects for _, projects in found))
        if self._projects is not None and allowed.issuperset(self._projects):
            return None
        return 'is in aggregate %s, which is only for the projects %s (%s)' % (
            ' and '.join(name for name, _ in found),
            ', '.join(sorted(allowed)), _TENANTS)


def _tenants(aggregate: dict[str, Any]) -> set[str]:
    return {project.strip()
            for name, value in (aggregate.get('metadata') or {}).items()
            if name.startswith(_TENANTS)
            for project in str(value).split(',') if project.strip()}


def _sorted(zones):
    return sorted({str(zone) for zone in zones})
