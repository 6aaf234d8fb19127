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
"""The scheduler is taken away, so that a build stays half-way."""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import guard

CONF = config.CONF

BINARY = 'nova-scheduler'


class SchedulerStopped(outage_base.Outage):
    """Every scheduler is dead, and its requests wait in its queue.

    A server that is asked for during the outage stays in BUILD. It does so as
    long as the conductor waits for an answer (rpc_response_timeout in
    nova.conf).

    :param hosts: Names of the hosts whose scheduler was up, to give back.
    :param stop: As for ``Outage``.
    """

    name = 'stopped'
    where = BINARY
    needs = ('scheduler_stop_command', 'scheduler_start_command')

    def __init__(self, admin: cloud_admin.Admin,
                 journal: safety_change.Journal | None,
                 hosts: Iterable[str] = (),
                 stop: commands.Underway | None = None) -> None:
        super().__init__(admin, journal, stop)
        self._services = admin.services
        self._hosts = sorted(hosts)

    def _change(self) -> safety_change.Change:
        return SchedulerChange(self._hosts)

    def begin(self) -> None:
        """Stop the scheduler, if that is allowed and it can be started again.

        :raises OutageRefused: the operator does not allow it. Or no scheduler
            is up, so that nothing could tell when it is back.
        :raises CommandFailed: a command is not set, or cannot be used.
        """
        guard.check_scheduler()
        for option in self.needs:
            commands.arguments(option)
        self._hosts = sorted(service.host for service
                             in self._services.list(BINARY)
                             if service.state == 'up')
        if not self._hosts:
            raise exceptions.OutageRefused(
                exceptions.Refusal.NO_SCHEDULER,
                'Nova shows no %s that is up' % BINARY)
        super().begin()

    def _take_away(self) -> None:
        self._stop_service(self.needs[0])
        self._await_down()
        self._note_stopped()

    @spans.span(spans.SEEN_DOWN)
    def _await_down(self) -> None:
        # Nova has to show them down, because the command may have stopped no
        # scheduler, or not all of them.
        waiters.wait_until(
            lambda: {service.host: service.state for service in self._list()},
            # A list that lacks one tells nothing of it.
            lambda states: states == dict.fromkeys(self._hosts, 'down'),
            '%s of %s is seen down' % (BINARY, ', '.join(self._hosts)),
            CONF.local_delete.service_down_timeout)

    def _list(self) -> list[compute_services.Service]:
        return [service for service in self._services.list(BINARY)
                if service.host in self._hosts]

    def _give_back(self) -> None:
        try:
            self._start_service(
                self.needs[1:], None,
                lambda limit: outage_base.await_heartbeats(
                    lambda: self._retrier.call(self._list), self._hosts,
                    'the scheduler', limit),
                CONF.local_delete.service_up_timeout)
        except lib_exc.TempestException as error:
            raise exceptions.RestoreFailed(
                what='the scheduler', problem=str(error),
                remedy=outage_base.words_of(self.needs[1],
                                            'start %s' % BINARY))


@dataclasses.dataclass(frozen=True)
class SchedulerChange(safety_change.Change):
    """The scheduler was stopped, on the hosts where it was up."""

    kind = 'scheduler'

    hosts: list[str]
    stop: commands.Underway | None = None

    @classmethod
    def suspects(cls, admin: cloud_admin.Admin
                 ) -> Iterator[str]:
        if CONF.local_delete.scheduler_start_command:
            for service in admin.services.list(BINARY):
                if service.state == 'down':
                    yield '%s on host %s is down; unless that is meant: %s' % (
                        BINARY, service.host, outage_base.words_of(
                            SchedulerStopped.needs[1], 'start it'))

    def undo(self, admin: cloud_admin.Admin) -> None:
        SchedulerStopped(admin, None, self.hosts, self.stop).restore()
