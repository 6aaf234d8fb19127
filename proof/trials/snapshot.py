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

"""Everything that a run could leave in the cloud, read as the admin."""

import collections.abc
import concurrent.futures
import contextlib
import dataclasses
import re
import time

from keystoneauth1 import exceptions as keystone_exceptions

from allinone import api
from allinone import deployment
from allinone import errors
from allinone import readiness
from proof.trials import marks

# Placement's generation and Nova's heartbeat change by themselves.
_SERVICE = ('state', 'status', 'disabled_reason', 'forced_down')


# Seconds between two readings of the services.
_PAUSE = 1


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The cloud at one moment.

    :ivar kinds: {kind of resource: {its id: its state}}
    """

    kinds: dict[str, dict[str, object]]

    def differences(self, later: 'Snapshot') -> list[str]:
        """Return a line for each difference of a later snapshot."""
        return [
            f'{kind} {key}: was {before.get(key)}, is {after.get(key)}'
            for kind, before in self.kinds.items()
            for after in (later.kinds[kind],)
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)]

    def fallen(self, cloud: deployment.Deployment, seconds: float
               ) -> list[str]:
        """Read the services for a while.

        :returns: A line for each service that was not as in this snapshot, and
            one if Placement did not answer.
        """
        begin = time.monotonic()
        admin = api.Admin(cloud)
        found: dict[str, float] = {}

        def look():
            for line in self._away(admin):
                found.setdefault(line, time.monotonic() - begin)
            return time.monotonic() - begin >= seconds

        readiness.wait('the end of the watch', look, 2 * seconds + _PAUSE,
                       _PAUSE)
        return [f'{after:.0f} s after all was well: {line}'
                for line, after in found.items()]

    def _away(self, admin):
        now = Snapshot({'service': _services(admin)})
        return Snapshot({'service': self.kinds['service']}).differences(
            now) + _placement_away(admin)


def split(differences: list[str],
          run_ids: collections.abc.Container[str]
          ) -> tuple[list[str], list[str]]:
    """Tell what runs left from the traits that Nova itself brought back.

    An audit may be under way when its service is disabled or enabled. Then it
    writes the traits that it cached minutes before, and with them the traits
    of runs that have ended (doc/source/findings.rst).

    :param differences: what ``Snapshot.differences`` returned
    :param run_ids: ids of the runs since the earlier snapshot
    :returns: The lines of what runs left, and the lines of such traits, which
        are called ghosts.
    """
    ghosts = [
        line for line in differences
        if (found := re.match(rf'(custom )?trait {marks.TRAIT}(\w+)', line))
        and found[2] not in run_ids]
    return [line for line in differences if line not in ghosts], ghosts


def settle(differences: collections.abc.Callable[[], list[str]],
           limit: float) -> list[str]:
    """Wait until a cloud has no differences any more.

    :param differences: returns a line for each difference
    :param limit: seconds
    :returns: The last lines. There are none unless the limit has passed.
    """
    left: list[str] = []

    def same():
        left[:] = differences()
        return not left

    with contextlib.suppress(errors.StepFailed):
        readiness.wait('the cloud as it was', same, limit)
    return left


def take(cloud: deployment.Deployment) -> Snapshot:
    """Read the whole cloud."""
    admin = api.Admin(cloud)
    readers = {
        'service': _services, 'allocations': _allocations,
        'trait': _traits, 'custom trait': _custom_traits,
        'inventory': _inventories, 'aggregate': _aggregates,
        'provider aggregate': _provider_aggregates, 'quota': _quotas,
        'server': _named('compute', '/servers?all_tenants=1', 'servers'),
        'flavor': _named('compute', '/flavors?is_public=None', 'flavors'),
        'volume': _named('block_storage', '/volumes/detail?all_tenants=1',
                         'volumes'),
        'attachment': _attachments,
        'image': _named('image', '/v2/images', 'images'),
        'account file': lambda admin: {
            path.name: path.read_text() for path in sorted(
                (cloud.tempest / 'tempest_lock' / 'test_accounts').glob('*'))},
        **{kind: _named('identity', f'/{kind}s', f'{kind}s')
           for kind in ('project', 'user')},
        **{kind: _named('network', f'/v2.0/{kind}s', f'{kind}s')
           for kind in ('network', 'subnet', 'port', 'router',
                        'floatingip')},
        'server group': _named('compute', '/os-server-groups?all_projects=1',
                               'server_groups'),
        'security group': _named('network', '/v2.0/security-groups',
                                 'security_groups'),
    }
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return Snapshot(dict(zip(readers, pool.map(
            lambda read: read(admin), readers.values()), strict=True)))


def _named(service, path, key):
    def read(admin):
        return {one['id']: one.get('name') for one in
                api.pages(getattr(admin, service), path, key)}
    return read


def _attachments(admin):
    return {one['id']: f'of {one["volume_id"]} to {one["instance"]}'
            for one in admin.block_storage.get(
                '/attachments?all_tenants=1').json()['attachments']}


def _services(admin):
    return {f'{one["binary"]} {one["host"]}': {
        name: one[name] for name in _SERVICE}
        for one in admin.compute.get('/os-services').json()['services']}


def _placement_away(admin):
    try:
        admin.placement.get('/')
    except keystone_exceptions.ClientException as error:
        return [f'Placement does not answer: {error}']
    return []


def _aggregates(admin):
    return {one['name']: sorted(one['hosts']) for one in admin.compute.get(
        '/os-aggregates').json()['aggregates']}


def _inventories(admin):
    return {
        f'{name} of {provider["name"]}': inventory
        for provider in _providers(admin)
        for name, inventory in admin.placement.get(
            f'/resource_providers/{provider["uuid"]}/inventories'
        ).json()['inventories'].items()}


def _provider_aggregates(admin):
    return {
        f'{aggregate} of {provider["name"]}': True
        for provider in _providers(admin)
        for aggregate in admin.placement.get(
            f'/resource_providers/{provider["uuid"]}/aggregates'
        ).json()['aggregates']}


def _quotas(admin):
    return {project['name']: admin.compute.get(
        f'/os-quota-sets/{project["id"]}').json()['quota_set']['instances']
        for project in admin.identity.get('/projects').json()['projects']}


def _providers(admin):
    return admin.placement.get(
        '/resource_providers').json()['resource_providers']


def _allocations(admin):
    return {
        f'of {consumer} on {provider["name"]}': held['resources']
        for provider in _providers(admin)
        for consumer, held in admin.placement.get(
            f'/resource_providers/{provider["uuid"]}/allocations'
        ).json()['allocations'].items()}


def _traits(admin):
    return {
        f'{trait} on {provider["name"]}': True
        for provider in _providers(admin)
        for trait in admin.placement.get(
            f'/resource_providers/{provider["uuid"]}/traits'
        ).json()['traits']}


def _custom_traits(admin):
    return dict.fromkeys(admin.placement.get(
        '/traits?name=startswith:CUSTOM_').json()['traits'], True)
