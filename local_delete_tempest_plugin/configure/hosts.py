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

"""Find the hosts that could be taken down, and write what the operator allows.

Nothing is allowed that the operator did not name. What the cloud offers is
only proposed.
"""

import collections
from collections.abc import Callable
import dataclasses
import math

from oslo_config import cfg
from tempest import config

from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin.configure import settings
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.preflight import cloud
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.safety import guard

CONF = config.CONF

# A move needs two.
_PROPOSED = 2

# How many hosts are named that are free beside these.
_FEW = 8

# How far a limit is above the time that is expected.
_SLACK = 1.25

# Limits that are enough for the intervals of DevStack, in seconds.
_SLOW_DOWN, _SLOW_UP, _STARTS = 900, 600, 240


@dataclasses.dataclass(frozen=True)
class Allowed:
    """What the operator allows.

    :param hosts: Names of the hosts that may be taken down.
    :param min_other_hosts: The value of that option; None for its default.
    """

    hosts: tuple[str, ...] = ()
    min_other_hosts: int | None = None


def refuse_what_is_there(chosen: settings.Settings) -> None:
    """Refuse to mix with what an operator has allowed in tempest.conf.

    :param chosen: The settings.
    :raises NotConfigured: an option is there that says what is allowed.
    """
    for option in ('allow_outages', 'target_hosts', 'availability_zone',
                   'min_other_hosts'):
        if not chosen.may_choose(settings.OWN, option):
            raise exceptions.NotConfigured(
                problem='tempest.conf has [%s] %s already, so nothing was '
                'written: remove the section, or call it with --replace, '
                'which makes comments of the old lines' % (
                    settings.OWN, option))


def choose(chosen: settings.Settings, admin: admins.Admin, allowed: Allowed,
           progress: Callable[[str], None]) -> None:
    """Look at the hosts as preflight does, and choose ``[local_delete]``.

    :param chosen: The settings.
    :param admin: An ``admin.Admin``.
    :param allowed: What the operator allows.
    :param progress: Takes the name of each check before it begins.
    :raises NotConfigured: no host is free, or one that is named is not.
    """
    checks, found = _look(admin, allowed, progress)
    free = sorted(target.host for target in checks.targets)
    zones = {host: str(zone) for host, zone in admin.services.zones().items()}
    if allowed.hosts:
        _refuse(allowed.hosts, free, found)
        _allow(chosen, allowed.hosts)
        hosts = allowed.hosts
    else:
        _refuse_none(free, found)
        hosts = _propose(chosen, free, zones)
    _choose_zone(chosen, zones, {zones.get(host, '') for host in hosts},
                 bool(allowed.hosts))
    if allowed.min_other_hosts is not None:
        chosen.choose(settings.OWN, 'min_other_hosts',
                      str(allowed.min_other_hosts),
                      'You gave it with --min-other-hosts.')
    _choose_limits(chosen, checks.pace)
    _choose_tls(chosen, admin)


def _look(admin, allowed, progress):
    """Let the guard judge the hosts, which only reads."""
    for option, value in (
            ('allow_outages', True), ('allow_foreign_servers', False),
            ('target_hosts', list(allowed.hosts) or [guard.ANY_HOST]),
            ('availability_zone', None),
            ('min_other_hosts', CONF.local_delete.min_other_hosts
             if allowed.min_other_hosts is None
             else allowed.min_other_hosts)):
        cfg.CONF.set_override(option, value, group=settings.OWN)
    # Accounts of a file may be of projects that have hosts of their own.
    checks = cloud.CloudChecks(
        admin, None if CONF.auth.use_dynamic_credentials else [], progress)
    return checks, list(checks.run())


def _refuse(hosts, free, findings):
    for host in hosts:
        if host not in free:
            raise exceptions.NotConfigured(problem=next(
                ('%s: %s. To do: %s' % (one.check, one.found, one.to_do)
                 for one in findings if one.check == cloud.OF_HOST + host),
                _why_unknown(findings)))


