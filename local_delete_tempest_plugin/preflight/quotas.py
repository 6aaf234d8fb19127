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

"""Check that the quota of the run's projects has room for a server."""

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import reading

# {name of a quota: (its limit, and what is in use, of GET /limits)}
_OF_LIMITS = {'instances': ('maxTotalInstances', 'totalInstancesUsed'),
              'cores': ('maxTotalCores', 'totalCoresUsed'),
              'ram': ('maxTotalRAMSize', 'totalRAMUsed')}


def check_project(member: Any, name: str,
                  flavor: Mapping[str, Any]) -> Iterator[finding.Finding]:
    """Check what the quota of an account's project has left.

    :param member: The ``tempest.clients.Manager`` of the account.
    :param name: Name of the account, in words.
    :param flavor: The flavor of the servers.
    :returns: An iterator of ``Finding``.
    """
    found = member.limits_client.show_limits()['limits']['absolute']
    # Without a limit there is -1, for what is in use too.
    yield _judge('quota of %s' % name, {
        quota: found[limit] if found[limit] < 0
        else max(found[limit] - found[used], 0)
        for quota, (limit, used) in _OF_LIMITS.items()}, flavor)


def check_default(admin: admins.Admin,
                  flavor: Mapping[str, Any]) -> Iterator[finding.Finding]:
    """Check the quota of a project that Tempest will make.

    :param admin: An ``admin.Admin``.
    :param flavor: The flavor of the servers.
    :returns: An iterator of ``Finding``.
    """
    found = admin.manager.quotas_client.show_default_quota_set(
        reading.project_of(admin.manager))['quota_set']
    yield _judge('quota of new projects',
                 {quota: found[quota] for quota in _OF_LIMITS}, flavor)


def _judge(name, free, flavor):
    needed = {'instances': 1, 'cores': flavor['vcpus'], 'ram': flavor['ram']}
    short = [quota for quota, amount in free.items()
             if 0 <= amount < needed[quota]]
    return finding.judge(
        name, not short, 'has no room for a server: %s' % ', '.join(
            '%d of %s are free, and %d are needed' % (
                free[quota], quota, needed[quota]) for quota in short)
        if short else 'has room for a server',
        'raise the quota; until then every scenario fails')
