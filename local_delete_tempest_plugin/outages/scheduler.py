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

import dataclasses

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import control_services
from local_delete_tempest_plugin.safety import change as safety_change

BINARY = 'nova-scheduler'


class SchedulerStopped(control_services.ControlServiceStopped):
    """Every scheduler is dead, and its requests wait in its queue.

    A server that is asked for during the outage stays in BUILD. It does so as
    long as the conductor waits for an answer (rpc_response_timeout in
    nova.conf).
    """

    word = 'scheduler'
    where = BINARY
    needs = ('scheduler_stop_command', 'scheduler_start_command')
    none_up = exceptions.Refusal.NO_SCHEDULER

    def _change(self) -> safety_change.Change:
        return SchedulerChange(self._hosts)


@dataclasses.dataclass(frozen=True)
class SchedulerChange(control_services.ControlServiceChange):
    """The scheduler was stopped, on the hosts where it was up."""

    kind = 'scheduler'
    outage = SchedulerStopped
