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

"""Run the start commands. A service that runs already stays as it is."""

from collections.abc import Iterator

from tempest import config

from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import conductor as conductor_outage
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.outages import scheduler as scheduler_outage
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.safety import guard

CONF = config.CONF


def check(admin: admins.Admin) -> Iterator[finding.Finding]:
    """Start services that the cloud shows as up. Nothing is ever stopped.

    A service that is down is left alone, because somebody may have taken it
    down on purpose.

    :param admin: An ``admin.Admin``.
    :returns: An iterator of ``Finding``.
    """
    for option in ('compute_start_command', 'compute_thaw_command'):
        if CONF.local_delete[option]:
            for service in admin.services.list():
                if guard.is_target(service.host):
                    yield _try(option, service.state == 'up', str(service),
                               service.host)
    placement = placement_outage.PlacementStopped(
        admin, None, placement_outage.PlacementStopped.UNAVAILABLE)
    for option in ('placement_start_command',
                   'placement_proxy_start_command'):
        if CONF.local_delete[option]:
            seen = placement.probe()
            yield _try(option, seen == placement.ANSWERS,
                       'Placement: %s' % seen)
    for outage in (scheduler_outage.SchedulerStopped,
                   conductor_outage.ConductorStopped):
        option = outage.needs[1]
        if CONF.local_delete[option]:
            down = ['%s is %s' % (service.host, service.state) for service
                    in admin.services.list(outage.where)
                    if service.state != 'up']
            yield _try(option, not down,
                       '%s: %s' % (outage.where, '; '.join(down)))


def _try(option: str, is_up: bool, seen: str,
         host: str | None = None) -> finding.Finding:
    name = 'try %s%s' % (option, ' on %s' % host if host else '')
    if not is_up:
        return finding.Finding(name, finding.WARN, 'not run: ' + seen,
                               'start the service if it should run, and try '
                               'again')
    try:
        commands.run(option, host)
    except exceptions.CommandFailed as error:
        return finding.Finding(
            name, finding.FAIL, exceptions.one_line(error),
            'run the command by hand; it must succeed if the service runs '
            'already')
    return finding.Finding(name, finding.PASS, 'ended with 0')
