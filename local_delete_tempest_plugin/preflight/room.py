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
"""Tell whether Placement would give a host to a server of the run."""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import functools
import math
import re
from typing import Any

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin import exceptions

_MIB_PER_GIB = 1024

# 'resources:VCPU', or 'resources1:VCPU' of a group of its own.
_SPEC = re.compile(r'(resources|trait)([A-Za-z0-9_-]*):(\S+)')

_POLICY = 'group_policy'

#: The trait of a disabled compute; Nova asks for hosts without it.
DISABLED = '!COMPUTE_STATUS_DISABLED'


@dataclasses.dataclass(frozen=True)
class Request:
    """What Nova asks Placement for, to create one server.

    :ivar amounts: {suffix of a group: {resource class: amount}}.
    :ivar traits: {suffix of a group: traits}; one that must not be there has
        a '!' in front.
    :ivar policy: The ``group_policy``, or None.
    """

    amounts: dict[str, dict[str, int]]
    traits: dict[str, frozenset[str]]
    policy: str | None = None

    @classmethod
    def of(cls, flavor: dict[str, Any], specs: Mapping[str, str],
           image: Mapping[str, Any], forbidden: Iterable[str]) -> 'Request':
        """Read it off a flavor and an image.

        :param flavor: The flavor.
        :param specs: Its extra specs.
        :param image: The image; its properties name traits, too.
        :param forbidden: Traits with '!' that Nova adds itself.
        """
        amounts: dict[str, dict[str, int]] = collections.defaultdict(dict)
        traits: dict[str, set[str]] = collections.defaultdict(set)
        amounts[''].update({
            'VCPU': flavor['vcpus'], 'MEMORY_MB': flavor['ram'],
            'DISK_GB': flavor['disk'] + flavor['OS-FLV-EXT-DATA:ephemeral']
            + math.ceil((flavor['swap'] or 0) / _MIB_PER_GIB)})
        traits[''].update(forbidden)
        if 'hw:cpu_policy' in specs:
            # Dedicated CPUs are of another class. Nova's configuration decides
            # how many are asked for.
            del amounts['']['VCPU']
        # Only the traits of an image count, and its sizes are no strings.
        of_image = {name: value for name, value in image.items()
                    if name.startswith('trait:')}
        for name, value in (*specs.items(), *of_image.items()):
            found = _SPEC.fullmatch(name)
            if not found:
                continue
            kind, suffix, what = found.groups()
            if kind == 'resources':
                amounts[suffix][what] = int(value)
            else:
                traits[suffix].add(
                    '!' + what if value == 'forbidden' else what)
        return cls(
            {suffix: {name: amount for name, amount in group.items()
                      if amount} for suffix, group in amounts.items()},
            {suffix: frozenset(group) for suffix, group in traits.items()},
            specs.get(_POLICY))

    def __str__(self) -> str:
        total: collections.Counter[str] = collections.Counter()
        for group in self.amounts.values():
            total.update(group)
        return listed(total)

    @property
    def all_traits(self) -> list[str]:
        """The traits that a host needs, or must not have."""
        return sorted(set().union(*self.traits.values()))

    def _query(self, provider_id: str, anywhere: Iterable[str],
               with_traits: bool) -> dict[str, str]:
        """Write it as ``GET /allocation_candidates`` takes it.

        :param anywhere: Resource classes that another tree may give.
        """
        # Only microversion 1.33 takes other suffixes than numbers.
        numbers = {suffix: str(number or '') for number, suffix in enumerate(
            sorted({'', *self.amounts}))}
        query = {'limit': '1'}
        for suffix, group in self.amounts.items():
            resources = _amounts({name: amount for name, amount
                                  in group.items() if suffix
                                  or name not in anywhere})
            if resources:
                query['resources' + numbers[suffix]] = resources
                query['in_tree' + numbers[suffix]] = provider_id
                if with_traits and self.traits.get(suffix):
                    query['required' + numbers[suffix]] = ','.join(
                        sorted(self.traits[suffix]))
        count = len(numbers) - 1
        if anywhere:
            count += 1
            query['resources%d' % count] = _amounts(
                {name: self.amounts[''][name] for name in anywhere})
        if count > 1:
            query[_POLICY] = self.policy or 'none'
        return query

    def refusal(self, admin: admins.Admin, provider_id: str,
                flavor: str = 'flavor') -> str | None:
        """Say why Placement offers nothing for it on a host.

        Most hosts offer it, so one request tells.

        :param admin: An ``admin.Admin``.
        :param provider_id: UUID of the host's root provider.
        :param flavor: Which flavor it is of, in words.
        :returns: Words, or None where Placement offers it.
        """
        offers = functools.partial(self._offered, admin, provider_id)
        if not any(self.amounts.values()):
            return None
        try:
            if offers():
                return None
        except lib_exc.BadRequest as error:
            return 'Placement refuses the request of the %s: %s' % (
                flavor, exceptions.one_line(error))
        lacking = {
            name: amount for name, amount in self.amounts[''].items()
            if not Request({'': {name: amount}}, {})._offered(
                admin, provider_id, with_traits=False)}
        if lacking:
            # A disk may be shared by hosts, and be of no host's tree.
            if len(lacking) < len(self.amounts['']) and offers(lacking):
                return None
            return 'has no room for %s of the %s' % (
                listed(lacking), flavor)
        if self.all_traits and offers(with_traits=False):
            return ('has room, and not the traits that %s and image need (! '
                    'means not to have): %s' % (
                        flavor, ', '.join(self.all_traits)))
        return 'has no room for %s of the %s together' % (self, flavor)

    def _offered(self, admin, provider_id, anywhere=(), with_traits=True):
        return admin.candidates.list_allocation_candidates(
            **self._query(provider_id, anywhere, with_traits))[
                'allocation_requests']


def listed(amounts: Mapping[str, int]) -> str:
    """Put amounts into words.

    :param amounts: {resource class: amount}.
    """
    return ', '.join('%d %s' % (amount, name)
                     for name, amount in sorted(amounts.items()))


def _amounts(group):
    return ','.join('%s:%d' % amount for amount in sorted(group.items()))
