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

"""The lease of a host: a custom trait on the provider of its compute.

Two runs never have one host. A trait is put with the generation of the
provider, and Placement compares that. So the second put answers 409, or 500 if
both come at one moment. The trait places servers too: a flavor that requires
it brings a member's server to that host. So no host is forced, and the member
needs no right of an admin.

nova-compute can bring back a trait that was taken off. An audit that is under
way while the service is disabled writes the traits that it read before
(ResourceTracker._update_to_placement). The flavor of the run tells a lease
from such a ghost. It is made before the lease is taken, and deleted after the
lease was given back.
"""

from collections.abc import Callable
from collections.abc import Iterable
import contextlib
import datetime

from oslo_log import log as logging
import tenacity

from tempest.lib.common.utils import test_utils
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.safety import run

LOG = logging.getLogger(__name__)

# The resource tracker and every allocation change the generation, so a 409 is
# common. If the generation changes after Placement has compared it, Placement
# answers 500. The trait of another run ends the tries, otherwise their time
# does.
_on_conflict = tenacity.retry(
    retry=tenacity.retry_if_exception_type(
        (lib_exc.Conflict, lib_exc.ServerFault)),
    wait=tenacity.wait_random_exponential(multiplier=0.05, max=2),
    before_sleep=tenacity.before_sleep_log(LOG, logging.INFO),
    stop=tenacity.stop_after_delay(60), reraise=True)


def leased(provider_id: str, traits: Iterable[str]
           ) -> exceptions.OutageRefused:
    """Make the refusal of a host that another run has leased.

    :param provider_id: UUID of the provider of the host.
    :param traits: The traits of other runs on it.
    :returns: The refusal, to be raised or quoted.
    """
    return exceptions.OutageRefused(
        exceptions.Refusal.LEASED,
        'its provider %s is leased by another run: %s' % (
            provider_id, ', '.join(sorted(traits))))


