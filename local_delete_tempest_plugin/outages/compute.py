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

import dataclasses
import shlex

from oslo_log import log as logging
from tempest import config

from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.safety import run

CONF = config.CONF
LOG = logging.getLogger(__name__)

DISABLED_TRAIT = 'COMPUTE_STATUS_DISABLED'


class _NotAsBefore(Exception):
    """One of the problems that a ``RestoreFailed`` joins."""


class ComputeOutage(outage_base.Outage):
    """The change of one compute service.

    :param guard: The run's ``guard.Guard``.
    :param target: The ``compute_services.TargetHost`` that is taken down.
    :param reason: The disabled reason with which the service is kept from
        taking servers meanwhile, or None where it is not.
    """

    kind = 'compute'

    def __init__(self, admin, journal, guard, target, reason=None):
        super().__init__(admin, journal)
        self._admin = admin
        self._services = admin.services
        self._placement = admin.placement
        self._guard = guard
        self._target = target
        self._reason = reason
        self._before = None

    @classmethod
    def resume(cls, admin, target, reason, before):
        """Take up the outage of a dead run, to give its host back.

        :param before: The ``compute_services.Service`` before the outage.
        :returns: An outage that only needs ``restore``.
        """
        resumed = cls(admin, None, None, target, reason)
        resumed._before = before
        resumed._begun = True
        return resumed

    def _what(self):
        return {'outage': type(self).__name__,
                'target': dataclasses.asdict(self._target),
                'reason': self._reason,
                'before': dataclasses.asdict(self._before)}

    def begin(self):
        """Ask the guard, fence the host, ask again, and change the service.

        :raises OutageRefused: by the guard; a fence is then still there, and
            ``restore`` takes it away.
        """
        self._guard.check(self._target)
        self._before = self._services.show(self._target.host)
        if self._reason is not None:
            self._mark_begun()
            self._set(status='disabled', disabled_reason=self._reason)
            # A server may have been placed between the look and the fence.
            self._guard.check(self._target, fenced=True)
        super().begin()

    def has_disabled_trait(self):
        """Tell whether the provider carries COMPUTE_STATUS_DISABLED."""
        return DISABLED_TRAIT in self._placement.list_resource_provider_traits(
            self._target.provider_id)['traits']

    def _set(self, **settings):
        self._services.update(self._before, **settings)

    def _await_service(self, accept, awaited, limit):
        return waiters.wait_until(
            lambda: self._services.show(self._target.host), accept,
            'the compute service of host %s %s' % (
                self._target.host, awaited), limit)

    def await_down(self):
        """Wait until Nova sees that the service is down."""
        self._await_service(lambda service: service.state == 'down',
                            'is seen down',
                            CONF.local_delete.service_down_timeout)

    def _give_back(self):
        # The order matters: enabling a service that is down leaves the trait
        # on its provider, and a forced-down one is never seen up.
        problems = []
        for step in (self._start_process, self._lift_forced_down,
                     self._await_up, self._restore_status,
                     self._await_trait_gone, self._compare):
            try:
                self._retrier.call(step)
            except Exception as error:
                # Whatever it is: the steps after it may still succeed, and
                # each one that does is one thing less for the operator to do.
                # A test's time-out is held back, so it is none.
                LOG.exception('Giving back host %s', self._target.host)
                problems.append(str(error))
        if problems:
            raise exceptions.RestoreFailed(
                what='the compute service of host %s' % self._target.host,
                problem='; '.join(problems), remedy=self.remedy())

    def _start_process(self):
        """Nothing was stopped: only a real outage has a process to start."""

    def _lift_forced_down(self):
        now = self._services.show(self._target.host)
        if now.forced_down != self._before.forced_down:
            self._set(forced_down=self._before.forced_down)

    def _await_up(self):
        self._await_service(lambda service: service.state == 'up',
                            'is seen up',
                            CONF.local_delete.service_up_timeout)

    def _restore_status(self):
        now = self._services.show(self._target.host)
        if (now.status, now.disabled_reason) == (
                self._before.status, self._before.disabled_reason):
            return
        if now.state != 'up':
            # It would keep its trait, and the fence tells what to do.
            raise _NotAsBefore('the service is down, so it is left %s (%s)' % (
                now.status, now.disabled_reason))
        if now.status == 'disabled' and now.disabled_reason != self._reason:
            raise _NotAsBefore(
                'somebody else disabled the service meanwhile (%r), so it is '
                'left disabled: ask who did it' % now.disabled_reason)
        if self._before.disabled_reason is None:
            self._set(status=self._before.status)
        else:
            self._set(status=self._before.status,
                      disabled_reason=self._before.disabled_reason)

    def _await_trait_gone(self):
        # One that could not be enabled keeps its trait, however long we wait.
        if self._services.show(self._target.host).status == 'enabled':
            waiters.wait_until(
                self.has_disabled_trait, lambda there: not there,
                'the trait %s is gone from %s' % (
                    DISABLED_TRAIT, self._target),
                CONF.local_delete.trait_timeout)

    def _compare(self):
        now = self._services.show(self._target.host)
        if now.settings != self._before.settings:
            raise _NotAsBefore('it was (%s) and is (%s)' % (
                self._before, now))

    def remedy(self):
        """Give the command lines that put the host right."""
        host = shlex.quote(self._target.host)
        return ('openstack --os-compute-api-version 2.53 compute service set '
                '--up {0} nova-compute; openstack compute service set '
                '--enable {0} nova-compute'.format(host))


