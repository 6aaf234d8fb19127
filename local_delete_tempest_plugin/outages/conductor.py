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

"""The conductor is taken away, so that what it was doing is lost."""

from collections.abc import Iterable
import dataclasses

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.outages import control_services
from local_delete_tempest_plugin.safety import change as safety_change

CONF = config.CONF

BINARY = 'nova-conductor'


class ConductorStopped(control_services.ControlServiceStopped):
    """Every conductor is dead, and with it all that it was doing.

    A compute writes its heartbeats through a conductor. So Nova soon sees
    every compute down, until the conductor is back.

    :param computes: Names of the hosts whose compute was up, to wait for.
    """

    word = 'conductor'
    where = BINARY
    needs = ('conductor_stop_command', 'conductor_start_command')
    none_up = exceptions.Refusal.NO_CONDUCTOR

    def __init__(self, admin: cloud_admin.Admin,
                 journal: safety_change.Journal | None,
                 hosts: Iterable[str] = (),
                 stop: commands.Underway | None = None,
                 computes: Iterable[str] = ()) -> None:
        super().__init__(admin, journal, hosts, stop)
        self._computes = sorted(computes)

    def begin(self) -> None:
        # Only these tell when all is as before.
        self._computes = sorted(service.host for service
                                in self._services.list()
                                if service.state == 'up')
        super().begin()

    def _change(self) -> safety_change.Change:
        return ConductorChange(self._hosts, computes=self._computes)

    def _give_back(self) -> None:
        super()._give_back()
        try:
            outage_base.await_heartbeats(
                lambda: self._retrier.call(self._list_computes),
                self._computes, 'each compute',
                CONF.local_delete.service_up_timeout)
        except lib_exc.TempestException as error:
            raise exceptions.RestoreFailed(
                what='a compute', problem=str(error),
                remedy='restart nova-compute on each host that is down')

    def _list_computes(self) -> list[compute_services.Service]:
        return [service for service in self._services.list()
                if service.host in self._computes]


@dataclasses.dataclass(frozen=True)
class ConductorChange(control_services.ControlServiceChange):
    """The conductor was stopped, on the hosts where it was up."""

    kind = 'conductor'
    outage = ConductorStopped

    #: The hosts whose compute was up; None if the journal does not tell.
    computes: list[str] | None = None

    def undo(self, admin: cloud_admin.Admin) -> None:
        ConductorStopped(admin, None, self.hosts, self.stop,
                         self.computes or ()).restore()
