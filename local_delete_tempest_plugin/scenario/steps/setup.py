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

"""What a class of scenarios has before its first test, and gives back."""

import atexit
from collections.abc import Callable
from collections.abc import Iterable
import contextlib
import functools
import sys
from typing import Any

import fixtures
from oslo_concurrency import lockutils
from oslo_log import log as logging
from tempest import config
from tempest.lib.common import fixed_network
from tempest.lib.common.utils import data_utils

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.outages import conductor as conductor_outage
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.outages import scheduler as scheduler_outage
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import credentials
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import leases
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.recovery import undo
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.safety import run

CONF = config.CONF
LOG = logging.getLogger(__name__)

#: What ``POST /servers`` takes as ``networks`` where servers get no port.
NO_NETWORK = 'none'

# The lock of the process that recovers abandoned runs.
_RECOVERY = 'local-delete-recovery'

#: The run of this process. It is not of a class. The changes that one class
#: could not undo stay in the journal, and the next class writes to it.
THIS_RUN = run.Run()

#: The journal of this process.
JOURNAL = journal.Journal(THIS_RUN.id)

_OUTAGES = (compute_outage.ComputeChange, placement_outage.PlacementChange,
            scheduler_outage.SchedulerChange, conductor_outage.ConductorChange)


def require_placement(admin: cloud_admin.Admin) -> None:
    """Refuse to change anything while Placement does not answer.

    Nothing could be leased or judged. What was made could not be given back
    either, and each class would wait ``api_timeout`` for that.

    :param admin: The admin of the cloud.
    :raises RequestFailed: Placement does not answer; with what was seen.
    """
    placement = placement_outage.PlacementStopped(
        admin, None, placement_outage.PlacementStopped.REFUSED)
    seen = placement.probe()
    if seen != placement.ANSWERS:
        raise exceptions.RequestFailed(
            call='GET %s/' % admin.placement.base_url.rstrip('/'),
            problem='Placement has to answer before a run changes anything, '
            'and a client of Placement sees: %s' % seen)


@functools.cache
def _require_placement_once():
    require_placement(cloud_admin.Admin.of(accounts.log_in_admin()))


class Intents:
    """Writes each change down before it is made, and sees it undone.

    :param written_to: The run's journal.
    :param recovery: What undoes a change.
    """

    def __init__(self, written_to: journal.Journal,
                 recovery: undo.Recovery) -> None:
        self._journal = written_to
        self._recovery = recovery

    def write(self, add_cleanup: Callable[..., Any],
              change: safety_change.Change) -> None:
        """Write down a change that is about to be made.

        :param add_cleanup: Takes what undoes the change, as ``addCleanup`` of
            a test, of a class or of a fixture does.
        :param change: The change, one of ``recovery.kinds.KINDS``.
        :raises JournalUnusable: it cannot be written down, so the change must
            not be made.
        """
        add_cleanup(self._undo, self._journal.intend(change))

    @spans.span(spans.UNDO)
    def _undo(self, intent):
        with signals.deferred():
            try:
                # What was asked for last may be made only now.
                outage_base.until_all_is_answered(
                    lambda: self._recovery.undo(intent))
            except exceptions.LeftToOperator:
                # All that was the run's own is undone.
                self._journal.complete(intent)
                raise
            self._journal.complete(intent)

    def give_back_outages(self) -> None:
        """Try again to end each outage that could not be ended before.

        :raises RestoreFailed: one could not be ended again. All were tried.
        """
        with contextlib.ExitStack() as all_of_them:
            for intent in self._journal.left():
                if isinstance(intent.change, _OUTAGES):
                    all_of_them.callback(self._undo, intent)


def give_back_at_exit() -> None:
    """Try for a last time to end the outages of this process.

    The credentials of their class are gone, so the admin logs in again.
    """
    if not any(isinstance(intent.change, _OUTAGES)
               for intent in JOURNAL.left()):
        return
    try:
        with transport.BoundedFixture(), cloud_admin.microversions():
            Intents(JOURNAL, undo.Recovery(cloud_admin.Admin.of(
                accounts.log_in_admin()))).give_back_outages()
    except Exception as error:
        # Then the journal is left, and it is named.
        LOG.exception('At exit')
        print(exceptions.one_line(error), file=sys.stderr)