def _refuse_none(free, findings):
    if free:
        return
    refused = [one for one in findings if one.check.startswith(cloud.OF_HOST)
               and one.outcome != finding.PASS]
    if not refused:
        raise exceptions.NotConfigured(problem=_why_unknown(findings))
    kinds = collections.Counter(one.kind or 'other' for one in refused)
    raise exceptions.NotConfigured(
        problem='none of %d computes is free to be taken down (%s). For '
        'example: %s: %s' % (
            len(refused), ', '.join('%s: %d' % (kind, count) for kind, count
                                    in kinds.most_common()),
            refused[0].check, refused[0].found))


def _why_unknown(findings: list[finding.Finding]) -> str:
    """Say why no host was looked at."""
    return next(
        ('the hosts could not be read: %s' % one.found for one in findings
         if one.check == cloud.HOSTS and one.outcome == finding.FAIL
         and not isinstance(one, finding.Hosts)),
        'Nova shows no compute service at all: make sure that the database of '
        'each cell answers')


def _allow(chosen, hosts):
    chosen.choose(settings.OWN, 'allow_outages', 'True',
                  'You allowed it with --allow-outages.')
    chosen.choose(settings.OWN, 'target_hosts', ','.join(hosts),
                  'Each of these hosts was free when this was written.')


def _propose(chosen, free, zones):
    """Propose hosts of one zone, the one with the most free hosts.

    :returns: The hosts.
    """
    chosen.choose(
        settings.OWN, 'allow_outages', 'False',
        'Nothing is taken down until you set this to True and name hosts '
        'below.')
    count = collections.Counter(zones.get(host, '') for host in free)
    zone = max(sorted(count), key=lambda one: count[one])
    hosts = [host for host in free
             if zones.get(host, '') == zone][:_PROPOSED]
    more = len(free) - _FEW
    names = ','.join(hosts)
    chosen.propose(
        'target_hosts', names,
        'Free when this was written: %s%s. Name only hosts that may be down '
        'for minutes. Moves need two.' % (
            ', '.join(free[:_FEW]), ' and %d more' % more if more > 0
            else ''), replaces=True)
    chosen.open.append(
        '[%s] allow_outages and target_hosts: until you set them every '
        'scenario skips. Set them in the file, or call this again with '
        '--replace --allow-outages %s' % (settings.OWN, names))
    return hosts


def _choose_zone(chosen: settings.Settings, zones: dict[str, str],
                 used: set[str], is_allowed: bool) -> None:
    """Let servers ask for the zone of the hosts, where there are several."""
    several = len(set(zones.values())) > 1
    why = 'The zone of the target hosts. The cloud has %d.' % (
        len(set(zones.values())))
    if is_allowed and several and len(used) == 1:
        chosen.choose(settings.OWN, 'availability_zone', ','.join(used), why)
    elif several or settings.is_set(settings.OWN, 'availability_zone'):
        chosen.propose('availability_zone', ','.join(sorted(used)), why,
                       replaces=True)


def _choose_limits(chosen, pace):
    """Raise two limits where heartbeats come more rarely than Nova's own."""
    down = math.ceil(_SLACK * pace.service_down_time)
    if down <= CONF.local_delete.service_down_timeout:
        return
    why = ('The heartbeats of the computes come about every %d s. Set it '
           'above %s of nova.conf.')
    chosen.choose(settings.OWN, 'service_down_timeout',
                  str(max(_SLOW_DOWN, down)),
                  why % (pace.report_interval, 'service_down_time'))
    chosen.choose(settings.OWN, 'service_up_timeout', str(max(
        _SLOW_UP, _STARTS + math.ceil(3 * pace.report_interval))),
        why % (pace.report_interval, 'twice report_interval'))


def _choose_tls(chosen, admin):
    urls = [CONF.identity.uri_v3 or '', *(
        endpoint.url for endpoint in endpoints.find(admin.manager)
        if endpoint.url)]
    if not CONF.identity.disable_ssl_certificate_validation and not any(
            map(endpoints.is_plain, urls)):
        chosen.choose(settings.OWN, 'require_tls', 'True',
                      'Each endpoint of this cloud is https.')
