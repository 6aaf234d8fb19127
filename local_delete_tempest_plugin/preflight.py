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

"""What would happen on this cloud, and what stands in the way.

Only GET requests are sent, and the POST that gets a token.
"""

import dataclasses
import json
import os
import shutil

from tempest import config
from tempest.lib.common import api_version_request
from tempest.lib import exceptions as lib_exc
import urllib3

from local_delete_tempest_plugin import admin as admins
from local_delete_tempest_plugin import commands
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin import guard
from local_delete_tempest_plugin import journal
from local_delete_tempest_plugin import outage
from local_delete_tempest_plugin import run

CONF = config.CONF

PASS, WARN, FAIL = 'pass', 'warn', 'fail'

_FAILURES = (lib_exc.TempestException, urllib3.exceptions.HTTPError)

_NEEDS_PLACEMENT_AWAY = {
    'test_allocations_removed_after_compute_restart':
        outage.PlacementStopped.REFUSED,
    'test_server_kept_when_placement_unavailable':
        outage.PlacementStopped.UNAVAILABLE,
}

_PAIRS = ('compute', 'placement', 'placement_proxy')


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one check found, and what to do about it."""

    check: str
    outcome: str
    found: str
    to_do: str = ''


def check_options():
    """Check the options alone; nothing is asked of the cloud.

    :returns: A generator of ``Finding``.
    """
    options = CONF.local_delete
    yield _finding('allow_outages', options.allow_outages,
                   'is %s' % options.allow_outages,
                   'set it to True; every scenario skips')
    yield _finding('target_hosts', options.target_hosts,
                   ', '.join(options.target_hosts) or 'is empty',
                   'name the hosts that may be taken down')
    for option in ('image_ref', 'flavor_ref'):
        yield _finding('[compute] ' + option, CONF.compute[option],
                       CONF.compute[option] or 'is not set', 'set it')
    yield _finding(
        'poll_interval_start', options.poll_interval_start <= (
            options.poll_interval_max),
        '%g s, and poll_interval_max is %g s' % (
            options.poll_interval_start, options.poll_interval_max),
        'it has to be the smaller one')
    yield _check_test_timeout()
    for pair in _PAIRS:
        yield from _check_commands(pair)


def _check_test_timeout():
    limits = [getattr(CONF.local_delete, name) for name in (
        'service_down_timeout', 'delete_timeout', 'action_timeout',
        'heal_timeout', 'service_up_timeout')] + [CONF.compute.build_timeout]
    words = os.environ.get('OS_TEST_TIMEOUT', '0')
    timeout = int(words) if words.isdigit() else 0
    return _finding(
        'OS_TEST_TIMEOUT', not 0 < timeout < sum(limits),
        '%d s, and the waits of a scenario may take %d s' % (
            timeout, sum(limits)) if timeout else 'is not set',
        'raise it, or lower the limits', bad=WARN)


def _check_commands(pair):
    stop, start = pair + '_stop_command', pair + '_start_command'
    options = CONF.local_delete
    if not options[stop] and not options[start]:
        yield Finding(stop, PASS, 'is not set: what needs it skips')
        return
    host = 'host' if pair == 'compute' else None
    for option in (stop, start):
        try:
            words = commands.arguments(option, host)
        except exceptions.CommandFailed as error:
            yield Finding(option, FAIL, str(error),
                          'set both commands, or none')
            continue
        yield _finding(option, shutil.which(words[0]), words[0],
                       'there is no such program')


def _finding(check, good, found, to_do, bad=FAIL):
    return (Finding(check, PASS, found) if good
            else Finding(check, bad, found, to_do))


class CloudChecks:
    """The checks that ask the cloud.

    :param admin: An ``admin.Admin``.
    """

    def __init__(self, admin):
        self._admin = admin
        self._run = run.Run()

    def run(self):
        """Do all the checks; one that cannot be done is a failed one.

        :returns: A generator of ``Finding``.
        """
        for name, check in (
                ('admin', self._check_admin),
                ('endpoints', self._check_endpoints),
                ('compute API', self._check_compute_api),
                ('Placement API', self._check_placement_api),
                ('image', self._check_image),
                ('flavor', self._check_flavor),
                ('target hosts', self._check_hosts),
                ('journals', self._check_journals)):
            try:
                yield from check()
            except _FAILURES as error:
                yield Finding(name, FAIL, ' '.join(str(error).split()),
                              'see tempest.log')

    def _auth(self):
        return self._admin.manager.auth_provider.auth_data[1]

    def _check_admin(self):
        roles = sorted(role['name'] for role in self._auth()['roles'])
        yield _finding('admin', CONF.identity.admin_role in roles,
                       'has the roles %s' % ', '.join(roles),
                       'give it the role %s' % CONF.identity.admin_role)

    def _check_endpoints(self):
        insecure = sorted({
            endpoint['url'].split('/')[2]
            for service in self._auth()['catalog']
            if service['type'] in ('identity', 'compute', 'network', 'image',
                                   CONF.placement.catalog_type)
            for endpoint in service['endpoints']
            if endpoint['interface'] == 'public'
            and endpoint['url'].startswith('http:')})
        yield _finding('TLS', not insecure, 'http to %s' % ', '.join(
            insecure) if insecure else 'every endpoint',
            'use https: passwords and tokens can be read on the way',
            bad=WARN)

    def _check_compute_api(self):
        versions = self._admin.manager.compute_versions_client.list_versions()
        # v2.0 has no microversions, and says so with an empty string.
        offered = [version['version'] for version in versions['versions']
                   if version['version']]
        yield self._check_version(
            'compute', max(offered, key=_as_version, default='2.0'),
            admins.COMPUTE_MICROVERSION, required=True)

    def _check_placement_api(self):
        placement = self._admin.placement
        _, body = placement.raw_request(
            placement.base_url.rstrip('/') + '/', 'GET')
        try:
            version = json.loads(body)['versions'][0]['max_version']
        except (ValueError, LookupError, TypeError):
            raise exceptions.InvalidAnswer(
                call='GET /', problem='names no max_version')
        yield self._check_version('placement', version,
                                  admins.PLACEMENT_MICROVERSION,
                                  required=False)

    def _check_version(self, group, offered, needed, required):
        allowed = getattr(CONF, group).max_microversion
        name = '%s microversion %s' % (group, needed)
        if _as_version(offered) < _as_version(needed):
            return Finding(name, FAIL, 'the cloud has up to %s' % offered,
                           'this cloud is too old')
        if allowed is None and required or allowed is not None and (
                _as_version(allowed) < _as_version(needed)):
            return Finding(
                name, FAIL, '[%s] max_microversion is %s' % (group, allowed),
                'set it to %s, which the cloud has' % offered)
        return Finding(name, PASS, 'the cloud has up to %s' % offered)

    def _check_image(self):
        image = self._admin.manager.image_client_v2.show_image(
            CONF.compute.image_ref)
        yield _finding('image', image['status'] == 'active',
                       '%s is %s' % (image['name'], image['status']),
                       'name another one in [compute] image_ref')

    def _check_flavor(self):
        flavor = self._admin.flavors_client.show_flavor(
            CONF.compute.flavor_ref)['flavor']
        yield Finding('flavor', PASS, '%s: %d vCPU, %d MiB, %d GiB' % (
            flavor['name'], flavor['vcpus'], flavor['ram'], flavor['disk']))

    def _check_hosts(self):
        known = [service.host for service in self._admin.services.list()]
        wanted = [host for host in CONF.local_delete.target_hosts
                  if host != guard.ANY_HOST]
        for host in sorted(set(wanted) - set(known)):
            yield Finding('host ' + host, FAIL,
                          'Nova has no compute service on it',
                          'the computes are %s' % ', '.join(sorted(known)))
        asked = guard.Guard(self._run, self._admin)
        usable = 0
        for host in sorted(filter(guard.is_target, known)):
            try:
                asked.check(self._admin.services.target_host(host))
            except exceptions.OutageRefused as refusal:
                yield Finding('host ' + host, WARN, str(refusal),
                              'the scenarios pass it over')
            else:
                usable += 1
                yield Finding('host ' + host, PASS, 'may be taken down now')
        yield _finding('target hosts', usable, '%d may be taken down now'
                       % usable, 'every scenario skips')

    def _check_journals(self):
        left = []
        for dead in journal.find_dead():
            left.append(dead.run_id)
            dead.close(recovered=False)
        yield _finding('journals', not left, 'of dead runs: %s' % (
            ', '.join(left) or 'none'),
            'tempest local-delete recover', bad=WARN)


def _as_version(version):
    return api_version_request.APIVersionRequest(version)


def foresee(scenario_class):
    """Tell what each scenario will do, as far as the options tell.

    :param scenario_class: A class of scenarios.
    :returns: A generator of ``Finding``; a skip is a warning.
    """
    for name in sorted(dir(scenario_class)):
        if not name.startswith('test_'):
            continue
        answer = _NEEDS_PLACEMENT_AWAY.get(name)
        missing = outage.missing_for(answer) if answer else None
        yield _finding(name, not missing, 'skips: %s' % missing
                       if missing else 'runs', 'set it, should it run',
                       bad=WARN)