# Ctrl-C and SIGTERM end a run without the clean-ups of its classes. What is
# registered last comes first.
atexit.register(JOURNAL.say_what_is_left)
atexit.register(give_back_at_exit)


class ClassAccounts(fixtures.Fixture):
    """The accounts of one class, which Tempest makes and deletes.

    From its ``setUp`` on requests are bounded, and signals run clean-ups.

    :param this_run: The run.
    :param written_to: The run's journal.
    :ivar abandoned: The abandoned runs, which are still to be recovered.
    """

    def __init__(self, this_run: run.Run,
                 written_to: journal.Journal) -> None:
        super().__init__()
        self._run = this_run
        self._journal = written_to
        self._intent: safety_change.Intent | None = None
        self._alone = contextlib.ExitStack()
        self.abandoned: list[abandoned_runs.AbandonedRun] = []

    def _setUp(self):
        signals.end_as_ctrl_c_does()
        # Not later, because the first request is sent after this.
        self.useFixture(transport.BoundedFixture())

    def begin(self) -> None:
        """Write down that Tempest will make accounts.

        If runs were abandoned, the other processes of this run wait here until
        ``end_recovery``. Otherwise their stories would meet what is down.

        :raises InsecureCloud: passwords could be read on their way.
        :raises RequestFailed: Placement does not answer.
        :raises JournalUnusable: a run was abandoned, and the operator wants
            to recover it by hand.
        """
        endpoints.require_tls(accounts.log_in_admin)
        self.addCleanup(self.end_recovery)
        if self._journal.cloud is None:
            self._journal.cloud = identity.Cloud.of(
                cloud_admin.Admin.of(accounts.log_in_admin()))
        self._alone.enter_context(lockutils.lock(_RECOVERY, external=True))
        with cloud_admin.microversions():
            self.abandoned = abandoned_runs.find_abandoned(self._journal.cloud)
        if not self.abandoned:
            self.end_recovery()
            # An abandoned run may have stopped Placement.
            _require_placement_once()
        for abandoned in self.abandoned:
            # If the class ends before they are recovered, another process of
            # the run can do that.
            self.addCleanup(abandoned.close, recovered=False)
        for abandoned in self.abandoned:
            if not CONF.local_delete.recover_on_start:
                raise exceptions.JournalUnusable(
                    path=abandoned.file and abandoned.file.name,
                    problem='is of a run that was abandoned: see what the run '
                    'left with "tempest local-delete recover --dry-run"')
            credentials.release_accounts(run.Run(abandoned.run_id))
        self._intent = self._journal.intend(
            credentials.Credentials(self._run.id))

    def end_recovery(self) -> None:
        """Let other processes of the run go on, because all is recovered."""
        self._alone.close()

    def undo(self) -> None:
        """Delete the accounts that Tempest has half made and forgotten.

        Tempest's own clean-up goes first, because in a deleted project the
        list of security groups creates one.
        """
        if self._intent is None:
            return
        intent = self._intent
        if CONF.auth.use_dynamic_credentials:
            recovery = undo.Recovery(cloud_admin.Admin.of(
                accounts.log_in_admin()))
            outage_base.until_all_is_answered(lambda: recovery.undo(intent))
        self._journal.complete(intent)