class ForcedDown(ComputeOutage):
    """An API flag says that the service is down; the process goes on."""

    def _take_away(self):
        self.flip(True)
        self.await_down()

    def flip(self, forced_down):
        """Set or lift the flag, and wait for nothing.

        :param forced_down: Whether Nova is to take the service for down.
        """
        self._set(forced_down=forced_down)


class Attempt(ComputeOutage):
    """What somebody tries on the service who has no right to.

    :param attempt: Callable of the ``compute_services.Service``. What it
        changes all the same is given back.
    """

    def __init__(self, admin, journal, guard, target, reason=None,
                 attempt=None):
        super().__init__(admin, journal, guard, target, reason)
        self._attempt = attempt

    def _take_away(self):
        self._attempt(self._before)


class Disabled(ComputeOutage):
    """The service takes no new servers; it is up, so this is no outage."""

    def _take_away(self):
        waiters.wait_until(
            self.has_disabled_trait, bool,
            'the trait %s is on %s' % (DISABLED_TRAIT, self._target),
            CONF.local_delete.trait_timeout)


class Stopped(ComputeOutage):
    """The process is dead, and Nova has noticed."""

    needs = ('compute_stop_command', 'compute_start_command')
    verb = 'start'

    def begin(self):
        """Stop the process, if there is a way to start it again."""
        for option in self.needs:
            commands.arguments(option, self._target.host)
        super().begin()

    def _take_away(self):
        self._stop_process()
        self.await_down()

    def _stop_process(self):
        commands.run(self.needs[0], self._target.host)

    def _start_process(self):
        outage_base.start(self.needs[1], self._target.host,
                          self._await_heartbeats,
                          CONF.local_delete.service_up_timeout)

    def _await_heartbeats(self, limit):
        # Nova shows a service up for service_down_time after its last
        # heartbeat, be its process dead or not; so beats are counted, by the
        # cloud's clock alone.
        beats = []

        def read():
            now = self._services.show(self._target.host)
            if now.updated_at not in beats:
                beats.append(now.updated_at)
            return now

        waiters.wait_until(
            read, lambda now: len(beats) > outage_base.HEARTBEATS,
            'the compute service of host %s has sent %d heartbeats since '
            'its start' % (self._target.host, outage_base.HEARTBEATS), limit)

    def remedy(self):
        """Give the command lines that start the process, and the rest."""
        try:
            start = shlex.join(commands.arguments(
                self.needs[1], self._target.host))
        except exceptions.CommandFailed:
            start = '%s nova-compute on %s' % (self.verb, self._target.host)
        return '%s; %s' % (start, super().remedy())


class ServiceDeleted(Stopped):
    """The process is dead, and Nova has forgotten its service and provider.

    When it starts it registers as a new service, which a periodic task or the
    operator maps to its cell. Since 2023.1 it keeps the UUID of its provider
    (nova.virt.node).
    """

    @staticmethod
    def check(admin, target):
        """Refuse a host with what nova-compute would not renew.

        :param admin: An ``admin.Admin``.
        :param target: A ``compute_services.TargetHost``.
        :raises OutageRefused: it is in aggregates, or its provider has
            children or somebody's own traits.
        """
        kept = ['aggregate %s' % name
                for name in admin.aggregates_of(target.host)]
        kept += ['provider %s' % provider['name'] for provider in
                 admin.placement.list_resource_providers(
                     in_tree=target.provider_id)['resource_providers']
                 if provider['uuid'] != target.provider_id]
        kept += ['trait %s' % trait for trait in
                 admin.placement.list_resource_provider_traits(
                     target.provider_id)['traits']
                 if trait.startswith('CUSTOM_')
                 and not trait.startswith(run.TRAIT_PREFIX)]
        if kept:
            raise exceptions.OutageRefused(
                exceptions.Refusal.NOT_RECOVERABLE,
                'the service of host %s may not be deleted, for it '
                'would not get back: %s' % (target.host, ', '.join(kept)))

    def begin(self):
        """Stop the process, if nothing is lost with its service.

        :raises OutageRefused: by the guard, or by ``check``.
        """
        self.check(self._admin, self._target)
        super().begin()

    def _take_away(self):
        super()._take_away()
        self._admin.delete_service(self._before.id)

    def _await_heartbeats(self, limit):
        def read():
            return next((service for service in self._services.list()
                         if service.host == self._target.host), None)

        service = waiters.wait_until(
            read, bool, 'host %s has registered its compute service again' %
            self._target.host, limit)
        self._before = dataclasses.replace(self._before, id=service.id)
        super()._await_heartbeats(limit)

    def _await_up(self):
        super()._await_up()

        def read():
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
    """The process is dead, and Nova takes it for alive: no heartbeat is due.

    What is sent to it meanwhile waits in its queue.
    """

    def _take_away(self):
        self._stop_process()

    def force_down(self):
        """Tell Nova, as the operator does who finds the host dead."""
        self._set(forced_down=True)
        self.await_down()


class Frozen(Unnoticed):
    """The process hangs, and Nova takes it for alive: no heartbeat is due.

    It goes on where it was, which no process does that was started anew: that
    one ends at its start what it finds half-way
    (ComputeManager._init_instance).
    """

    needs = ('compute_freeze_command', 'compute_thaw_command')
    verb = 'thaw'


class Unknown(Stopped):
    """A dead run took the service away, and nobody knows in which way.

    It is stopped or frozen, or goes on.
    """

    def _start_process(self):
        if CONF.local_delete.compute_thaw_command:
            try:
                commands.run('compute_thaw_command', self._target.host)
            except exceptions.CommandFailed as error:
                # There may be no process to thaw.
                LOG.warning('%s', error)
        super()._start_process()
