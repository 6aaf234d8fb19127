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

"""A service of Nova's control plane is taken away, the same for each of them.

``outages/scheduler.py`` and ``outages/conductor.py`` have the outages.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
from typing import ClassVar

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


class ControlServiceStopped(outage_base.Outage):
    """Every process of a service is dead, and requests wait in its queue.

    :param hosts: Names of the hosts whose service was up, to give back.
    :param stop: As for ``Outage``.
    :cvar word: The service, in a word.
    :cvar where: Its binary, as Nova lists it.
    :cvar needs: The options of its stop command and its start command.
    :cvar none_up: Why it may not be stopped where none of it is up.
    """

    name = 'stopped'
    word: ClassVar[str]
    where: ClassVar[str]
    needs: ClassVar[tuple[str, str]]
    none_up: ClassVar[exceptions.Refusal]

    def __init__(self, admin: cloud_admin.Admin,
                 journal: safety_change.Journal | None,
                 hosts: Iterable[str] = (),
                 stop: commands.Underway | None = None) -> None:
        super().__init__(admin, journal, stop)
        self._services = admin.services
        self._hosts = sorted(hosts)

    def begin(self) -> None:
        """Stop the service, if that is allowed and it can be started again.

        :raises OutageRefused: the operator does not allow it. Or none of it
            is up, so that nothing could tell when it is back.
        :raises CommandFailed: a command is not set, or cannot be used.
        """
        guard.check_control_service(self.word)
        for option in self.needs:
            commands.arguments(option)
        self._hosts = sorted(service.host for service
                             in self._services.list(self.where)
                             if service.state == 'up')
        if not self._hosts:
            raise exceptions.OutageRefused(
                self.none_up, 'Nova shows no %s that is up' % self.where)
        super().begin()

    def _take_away(self) -> None:
        self._stop_service(self.needs[0])
        self._await_down()
        self._note_stopped()

    @spans.span(spans.SEEN_DOWN)
    def _await_down(self) -> None:
        # Nova has to show them down, because the command may have stopped
        # none of them, or not all.
        waiters.wait_until(
            lambda: {service.host: service.state for service in self._list()},
            # A list that lacks one tells nothing of it.
            lambda states: states == dict.fromkeys(self._hosts, 'down'),
            '%s of %s is seen down' % (self.where, ', '.join(self._hosts)),
            CONF.local_delete.service_down_timeout)

    def _list(self) -> list[compute_services.Service]:
        return [service for service in self._services.list(self.where)
                if service.host in self._hosts]

    def _give_back(self) -> None:
        try:
            self._start_service(
                self.needs[1:], None,
                lambda limit: outage_base.await_heartbeats(
                    lambda: self._retrier.call(self._list), self._hosts,
                    'the %s' % self.word, limit),
                CONF.local_delete.service_up_timeout)
        except lib_exc.TempestException as error:
            raise exceptions.RestoreFailed(
                what='the %s' % self.word, problem=str(error),
                remedy=outage_base.words_of(self.needs[1],
                                            'start %s' % self.where))


@dataclasses.dataclass(frozen=True)
class ControlServiceChange(safety_change.Change):
    """A service was stopped, on the hosts where it was up.

    :cvar outage: The outage.
    """

    outage: ClassVar[type[ControlServiceStopped]]

    hosts: list[str]
    stop: commands.Underway | None = None

    @classmethod
    def suspects(cls, admin: cloud_admin.Admin
                 ) -> Iterator[str]:
        binary, start = cls.outage.where, cls.outage.needs[1]
        if CONF.local_delete[start]:
            for service in admin.services.list(binary):
                if service.state == 'down':
                    yield '%s on host %s is down; unless that is meant: %s' % (
                        binary, service.host,
                        outage_base.words_of(start, 'start it'))

    def undo(self, admin: cloud_admin.Admin) -> None:
        self.outage(admin, None, self.hosts, self.stop).restore()
