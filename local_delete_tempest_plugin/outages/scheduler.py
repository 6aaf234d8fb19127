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

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.safety import guard

CONF = config.CONF

BINARY = 'nova-scheduler'


class SchedulerStopped(outage_base.Outage):
    """Every scheduler is dead; what it is asked waits in its queue.

    A server that is asked for meanwhile stays in BUILD, for as long as the
    conductor waits for an answer (rpc_response_timeout in nova.conf).
    """

    kind = 'scheduler'

    needs = ('scheduler_stop_command', 'scheduler_start_command')

    def __init__(self, admin, journal):
        super().__init__(admin, journal)
        self._services = admin.services
        self._hosts = []

    @classmethod
    def resume(cls, admin, hosts):
        """Take up the outage of a dead run, to give the scheduler back.

        :param hosts: Names of the hosts on which one was up.
        :returns: An outage that only needs ``restore``.
        """
        resumed = cls(admin, None)
        resumed._hosts = hosts
        resumed._begun = True
        return resumed

    def _what(self):
        return {'hosts': self._hosts}

    def begin(self):
        """Stop it, if that is allowed and there is a way to start it again.

        :raises OutageRefused: the operator does not allow it, or none is up,
            so that nothing could tell when it is back.
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

    def _take_away(self):
        commands.run(self.needs[0])
        # Nova's word is waited for, as a compute's: a command that stops
        # nothing, or not all, is then an outage that was never seen.
        waiters.wait_until(
            lambda: {service.host: service.state for service in self._list()},
            lambda states: set(states.values()) <= {'down'},
            '%s of %s is seen down' % (BINARY, ', '.join(self._hosts)),
            CONF.local_delete.service_down_timeout)

    def _list(self):
        return [service for service in self._services.list(BINARY)
                if service.host in self._hosts]

    def _give_back(self):
        try:
            outage_base.start(self.needs[1], None, self._await_heartbeats,
                              CONF.local_delete.service_up_timeout)
        except lib_exc.TempestException as error:
            raise exceptions.RestoreFailed(
                what='the scheduler', problem=str(error),
                remedy=outage_base.words_of(self.needs[1],
                                            'start %s' % BINARY))

    def _await_heartbeats(self, limit):
        # As with a compute: one that is dead is shown as up for a while.
        beats = {host: set() for host in self._hosts}

        def read():
            for service in self._list():
                beats[service.host].add(service.updated_at)
            return {host: len(seen) for host, seen in beats.items()}

        waiters.wait_until(
            read, lambda counted: all(count > outage_base.HEARTBEATS
                                      for count in counted.values()),
            'the scheduler has sent %d heartbeats since its start' %
            outage_base.HEARTBEATS, limit)
