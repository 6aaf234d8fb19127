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

"""Ways to take a compute service away."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
from typing import Any

from oslo_log import log as logging
from tempest import config

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.outages import compute_restore
from local_delete_tempest_plugin.outages import provider_state
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import guard as safety_guard
from local_delete_tempest_plugin.safety import run

CONF = config.CONF
LOG = logging.getLogger(__name__)

_Attempt = Callable[[compute_services.Service], None]


class ComputeOutage(compute_restore.ComputeRestore):
    """The change of one compute service.

    :param guard: The run's ``guard.Guard``; None to only give back.
    :param target: The ``compute_services.TargetHost`` that is taken down.
    :param reason: The reason with which the service is disabled, so that the
        host gets no servers. None leaves the service enabled.
    :param before: The ``compute_services.Service`` before the outage, to
        give back.
    :param stop: As for ``Outage``.
    """

    def __init__(self, admin: cloud_admin.Admin,
                 journal: safety_change.Journal | None,
                 guard: safety_guard.Guard | None,
                 target: compute_services.TargetHost,
                 reason: str | None = None,
                 before: compute_services.Service | None = None,
                 stop: commands.Underway | None = None) -> None:
        super().__init__(admin, journal, target, reason, before, stop)
        self._guard = guard

    def recall(self, change: 'ComputeChange') -> None:
        """Take over what only outages of this kind write down.

        :param change: What a journal tells of the outage.
        """

    def _change(self) -> safety_change.Change:
        return ComputeChange(self.name, self._target, self._reason,
                             self._before)

    @spans.span(spans.AWAY)
    def begin(self) -> None:
        """Ask the guard, fence the host, ask again, and change the service.

        :raises OutageRefused: by the guard; a fence is then still there, and
            ``restore`` takes it away.
        """
        assert self._guard, 'this outage only gives back'
        self._guard.check(self._target)
        self._before = self._services.show(self._target.host)
        if self._reason is not None:
            self._write_down()
            self._set(status='disabled', disabled_reason=self._reason)
            # A server may have been placed between the look and the fence.
            self._guard.check(self._target, fenced=True)
        super().begin()

    @spans.span(spans.SEEN_DOWN)
    def await_down(self) -> None:
        """Wait until Nova sees that the service is down.

        :raises TimedOut: Nova has not seen that within service_down_timeout.
        """
        self._await_state('down', CONF.local_delete.service_down_timeout)


class ForcedDown(ComputeOutage):
    """An API flag says that the service is down, and the process goes on."""

    name = 'forced-down'
    forces_down = True

    def _take_away(self) -> None:
        self.flip(True)
        self.await_down()

    def flip(self, forced_down: bool) -> None:
        """Set or lift the flag, and wait for nothing.

        :param forced_down: Whether Nova is to take the service for down.
        """
        # Before the change: a time-out can come between any two lines.
        self._has_forced_down = True
        self._set(forced_down=forced_down)


class Attempt(ComputeOutage):
    """Somebody tries to change the service, and has no right to do that.

    :param attempt: Callable of the ``compute_services.Service``. If it does
        change the service, that is given back.
    """

    name = 'attempt'
    is_out = False

    def __init__(self, *arguments: Any,
                 attempt: _Attempt | None = None) -> None:
        super().__init__(*arguments)
        self._attempt = attempt

    def _take_away(self) -> None:
        assert self._attempt, 'this outage only gives back'
        try:
            self._attempt(self._before)
        except BaseException:
            # It was not refused, so what is seen now is probably its work.
            self._has_forced_down, self._has_set = True, ('disabled', None)
            raise


class Disabled(ComputeOutage):
    """The service takes no new servers. It is up, so this is no outage."""

    name = 'disabled'
    is_out = False

    def _take_away(self) -> None:
        waiters.wait_until(
            self.has_disabled_trait, bool,
            'the trait %s is on %s' % (
                compute_restore.DISABLED_TRAIT, self._target),
            CONF.local_delete.trait_timeout)


class Stopped(ComputeOutage):
    """The process is dead, and Nova has noticed."""

    name = 'stopped'
    needs = ('compute_stop_command', 'compute_start_command')
    verb = 'start'

    def begin(self) -> None:
        """Stop the process, if it can be started again.

        :raises OutageRefused: by the guard.
        :raises CommandFailed: a command is not set, or cannot be used.
        """
        for option in self.needs:
            commands.arguments(option, self._target.host)
        super().begin()

    def _take_away(self) -> None:
        self._has_stopped = True
        self._stop_process()
        self.await_down()
        self._note_stopped()

    def _stop_process(self) -> None:
        self._stop_service(self.needs[0], self._target.host)

    @property
    def _start_options(self) -> Sequence[str]:
        return self.needs[1:]

    def _start_process(self) -> None:
        self._start_service(self._start_options, self._target.host,
                            self._await_heartbeats,
                            CONF.local_delete.service_up_timeout)

    def _await_heartbeats(self, limit: float) -> None:
        # Only the look is repeated. The start command would run each time.
        outage_base.await_heartbeats(
            lambda: [self._retrier.call(self._show)], [self._target.host],
            self._whose, limit)

    def _words_for_process(self) -> list[str]:
        if not self._has_stopped:
            return []
        return [outage_base.words_of(
            self.needs[1], '%s nova-compute on %s' % (
                self.verb, self._target.host), self._target.host)]


class ServiceDeleted(Stopped):
    """The process is dead, and Nova has forgotten its service and provider.

    When the process starts it registers as a new service. A periodic task or
    the operator maps that to its cell. Since 2023.1 the provider keeps its
    UUID (nova.virt.node).
    """

    name = 'service-deleted'

    #: The id of the service that was deleted.
    _deleted: str | None = None
    #: Whether the run has started nova-compute after that.
    _is_restarted = False
    _provider: provider_state.ProviderState | None = None

    def recall(self, change: 'ComputeChange') -> None:
        self._provider = change.provider
        self._is_restarted = change.is_restarted

    @staticmethod
    def check(admin: cloud_admin.Admin,
              target: compute_services.TargetHost) -> None:
        """Refuse a host that has something which nova-compute does not renew.

        :param admin: An ``admin.Admin``.
        :param target: A ``compute_services.TargetHost``.
        :raises OutageRefused: it is in aggregates. Or its provider is in
            aggregates, has children, or has traits or inventories of a kind
            that an admin makes.
        """
        kept = provider_state.not_made_again(admin, target)
        if kept:
            raise exceptions.OutageRefused(
                exceptions.Refusal.NOT_RECOVERABLE,
                'the service of host %s may not be deleted, because it would '
                'not get back: %s' % (target.host, ', '.join(kept)))

    def begin(self) -> None:
        """Stop the process, if nothing is lost with its service.

        :raises OutageRefused: by the guard, or by ``check``.
        :raises CommandFailed: a command is not set, or cannot be used.
        """
        self.check(self._admin, self._target)
        super().begin()

    def _take_away(self) -> None:
        super()._take_away()
        assert self._guard, 'this outage only gives back'
        self._provider = provider_state.ProviderState.read(
            self._admin, self._target)
        self._write_down_again(provider=self._provider)
        # While the host was waited for, others could change it.
        self._guard.check(self._target, fenced=True, out=True)
        self.check(self._admin, self._target)
        self._deleted = self._before.id
        self._admin.delete_service(self._deleted)

    def _claim(self) -> None:
        self._deleted = self._before.id
        services = {service.host: service
                    for service in self._services.list()}
        now = services.get(self._target.host)
        if services and now is None:
            # Nova answers for other hosts. Only the process is missing.
            self._has_stopped = True
        elif (self._is_restarted and now and now.id != self._deleted
              and now.settings == self._before.settings):
            # The fence went with the old service.
            self._has_stopped = True
        else:
            super()._claim()

    def _start_process(self) -> None:
        if self._journal and self._deleted and not self._is_restarted:
            # Otherwise nothing would tell that nobody else has started it.
            with contextlib.suppress(exceptions.JournalUnusable):
                self._write_down_again(is_restarted=True)
            self._is_restarted = True
        super()._start_process()

    def _await_heartbeats(self, limit: float) -> None:
        found = waiters.wait_until(
            lambda: [service for service
                     in self._retrier.call(self._services.list)
                     if service.host == self._target.host], bool,
            'host %s has registered its compute service again' %
            self._target.host, limit)
        self._before = dataclasses.replace(self._before, id=found[0].id)
        super()._await_heartbeats(limit)

    def _restore_provider(self) -> None:
        before = self._provider
        if not before or self._show().id == self._deleted:
            return

        def read() -> provider_state.ProviderState:
            return provider_state.ProviderState.read(
                self._admin, self._target)

        if self._is_lost:
            differences = read().differences(before)
            if differences:
                self._left.append(
                    'somebody else has started nova-compute after the run had '
                    'deleted its service, and now %s' %
                    ', '.join(differences))
            return
        waiters.wait_until(
            read, lambda now: now.is_whole(before),
            'nova-compute has made the provider of %s again' % self._target,
            CONF.local_delete.service_up_timeout)
        provider_state.put_back(self._admin, self._target, before)
        differences = read().differences(before)
        if differences:
            raise compute_restore.NotAsBefore('%s is not as it was: %s' % (
                self._target, ', '.join(differences)))

    def _await_up(self) -> None:
        super()._await_up()
        if not self._is_lost:
            self._await_provider()
        self._restore_provider()

    def _await_provider(self) -> None:
        def read() -> Any:
            # Nova shows no node of a host before its cell is known.
            try:
                return self._services.target_host(self._target.host)
            except exceptions.OutageRefused as error:
                return error

        waiters.wait_until(
            read, lambda seen: seen == self._target,
            '%s is mapped to its cell again' % self._target,
            CONF.local_delete.service_up_timeout)
        waiters.wait_until(
            lambda: self._placement.list_resource_providers(
                in_tree=self._target.provider_id)['resource_providers'],
            bool, 'Placement has %s again' % self._target,
            CONF.local_delete.service_up_timeout)


class Unnoticed(Stopped):
    """The process is dead, and Nova has not noticed: no heartbeat is due yet.

    Its requests wait in its queue.
    """

    name = 'unnoticed'

    def _take_away(self) -> None:
        self._has_stopped = True
        self._stop_process()
        # Nova does not show that, so the end of the command has to do.
        self._note_stopped()

    def force_down(self) -> None:
        """Tell Nova, as an operator does who finds the host dead.

        :raises TimedOut: Nova has not seen that within service_down_timeout.
        """
        self._write_down_again(outage=UnnoticedForcedDown.name)
        self._has_forced_down = True
        self._set(forced_down=True)
        self.await_down()


class UnnoticedForcedDown(Unnoticed):
    """The same, after ``force_down``."""

    name = 'unnoticed-forced-down'
    forces_down = True


class Frozen(Unnoticed):
    """The process hangs, and Nova has not noticed: no heartbeat is due yet.

    When it is thawed it goes on where it was. A process that is started
    instead ends at once what it finds half-way
    (ComputeManager._init_instance).
    """

    name = 'frozen'
    needs = ('compute_freeze_command', 'compute_thaw_command')
    verb = 'thaw'


class Unknown(Stopped):
    """An abandoned run took the service away, and nobody knows how.

    The process is stopped, or frozen, or it goes on.
    """

    name = 'unknown'
    forces_down = True

    @property
    def _start_options(self) -> Sequence[str]:
        return [option for option in (Frozen.needs[1], *super()._start_options)
                if CONF.local_delete[option] or option == self.needs[1]]


OUTAGES: dict[str, type[ComputeOutage]] = {outage.name: outage for outage in (
    ForcedDown, Attempt, Disabled, Stopped, ServiceDeleted, Unnoticed,
    UnnoticedForcedDown, Frozen, Unknown)}


@dataclasses.dataclass(frozen=True)
class ComputeChange(safety_change.Change):
    """A compute service was taken away."""

    kind = 'compute'

    outage: str = dataclasses.field(metadata={'enum': sorted(OUTAGES)})
    target: compute_services.TargetHost
    reason: str | None
    before: compute_services.Service
    stop: commands.Underway | None = None
    provider: provider_state.ProviderState | None = None
    is_restarted: bool = False

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> Iterator['ComputeChange']:
        # The guard lets a host be fenced only if it is enabled and not forced
        # down. Only a command can tell whether its process was stopped too.
        outage = (Unknown if CONF.local_delete.compute_start_command
                  else ForcedDown)
        refusals = []
        admin.require_all_cells()
        for service in admin.services.list():
            if run.fenced_by(service.disabled_reason) != this_run.id:
                continue
            try:
                target = admin.services.target_host(service.host)
            except exceptions.OutageRefused as refusal:
                # It does not keep another host out.
                refusals.append(refusal)
                continue
            yield cls(outage.name, target, service.disabled_reason,
                      dataclasses.replace(service, status='enabled',
                                          disabled_reason=None,
                                          forced_down=False),
                      # Nobody knows whether a stop command is under way.
                      commands.Underway() if outage is Unknown else None)
        if refusals:
            raise refusals[0]

    @classmethod
    def suspects(cls, admin: cloud_admin.Admin
                 ) -> Iterator[str]:
        if CONF.local_delete.allow_service_delete:
            there = {service.host for service in admin.services.list()}
            for host in CONF.local_delete.target_hosts:
                if host != safety_guard.ANY_HOST and host not in there:
                    yield ('host %s of [local_delete] target_hosts has no '
                           'compute service; unless that is meant: restart '
                           'nova-compute there, so that it registers again'
                           % host)

    def before_undo(self, admin: cloud_admin.Admin) -> 'ComputeChange':
        if self.outage == ServiceDeleted.name and not self.is_restarted:
            there = {service.host for service in admin.services.list()}
            # Nova answers for other hosts. So the undo starts the process.
            if there and self.target.host not in there:
                return dataclasses.replace(self, is_restarted=True)
        return self

    def is_of(self, this_run: run.Run) -> bool:
        return self.reason in (None, this_run.fence_reason)

    def undo(self, admin: cloud_admin.Admin) -> None:
        away = OUTAGES[self.outage](admin, None, None, self.target,
                                    self.reason, self.before, self.stop)
        away.recall(self)
        away.restore()

    def __str__(self) -> str:
        return '%s of host %s' % (self.outage, self.target.host)
