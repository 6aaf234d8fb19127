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

"""The steps of a scenario that concern hosts: lease them, take them down."""

import contextlib
import itertools
import random

from oslo_log import log as logging
from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.outages import scheduler as scheduler_outage
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.scenario.steps import setup

CONF = config.CONF
LOG = logging.getLogger(__name__)

# How often a host is taken away anew whose death Nova has noticed too early.
_ATTEMPTS = 5


class LeasingTest(setup.RunTest):
    """An admin who takes services away, of leased hosts and of all.

    :ivar leased: The ``compute_services.TargetHost`` that the test has leased.
    """

    def setUp(self):
        super().setUp()
        self.leased = ()

    @property
    def target(self):
        """The only ``compute_services.TargetHost`` that was leased."""
        target, = self.leased
        return target

    def target_of(self, server):
        """The leased ``compute_services.TargetHost`` that a server is on."""
        return next(target for target in self.leased
                    if target.host == server.host)

    def _lease_hosts(self, count):
        refusals, usable = [], []
        for target in self._usable_hosts(refusals):
            for others in itertools.combinations(usable, count - 1):
                targets = (*others, target)
                if self._lease(targets, refusals):
                    LOG.info('Leased %s', ', '.join(map(str, targets)))
                    return targets
            usable.append(target)
        self.skipTest('%s to take down: %s' % (
            'no host' if count == 1 else 'no %d hosts' % count,
            '; '.join(refusals) or 'of [local_delete] target_hosts = %s Nova '
            'has a compute service on %d that may be' % (', '.join(
                CONF.local_delete.target_hosts), len(usable))))

    def _lease(self, targets, refusals):
        """Lease all of some hosts, or none; tell whether they are leased."""
        if not self._alike(targets):
            refusals.append('no server can move between %s, for their '
                            'hypervisors differ' % ' and '.join(
                                target.host for target in targets))
            return False
        for target in targets:
            self._intend_here('lease', provider_id=target.provider_id,
                              trait=self.lease.trait)
        try:
            self.lease.take_all([target.provider_id for target in targets])
        except exceptions.OutageRefused as refusal:
            LOG.info('Not leasing %s: %s', targets, refusal)
            refusals.append(str(refusal))
            return False
        return True

    def _alike(self, targets):
        """Tell whether servers can move between hosts: by hypervisor."""
        if len(targets) == 1:
            return True
        types = self.services.hypervisor_types()
        return len({types.get(target.provider_id) for target in targets}) == 1

    def _usable_hosts(self, refusals):
        """Find hosts that may be taken down, each one only when it is needed.

        Its looks at a host are several requests, and a cloud has many hosts.
        """
        hosts = [service.host for service in self.services.list()
                 if guard.is_target(service.host)]
        random.shuffle(hosts)
        for host in hosts:
            try:
                target = self.services.target_host(host)
                self.guard.check(target)
                self.check_host(target)
            except exceptions.OutageRefused as refusal:
                LOG.info('Not leasing %s: %s', host, refusal)
                refusals.append(str(refusal))
            else:
                yield target

    def check_host(self, target):
        """Refuse a host that these stories have no use for; here, none.

        :param target: A ``compute_services.TargetHost`` that may be taken
            down.
        :raises OutageRefused: it lacks what they need.
        """

    def _intend_here(self, kind, **what):
        """Write a change down, to be undone when the test ends."""
        self.addCleanup(self._undo, self.journal.intend(kind, **what))

    @contextlib.contextmanager
    def outage(self, away):
        """Take a service away for the body, and give it back after it.

        :param away: An ``outage_base.Outage`` that has not begun.
        :returns: A context manager that gives the outage.
        """
        self.useFixture(away)
        try:
            away.begin()
        except exceptions.OutageRefused as refusal:
            self.skipTest(str(refusal))
        except lib_exc.TimeoutException as error:
            self.fail('the outage was never seen: %s' %
                      exceptions.one_line(error))
        # Where the body fails, or this, the fixture's clean-up gives it back.
        yield away
        self.assert_given_back(away)

    def assert_given_back(self, away):
        """Give a service back before the outage is over, or fail.

        :param away: An ``outage_base.Outage``.
        """
        try:
            away.restore()
        except exceptions.RestoreFailed as error:
            self.fail(exceptions.one_line(error))

    def forced_down(self, target=None):
        """Force a leased compute down for the body of a ``with``.

        :param target: A ``compute_services.TargetHost``; None: the only one.
        """
        return self._compute_outage(compute_outage.ForcedDown, target)

    def compute_stopped(self, target=None):
        """Stop a leased compute for real for the body of a ``with``.

        :param target: As for ``forced_down``.
        """
        return self._compute_outage(compute_outage.Stopped, target)

    def compute_killed(self, target=None, fence=True):
        """Stop a compute, and go on before Nova has noticed.

        :param target: As for ``forced_down``.
        :param fence: False to let Nova go on giving it servers; those of
            others then wait until the compute is back.
        """
        return self._compute_outage(compute_outage.Unnoticed, target, fence)

    def compute_frozen(self, target=None):
        """Freeze a compute, and go on before Nova has noticed.

        :param target: As for ``forced_down``.
        """
        return self._compute_outage(compute_outage.Frozen, target)

    def attempts_before_noticed(self, done):
        """Count the attempts to be faster than Nova's notice of a death.

        :param done: What a story did not come to in time, for the skip after
            the last attempt, such as 'before a server was deleted'.
        :returns: An iterator, to be left once an attempt was in time.
        """
        yield from range(1, _ATTEMPTS + 1)
        self.skipTest('%d times Nova saw a compute down %s' % (
            _ATTEMPTS, done))

    def _compute_outage(self, kind, target, fence=True):
        fence = (self.this_run.fence_reason
                 if fence and CONF.local_delete.fence_host else None)
        return self.outage(kind(self.admin, self.journal, self.guard,
                                target or self.target, fence))

    def disabled(self):
        """Disable the leased compute for the body of a ``with``."""
        return self.outage(compute_outage.Disabled(
            self.admin, self.journal, self.guard, self.target,
            self.this_run.fence_reason))

    def placement_stopped(self, answer):
        """Take Placement away from all for the body of a ``with``.

        :param answer: An answer of ``placement_outage.PlacementStopped``.
        """
        return self.outage(placement_outage.PlacementStopped(
            self.admin, self.journal, answer))

    def scheduler_stopped(self):
        """Take the scheduler away from all for the body of a ``with``."""
        return self.outage(scheduler_outage.SchedulerStopped(
            self.admin, self.journal))
