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

from tempest import config

from local_delete_tempest_plugin import exceptions

CONF = config.CONF

ANY_HOST = '*'


def is_target(host):
    """Tell whether the operator allowed outages of a host.

    :param host: Name of the host, as Nova has it.
    :returns: A bool.
    """
    targets = CONF.local_delete.target_hosts
    return host in targets or ANY_HOST in targets


def check(service):
    """Refuse an outage that the operator or the host's state forbids.

    :param service: A fresh reading of the host's ``compute_service.Service``.
    :raises OutageRefused: with the reason.
    """
    reason = _why_not(service)
    if reason:
        raise exceptions.OutageRefused(
            reason='host %s may not be taken down: %s' % (
                service.host, reason))


def _why_not(service):
    if not CONF.local_delete.allow_outages:
        return '[local_delete] allow_outages is False'
    if not is_target(service.host):
        return 'it is not among [local_delete] target_hosts'
    if service.forced_down:
        return 'its compute service is forced down already'
    if service.state != 'up':
        return 'its compute service is %s' % service.state
    if service.status != 'enabled':
        return 'its compute service is %s (%s)' % (
            service.status, service.disabled_reason)
    return None