class Lease:
    """One run's right to the hosts that carry its trait.

    :param admin: An ``admin.Admin``.
    :param trait: The run's trait.
    """

    def __init__(self, admin: cloud_admin.Admin, trait: str) -> None:
        self._placement = admin.placement
        self._admin = admin
        self.trait = trait

    def create_trait(self) -> None:
        """Make the trait known to Placement."""
        self._placement.create_trait(self.trait)

    def delete_trait(self) -> None:
        """Delete the trait, after it was taken off all providers."""
        if not self.trait_exists():
            return
        for provider_id in self.providers():
            test_utils.call_and_ignore_notfound_exc(
                self.give_back, provider_id)
        test_utils.call_and_ignore_notfound_exc(
            self._placement.delete_trait, self.trait)

    def trait_exists(self) -> bool:
        """Tell whether Placement knows the trait.

        :returns: A bool.
        """
        try:
            self._placement.show_trait(self.trait)
        except lib_exc.NotFound:
            return False
        return True

    def providers(self) -> list[str]:
        """List the providers that carry the trait.

        :returns: A list of UUIDs; none where Placement knows no such trait.
        """
        try:
            return self._providers_of(self.trait)
        except lib_exc.BadRequest:
            if self.trait_exists():
                raise
            return []

    def check_shown(self, holders: Iterable[str],
                    services: Iterable[compute_services.Service]) -> None:
        """Refuse to judge the leased hosts if Nova does not show them.

        If the database of a cell is away, Nova leaves its services out, and
        says nothing. A host of the run may then be down.

        :param holders: What ``providers`` returned.
        :param services: All compute services that Nova shows.
        :raises OutageRefused: the service of a leased host is not among them.
        :raises InvalidAnswer: nobody knows the hosts of the providers.
        """
        hosts = self._admin.services.nodes().hosts_of_providers()
        shown = {service.host for service in services}
        for holder in holders:
            # A proxy may drop the filter of a list.
            if (hosts.get(holder) not in shown
                    and self.trait in self._read(holder)[0]):
                raise exceptions.OutageRefused(
                    exceptions.Refusal.NOT_ONE_SERVICE,
                    'the run has leased provider %s, and Nova shows no '
                    'compute service for it. The database of its cell may be '
                    'away' % holder)

    def of_other_runs(self) -> dict[str, str]:
        """List what other runs have leased.

        :returns: {UUID of the provider: trait of the run}. A trait that
            nova-compute has brought back is there too.
        """
        found: dict[str, str] = {}
        for trait in self._placement.list_traits(
                name='startswith:' + run.TRAIT_PREFIX)['traits']:
            if trait == self.trait or not run.id_of(trait):
                continue
            # The run may end, and delete its trait, in the meantime.
            with contextlib.suppress(lib_exc.BadRequest):
                found.update(dict.fromkeys(self._providers_of(trait), trait))
        return found

    def meant_until(self, trait: str) -> datetime.datetime | None:
        """Tell until when the lease of a stage is meant.

        :param trait: A value of ``of_other_runs``.
        :returns: The time that the flavors of the run name, or None where the
            run is no stage.
        """
        return run.Run(run.id_of(trait) or '').meant_until(
            flavor['name'] for flavor in self._admin.flavors())

    def without_ghosts(self, leased: dict[str, str]) -> dict[str, str]:
        """Leave out what only looks like a lease of another run.

        :param leased: What ``of_other_runs`` returned.
        :returns: The same, without the traits that nova-compute brought back.
        """
        real = self._of_runs_with_a_flavor(set(leased.values()))
        return {provider: trait for provider, trait in leased.items()
                if trait in real}

    def _providers_of(self, trait: str) -> list[str]:
        return [provider['uuid'] for provider in
                self._placement.list_resource_providers(
                    required=trait)['resource_providers']]

    @_on_conflict
    def take(self, provider_id: str,
             ghosts_on: Callable[[str], set[str]] = lambda provider: set()
             ) -> None:
        """Put the trait on a provider, if it is not there already.

        :param provider_id: UUID of the provider.
        :param ghosts_on: Takes the UUID. Gives traits that are no lease of
            the provider, although the flavors of their runs are there.
        :raises OutageRefused: another run's trait is there.
        """
        traits, generation = self._read(provider_id)
        others = {trait for trait in traits
                  if run.id_of(trait) and trait != self.trait}
        ghosts = others and others - self._of_runs_with_a_flavor(
            others - ghosts_on(provider_id))
        if others - ghosts:
            raise leased(provider_id, others - ghosts)
        wanted = traits - ghosts | {self.trait}
        if wanted != traits:
            LOG.info('Putting %s on provider %s, in the place of %s',
                     self.trait, provider_id, sorted(ghosts) or 'none')
            self._write(provider_id, wanted, generation)

    def take_all(self, provider_ids: Iterable[str]) -> None:
        """Put the trait on several providers, or on none of them.

        The order is fixed. So if two runs want the same hosts, then one of
        them gets them all.

        :param provider_ids: UUIDs of providers that the run has no lease of.
        :raises OutageRefused: another run's trait is on one of them.
        """
        taken: list[str] = []
        for provider_id in sorted(provider_ids):
            try:
                self.take(provider_id)
            except exceptions.OutageRefused:
                for holder in taken:
                    self.give_back(holder)
                raise
            taken.append(provider_id)

    def _of_runs_with_a_flavor(self, traits: set[str]) -> set[str]:
        names = [flavor['name'] for flavor in self._admin.flavors()]
        return {trait for trait in traits
                if any(run.Run(run.id_of(trait) or '').owns(name)
                       for name in names)}

    def give_back(self, provider_id: str) -> None:
        """Take the trait off a provider, if it is there.

        :param provider_id: UUID of the provider.
        """
        # A trait that stays there keeps every later run off the host.
        with signals.deferred():
            self._remove(provider_id)

    @_on_conflict
    def _remove(self, provider_id: str) -> None:
        traits, generation = self._read(provider_id)
        if self.trait in traits:
            self._write(provider_id, traits - {self.trait}, generation)

    def _read(self, provider_id: str) -> tuple[set[str], int]:
        answer = self._placement.list_resource_provider_traits(provider_id)
        return set(answer['traits']), answer['resource_provider_generation']

    def _write(self, provider_id: str, traits: set[str], generation: int
               ) -> None:
        self._placement.update_resource_provider_traits(
            provider_id, traits=sorted(traits),
            resource_provider_generation=generation)


class ReadOnce(Lease):
    """Reads what other runs have leased once, and answers from that reading.

    It is for a look at many hosts that changes none of them. The parameters
    are those of ``Lease``.
    """

    def __init__(self, admin: cloud_admin.Admin, trait: str) -> None:
        super().__init__(admin, trait)
        self._found = super().of_other_runs()

    def of_other_runs(self) -> dict[str, str]:
        return self._found
