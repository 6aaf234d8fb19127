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

"""The hosts that a story may take down, leased for as long as it lasts."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import itertools
import random

import fixtures
from oslo_concurrency import lockutils
from oslo_log import log as logging
from tempest import config

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import leases
from local_delete_tempest_plugin.safety import guard as safety_guard
from local_delete_tempest_plugin.safety import lease as safety_lease
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import setup

CONF = config.CONF
LOG = logging.getLogger(__name__)

# The lock of the process whose turn it is to lease hosts.
_TURN = 'local-delete-lease'


@dataclasses.dataclass(frozen=True)
class _Look:
    """What was seen when hosts were looked for."""

    #: The hosts, which are leased; none where there are not so many.
    targets: tuple[compute_services.TargetHost, ...]
    #: Why other hosts are not leased.
    refusals: list[str]
    #: {UUID of the provider: trait} of what other runs have leased.
    leased: dict[str, str]
    #: The same, of processes of the same run.
    held: dict[str, str]


class LeasedHosts(fixtures.Fixture):
    """Leases hosts that servers can move between, and gives them back.

    ``useFixture`` alone leases nothing. Its clean-up gives back what ``lease``
    took. A clean-up that somebody adds later runs before the hosts are given
    back.

    :param admin: The admin of the cloud.
    :param guard: What tells whether the run may take a host down.
    :param lease: The run's lease.
    :param intents: Where each lease is written down before it is taken.
    :ivar targets: The hosts that are leased; none before ``lease``.
    """

    def __init__(self, admin: cloud_admin.Admin, guard: safety_guard.Guard,
                 lease: safety_lease.Lease, intents: setup.Intents) -> None:
        super().__init__()
        self._admin = admin
        self._guard = guard
        self._lease = lease
        self._intents = intents
        self.targets: tuple[compute_services.TargetHost, ...] = ()

    @spans.span(spans.LEASE)
    def lease(self, count: int = 1, accept: Callable | None = None) -> None:
        """Lease hosts, drawn by lot among those that may be taken down.

        Processes of one ``tempest run`` wait for each other's hosts, in turn.
        The first in the queue gets what is given back. So a story that needs
        two hosts gets them too.

        :param count: How many hosts.
        :param accept: Callable of a ``compute_services.TargetHost`` that may
            be taken down. It raises ``OutageRefused`` if the story cannot use
            that host.
        :raises OutageRefused: there are not so many hosts; with the reasons
            that each host gave.
        """
        looks: list[_Look] = []

        def look() -> _Look:
            leased = self._lease.of_other_runs()
            alive = {trait for trait in set(leased.values())
                     if journal.is_alive(run.id_of(trait) or '')}
            held = {provider: trait for provider, trait in leased.items()
                    if trait in alive}
            # A look at the hosts is many requests. As long as the siblings
            # keep what they have, it would tell nothing new.
            if not looks or (leased, held) != (looks[-1].leased,
                                               looks[-1].held):
                looks.append(self._look(count, accept, leased, held))
            return looks[-1]

        with lockutils.lock(_TURN, external=True):
            with contextlib.suppress(exceptions.TimedOut):
                waiters.wait_until(
                    look, lambda seen: seen.targets or not seen.held,
                    'processes of this run give back hosts',
                    CONF.local_delete.lease_timeout)
        self.targets = looks[-1].targets
        if not self.targets:
            raise exceptions.OutageRefused(
                exceptions.Refusal.TOO_FEW_HOSTS, '%s to take down: %s' % (
                    'no host' if count == 1 else 'no %d hosts' % count,
                    '; '.join(looks[-1].refusals)))
        LOG.info('Leased %s at look %d', ', '.join(map(str, self.targets)),
                 len(looks))

    def _look(self, count: int, accept: Callable | None,
              leased: dict[str, str], held: dict[str, str]) -> _Look:
        """Lease hosts, if that can be done at this moment."""
        refusals: list[str] = []
        usable: list[compute_services.TargetHost] = []
        for target in self._usable_hosts(accept, held, refusals):
            for others in itertools.combinations(usable, count - 1):
                targets = (*others, target)
                if self._lease_all(targets, refusals):
                    return _Look(targets, refusals, leased, held)
            usable.append(target)
        return _Look((), refusals or [
            'of [local_delete] target_hosts = %s Nova has a compute service '
            'on %d that may be' % (
                ', '.join(CONF.local_delete.target_hosts), len(usable))],
            leased, held)

    def _lease_all(self, targets, refusals):
        """Lease all of some hosts, or none; tell whether they are leased."""
        try:
            if not self._are_alike(targets):
                raise exceptions.OutageRefused(
                    exceptions.Refusal.HYPERVISORS_DIFFER,
                    'no server can move between %s, because their '
                    'hypervisors differ' % ' and '.join(
                        target.host for target in targets))
            if len(targets) > 1:
                # The guard has looked at each of them alone.
                self._guard.check_others(targets)
            for target in targets:
                self._intents.write(self.addCleanup, leases.LeaseChange(
                    target.provider_id, self._lease.trait))
            self._lease.take_all([target.provider_id for target in targets])
            self._check_leased(targets)
        except exceptions.OutageRefused as refusal:
            LOG.info('Not leasing %s: %s', targets, refusal)
            refusals.append(str(refusal))
            return False
        return True

    def _check_leased(self, targets):
        """Give hosts back if another run took one at the same moment."""
        try:
            self._guard.check_others(targets)
        except exceptions.OutageRefused:
            for target in targets:
                self._lease.give_back(target.provider_id)
            raise

    def _are_alike(self, targets):
        """Tell whether servers can move between hosts: by hypervisor."""
        if len(targets) == 1:
            return True
        return len({self._admin.services.hypervisor_type(target)
                    for target in targets}) == 1

    def _usable_hosts(
            self, accept: Callable | None, held: dict[str, str],
            refusals: list[str]) -> Iterator[compute_services.TargetHost]:
        """Find hosts that may be taken down, each only when it is needed.

        Each look at a host is several requests, and a cloud has many hosts. A
        host with servers is probably refused. So of many hosts the empty ones
        come first.

        :param held: {UUID of the provider: trait} of hosts that processes of
            the same run have leased.
        """
        hosts = [service.host for service in self._admin.services.list()
                 if safety_guard.is_target(service.host)]
        random.shuffle(hosts)
        found = self._admin.services.finder(hosts)
        if isinstance(found, compute_services.Nodes):
            hosts.sort(key=found.running_servers)
        for host in hosts:
            try:
                target = found.target_host(host)
                if target.provider_id in held:
                    raise safety_lease.leased(
                        target.provider_id, [held[target.provider_id]])
                self._guard.check(target)
                if accept is not None:
                    accept(target)
            except exceptions.OutageRefused as refusal:
                LOG.info('Not leasing %s: %s', host, refusal)
                refusals.append(str(refusal))
            else:
                yield target

    @property
    def target(self) -> compute_services.TargetHost:
        """The only host that is leased."""
        target, = self.targets
        return target

    def target_of(self,
                  server: footprint.Server) -> compute_services.TargetHost:
        """Tell which leased host a server is on."""
        return next(target for target in self.targets
                    if target.host == server.host)

    def renew(self) -> None:
        """Take the lease again where something took its trait off.

        An audit of the compute may have done that: see safety/lease.py.

        :raises OutageRefused: another run has leased the host since.
        """
        for target in self.targets:
            self._lease.take(target.provider_id, _ghosts_on)


def _ghosts_on(provider_id: str) -> set[str]:
    """Name the traits of siblings that are no lease of a host.

    The flavor of a sibling does not tell, because the sibling keeps it for a
    whole class. The journal does, because a lease is written down before.
    """
    return {run.Run(run_id).trait
            for run_id, changes in journal.of_live_runs().items()
            if not any(isinstance(change, leases.LeaseChange)
                       and change.provider_id == provider_id
                       for change in changes)}
