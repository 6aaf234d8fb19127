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

"""About how long the scenarios take, and how long they keep a host out.

The constants are the mean of a run on the all-in-one, without its waits for
Nova. Those waits depend on the cloud.
"""

from collections.abc import Callable
import dataclasses

from tempest import config

from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.scenario import needs

CONF = config.CONF

# Seconds in which a service is stopped and started.
_STOP_AND_START = 10

# Nova's default of rpc_response_timeout: requests about a server that moves
# wait so long for a compute that is out.
_RPC = 60


@dataclasses.dataclass(frozen=True)
class Pace:
    """How fast a cloud notices that a compute is down, or up again.

    :param report_interval: Seconds between two heartbeats of a service.
    :param service_down_time: Seconds without a heartbeat after which a service
        counts as down.
    """

    report_interval: float
    service_down_time: float

    @property
    def _seen_up(self) -> float:
        """Seconds until a compute that was started is seen up."""
        return outage_base.HEARTBEATS * self.report_interval

    @property
    def _noticed(self) -> float:
        """Seconds until a stopped compute is down, and is up again."""
        return self.service_down_time + self._seen_up

    def seconds_of(self, test: Callable) -> float:
        """Tell about how long a scenario takes.

        :param test: A test method.
        """
        if not _stops_compute(test):
            return 7 + self._seen_up + _kept_out(test)
        if _moves(test):
            return 54 + 2 * self._noticed
        return 15 + self._noticed + _kept_out(test)

    def host_out_in(self, test: Callable) -> float:
        """Tell about how long a scenario keeps a host out at most.

        :param test: A test method.
        """
        return _kept_out(test) + _STOP_AND_START + (
            self._noticed if _stops_compute(test)
            else self._seen_up) + (
                _RPC if _moves(test) else 0)


#: With the defaults of nova.conf.
OF_NOVA = Pace(report_interval=10, service_down_time=60)


def _stops_compute(test):
    return needs.stopped_compute in getattr(test, 'needs', ())


def _moves(test):
    return needs.two_hosts in getattr(test, 'needs', ())


def _kept_out(test):
    option = needs.kept_out(test)
    return CONF.local_delete[option] if option else 0
