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

"""How a compute service is given back, step by step.

Each step asks first whether the change is still the run's own. The process
that took the service away knows what it did. A process that recovers the run
later goes by the status and the disabled reason of the service. If they are
as the run left them, the flag and the stopped process are the run's too. If
they are not, somebody else has the host, and nothing of it is touched.
"""

from collections.abc import Callable
import shlex
from typing import Any
from typing import ClassVar

from oslo_log import log as logging
from tempest import config

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import run as safety_run

CONF = config.CONF
LOG = logging.getLogger(__name__)

DISABLED_TRAIT = 'COMPUTE_STATUS_DISABLED'


class NotAsBefore(Exception):
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

    # Each name is in journals, so it stays as it is.

    #: Whether the outage forces the service down.
    forces_down: ClassVar[bool] = False

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
        # What of the service is the run's own, as far as this process knows.
        self._has_forced_down = False
        self._has_stopped = False
        self._has_set: tuple[str | None, str | None] | None = (
            ('disabled', reason) if reason else None)
        # Whether the host may be somebody else's by now.
        self._is_lost = False
        # Whether Nova changes the service only after an upgrade of it.
        self._is_too_old = False
        self._left: list[str] = []

    @property
    def where(self) -> str:
        return self._target.host

    def has_disabled_trait(self) -> bool:
        """Tell whether the provider carries COMPUTE_STATUS_DISABLED.

        :returns: A bool.
        """
        return DISABLED_TRAIT in self._placement.list_resource_provider_traits(
            self._target.provider_id)['traits']

    def _set(self, **settings: Any) -> None:
        # A signal waits for the answer. Otherwise the restore would look
        # before Nova has done it.
        with signals.deferred():
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
        outage_base.until_all_is_answered(self._give_back_once)

    def _give_back_once(self) -> None:
        self._left = []
        self._is_too_old = False
        problems: list[str] = []
        if self._journal or self._try(self._claim, problems):
            # The order matters. Nova leaves the trait on the provider if a
            # service is enabled while it is down. A service that is forced
            # down is never seen up.
            if self._has_stopped:
                self._try(self._start_process, problems)
            for step in (self._lift_forced_down, self._await_up,
                         self._restore_status, self._await_trait_gone,
                         self._compare):
                self._try(step, problems)
        left = ', and '.join(self._left)
        if problems:
            raise exceptions.RestoreFailed(
                what=self._whose, problem='; '.join(
                    problems + ([left] if left else [])),
                remedy=self.remedy())
        if left:
            raise exceptions.LeftToOperator(what=self._whose, found=left)

    def _try(self, step: Callable[[], None], problems: list[str]) -> bool:
        """Make a step, and note why it failed; tell whether it did not."""
        try:
            self._retrier.call(step)
        except Exception as error:
            # The steps after it may still succeed, and then the operator has
            # less to do. A test's time-out does not come here, because it is
            # deferred.
            LOG.exception('Giving back host %s', self._target.host)
            self._is_too_old |= isinstance(error, exceptions.ServiceTooOld)
            problems.append(str(error))
            return False
        return True

    def _claim(self) -> None:
        """Find out what of the service is still the run's own."""
        now = self._show()
        # A run fences a host first, and takes the fence away last.
        fence = ('disabled', self._reason) if self._reason else None
        self._is_lost = now.id != self._before.id or _words(now) != (
            fence or _words(self._before))
        self._has_set = None if self._is_lost else fence
        self._has_stopped = not self._is_lost
        self._has_forced_down = not self._is_lost and self.forces_down

    def _start_process(self) -> None:
        """Start the process, if outages of this kind stop it."""

    def _lift_forced_down(self) -> None:
        now = self._show()
        if now.forced_down and self._has_forced_down:
            self._services.update(now, forced_down=False)
            self._has_forced_down = self._show().forced_down

    def _await_up(self) -> None:
        now = self._show()
        if self._is_lost and now.settings != self._before.settings:
            # Somebody else may want it down.
            return
        try:
            waiters.wait_until(
                self._show, lambda service: (
                    service.state == 'up' or service.forced_down),
                '%s is seen up' % self._whose,
                CONF.local_delete.service_up_timeout)
        except exceptions.TimedOut:
            if not self._is_lost:
                raise
            self._left.append('somebody else has given it back since, and it '
                              'is down: %s' % self._show())

    def _restore_status(self) -> None:
        now = self._show()
        if self._has_set != _words(now):
            return
        if now.state != 'up' and (
                not now.forced_down or self._has_forced_down):
            # Its provider would keep the trait. The fence tells what to do.
            raise NotAsBefore('the service is down, so it is left %s (%s)' % (
                now.status, now.disabled_reason))
        if self._before.disabled_reason is None:
            self._services.update(now, status=self._before.status)
        else:
            self._services.update(
                now, status=self._before.status,
                disabled_reason=self._before.disabled_reason)

    def _await_trait_gone(self) -> None:
        # The provider of a service that is disabled keeps the trait. That of
        # a service that is down keeps it until its nova-compute next looks.
        def keeps_trait() -> bool:
            now = self._show()
            return (now.status, now.state) == (
                'enabled', 'up') and self.has_disabled_trait()

        waiters.wait_until(
            keeps_trait, lambda there: not there,
            'the trait %s is gone from %s' % (DISABLED_TRAIT, self._target),
            CONF.local_delete.trait_timeout)

    def _compare(self) -> None:
        now = self._show()
        if (now.forced_down and self._has_forced_down
                or _words(now) == self._has_set):
            raise NotAsBefore('it was (%s) and is (%s)' % (
                self._before, now))
        if self._is_lost:
            if now.settings != self._before.settings:
                self._left.append(
                    'somebody else has changed it since the outage %r of the '
                    'run, so nothing of it was touched: %s' % (
                        self.name, now))
            return
        if now.forced_down != self._before.forced_down:
            self._left.append(
                'somebody else has forced it down' + self._trait_may_return())
        if _words(now) != _words(self._before):
            self._left.append('somebody else has disabled it, %s' % (
                'with the reason %r' % now.disabled_reason
                if now.disabled_reason else 'without a reason'))

    def _trait_may_return(self) -> str:
        # Once the flag is lifted, an audit takes COMPUTE_STATUS_DISABLED away.
        # Before that it makes each trait that it has cached and misses.
        run_id = safety_run.fenced_by(self._reason)
        if not run_id:
            return ''
        return (' (once it is up, nova-compute may make the trait of the run '
                'again; then "tempest local-delete recover --run %s" removes '
                'it)' % run_id)

    def remedy(self) -> str:
        """Tell how to put right what is the run's own.

        :returns: Command lines, or the words for them. They change nothing
            that somebody else has changed.
        """
        try:
            now = self._show()
        except Exception:
            # The API may be why the restore failed.
            forced_down, fenced = self._has_forced_down, bool(
                self._journal and self._has_set)
        else:
            forced_down = now.forced_down and self._has_forced_down
            fenced = _words(now) == self._has_set
        upgrade = ['upgrade nova-compute on %s, and restart it' %
                   self._target.host] if self._is_too_old else []
        return '; '.join(
            upgrade + self._words_for_process() + _lines(
                self._target.host, up=forced_down, enable=fenced)
        ) or 'tempest local-delete recover'

    def _words_for_process(self) -> list[str]:
        """Tell how to start the process, if the outage stopped it."""
        return []


def _words(service: compute_services.Service) -> tuple[str | None, str | None]:
    """Give what only an admin sets, and what tells who did it."""
    return service.status, service.disabled_reason


def advice(service: compute_services.Service) -> str:
    """Tell how to bring back a service whose outage nobody knows.

    :param service: The service, which is down.
    :returns: Command lines, or the words for them.
    """
    if service.status == 'disabled':
        return 'ask who disabled host %s (%r)' % (
            service.host, service.disabled_reason)
    return '; '.join(_lines(service.host, service.forced_down, False) or [
        'start nova-compute on %s' % service.host])


def _lines(host: str, up: bool, enable: bool) -> list[str]:
    """Give the command lines that change a compute service.

    :param host: Name of the host, as Nova has it.
    :param up: Whether to lift forced_down.
    :param enable: Whether to enable the service.
    :returns: A list of str.
    """
    return [line % shlex.quote(host) for line, wanted in (
        ('openstack --os-compute-api-version 2.53 compute service set '
         '--up %s nova-compute', up),
        ('openstack compute service set --enable %s nova-compute', enable),
    ) if wanted]