class Testbed(fixtures.Fixture):
    """The run's trait, and flavors that bring servers to leased hosts.

    ``useFixture`` alone changes nothing in the cloud. Its clean-up gives back
    what was made for the class.

    :param this_run: The run.
    :param written_to: The run's journal.
    :param admin: The admin of the cloud.
    :param member: The member's ``tempest.clients.Manager``.
    :ivar run: The run.
    :ivar project_id: Id of the member's project.
    :ivar guard: What tells whether the run may take a host down.
    :ivar lease: The run's right to the hosts that carry its trait.
    :ivar intents: Where each change is written down.
    :ivar flavor_id: Id of the flavor of ``[compute] flavor_ref``, bound to the
        lease; of ``begin``.
    :ivar networks: What a server gets as ``networks`` of ``POST /servers``; of
        ``begin``.
    """

    def __init__(self, this_run: run.Run, written_to: journal.Journal,
                 admin: cloud_admin.Admin, member: Any) -> None:
        super().__init__()
        self._admin = admin
        self._member = member
        self._recovery = undo.Recovery(admin)
        self._flavors: dict[tuple, str] = {}
        self.run = this_run
        self.project_id: str = member.credentials.project_id
        self.guard = guard.Guard(this_run, admin)
        self.lease = lease.Lease(admin, this_run.trait)
        self.intents = Intents(written_to, self._recovery)
        self.flavor_id = ''
        self.networks: Any = NO_NETWORK

    def _setUp(self):
        self.useFixture(cloud_admin.microversions())

    def begin(self, abandoned: Iterable[abandoned_runs.AbandonedRun] = (),
              network: dict | None = None) -> None:
        """Recover abandoned runs, and make what every scenario needs.

        :param abandoned: The abandoned runs.
        :param network: The network of the member's credentials, if Tempest
            has made one.
        :raises RequestFailed: Placement does not answer.
        """
        self._recovery.recover_all(abandoned)
        require_placement(self._admin)
        self.intend(leases.TraitChange(self.run.trait))
        self.lease.create_trait()
        self.flavor_id = self.flavor_like(CONF.compute.flavor_ref)
        self.networks = self._find_networks(network)

    def intend(self, change: safety_change.Change) -> None:
        """Write down a change, to be undone after the tests of the class.

        :param change: The change, as for ``Intents.write``.
        """
        self.intents.write(self.addCleanup, change)

    def name(self) -> str:
        """Make a name that tells whose run it is.

        :returns: A name that nothing else has.
        """
        return data_utils.rand_name(prefix=CONF.resource_name_prefix,
                                    name=self.run.label)

    def flavor_like(self, model_id: str, **specs: str) -> str:
        """Give a private flavor that is bound to the lease; make it if new.

        :param model_id: Id of the flavor that it is like.
        :param specs: Extra specs beside those of that flavor.
        :returns: The id of the flavor.
        """
        key = model_id, *sorted(specs.items())
        if key not in self._flavors:
            self._flavors[key] = self._create_flavor(model_id, specs)
        return self._flavors[key]

    def _create_flavor(self, model_id, specs):
        client = self._admin.flavors_client
        model = client.show_flavor(model_id)['flavor']
        specs = dict(client.list_flavor_extra_specs(
            model['id'])['extra_specs'], **specs)
        name = self.name()
        self.intend(run_resources.Flavor(name))
        flavor_id = client.create_flavor(
            name=name,
            ram=model['ram'], vcpus=model['vcpus'], disk=model['disk'],
            ephemeral=model['OS-FLV-EXT-DATA:ephemeral'],
            **{'os-flavor-access:is_public': False})['flavor']['id']
        client.set_flavor_extra_spec(
            flavor_id, **dict(specs, **{
                'trait:%s' % self.lease.trait: 'required'}))
        client.add_flavor_access(flavor_id, self.project_id)
        return flavor_id

    def _find_networks(self, network):
        """Say which networks a server gets; needed since microversion 2.37.

        :param network: The network of the member's credentials, or None.
        :returns: The network of the credentials, or of tempest.conf, or the
            project's only one. ``NO_NETWORK`` where that leaves a choice,
            since Placement is the same.
        """
        if not CONF.service_available.neutron:
            return NO_NETWORK
        networks = [network]
        client = self._member.networks_client
        if not network and CONF.compute.fixed_network_name:
            networks = [fixed_network.get_network_from_name(
                CONF.compute.fixed_network_name, client)]
        elif not network:
            networks = client.list_networks(
                project_id=self.project_id)['networks']
        if len(networks) != 1:
            return NO_NETWORK
        return [{'uuid': networks[0]['id']}]
