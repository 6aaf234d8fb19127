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

"""How a compute service is given back, step by step."""

import shlex
from typing import Any

from oslo_log import log as logging
from tempest import config

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.safety import change as safety_change

CONF = config.CONF
LOG = logging.getLogger(__name__)

DISABLED_TRAIT = 'COMPUTE_STATUS_DISABLED'


class _NotAsBefore(Exception):
    """One of the problems that a ``RestoreFailed`` joins."""


class ComputeRestore(outage_base.Outage):
    """The restore of one compute service.

    :param target: The ``compute_services.TargetHost`` that was taken down.
    :param reason: The reason with which the run disabled the service, or
        None.
    :param before: The ``compute_services.Service`` before the outage, to
        give back.
    :param stop: As for ``Outage``.
    """

    _before: compute_services.Service

    def __init__(self, admin: cloud_admin.Admin,
                 journal: safety_change.Journal | None,
                 target: compute_services.TargetHost,
                 reason: str | None = None,
                 before: compute_services.Service | None = None,
                 stop: commands.Underway | None = None) -> None:
        super().__init__(admin, journal, stop)
        self._admin = admin
        self._services = admin.services
        self._placement = admin.placement
        self._target = target
        self._reason = reason
        if before:
            self._before = before

    def has_disabled_trait(self) -> bool:
        """Tell whether the provider carries COMPUTE_STATUS_DISABLED.

        :returns: A bool.
        """
        return DISABLED_TRAIT in self._placement.list_resource_provider_traits(
            self._target.provider_id)['traits']

    def _set(self, **settings: Any) -> None:
        self._services.update(self._before, **settings)

    def _show(self) -> compute_services.Service:
        return self._services.show(self._target.host)

    @property
    def _whose(self) -> str:
        return 'the compute service of host %s' % self._target.host

    def _await_state(self, state: str, limit: float) -> None:
        waiters.wait_until(
            self._show, lambda service: service.state == state,
            '%s is seen %s' % (self._whose, state), limit)

    def _give_back(self) -> None:
        # The order matters: enabling a service that is down leaves the trait
        # on its provider, and a forced-down one is never seen up.
        problems = []
        for step in (self._start_process, self._lift_forced_down,
                     self._await_up, self._restore_status,
                     self._await_trait_gone, self._compare):
            try:
                self._retrier.call(step)
            except Exception as error:
                # The steps after it may still succeed, and then the operator
                # has less to do. A test's time-out does not come here,
                # because it is deferred.
                LOG.exception('Giving back host %s', self._target.host)
                problems.append(str(error))
        if problems:
            raise exceptions.RestoreFailed(
                what=self._whose, problem='; '.join(problems),
                remedy=self.remedy())

    def _start_process(self) -> None:
        """Start the process, if the outage stopped it."""

    def _lift_forced_down(self) -> None:
        now = self._show()
        if now.forced_down != self._before.forced_down:
            self._set(forced_down=self._before.forced_down)

    def _await_up(self) -> None:
        self._await_state('up', CONF.local_delete.service_up_timeout)

    def _restore_status(self) -> None:
        now = self._show()
        if (now.status, now.disabled_reason) == (
                self._before.status, self._before.disabled_reason):
            return
        if now.state != 'up':
            # Its provider would keep the trait. The fence tells what to do.
            raise _NotAsBefore('the service is down, so it is left %s (%s)' % (
                now.status, now.disabled_reason))
        if now.status == 'disabled' and now.disabled_reason != self._reason:
            raise _NotAsBefore(
                'somebody else disabled the service during the outage (%r), '
                'so it is left disabled: ask who did it' % now.disabled_reason)
        if self._before.disabled_reason is None:
            self._set(status=self._before.status)
        else:
            self._set(status=self._before.status,
                      disabled_reason=self._before.disabled_reason)

    def _await_trait_gone(self) -> None:
        # The provider of a service that is disabled keeps the trait.
        if self._show().status == 'enabled':
            waiters.wait_until(
                self.has_disabled_trait, lambda there: not there,
                'the trait %s is gone from %s' % (
                    DISABLED_TRAIT, self._target),
                CONF.local_delete.trait_timeout)

    def _compare(self) -> None:
        now = self._show()
        if now.settings != self._before.settings:
            raise _NotAsBefore('it was (%s) and is (%s)' % (
                self._before, now))

    def remedy(self) -> str:
        """Give the command lines that put the host right.

        :returns: A str.
        """
        host = shlex.quote(self._target.host)
        return ('openstack --os-compute-api-version 2.53 compute service set '
                '--up {0} nova-compute; openstack compute service set '
                '--enable {0} nova-compute'.format(host))
