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

"""What a server holds in the cloud, and what is left of it afterwards.

A leak can hide from any one view. It may be left on the host, or moved to
another provider. It may have another consumer or project. So a reading has
several views of Placement: allocations by consumer and by provider, usages by
provider and by project. A reading also has each port, volume and the like that
was the server's at any time. The id finds it, because a leak may have lost the
server's name.
"""

import collections
from collections.abc import Collection
from collections.abc import Iterable
import dataclasses
from typing import Any

#: {resource class: amount}.
Amounts = dict[str, int]

#: {UUID: {resource class: amount}}.
Holdings = dict[str, Amounts]

#: (kind, id) of a port, a volume or the like.
Key = tuple[str, str]

#: {field: value} of a port, a volume or the like.
Fields = dict[str, Any]

#: {(consumer UUID, provider UUID): {resource class: amount}}.
_View = dict[tuple[str, str] | tuple[None, None], Amounts]

# Of the readings, for the words about a ``Miscount``.
_WHEN = {'before': 'before the create', 'during': 'while the server lived',
         'after': 'after the delete'}


@dataclasses.dataclass(frozen=True)
class Reading:
    """What the cloud showed at one moment.

    :param by_consumer: {consumer UUID: {provider UUID: {class: amount}}} of
        the run's own servers and their migrations.
    :param by_provider: {provider UUID: {consumer UUID: {class: amount}}} of
        the leased hosts' whole provider trees, foreign consumers included.
    :param by_project: {class: amount} of the run's project.
    :param limits: {name: amount in use} of the project's quota, as the member
        sees it.
    :param provider_usages: {provider UUID: {class: amount}} that Placement
        counts as used on the leased hosts' whole provider trees. Nova's own
        test of bug 1679750 compares these, and the scheduler goes by them.
    :param owners: {consumer UUID: project id} of consumers on the trees. They
        had to be looked up, because their holdings are not as before.
    :param unknown: UUIDs of those in ``owners`` that are of other projects.
        Nova knows them neither as a server nor as a migration.
    :param other_servers: Ids of the project's servers that the run did not
        make.
    :param resources: {(kind, id): {field: value}} of ports, volumes,
        attachments, floating IPs, server groups and images. The run brought
        them, or they were its servers' at any time. What is gone is not
        there.
    """

    by_consumer: dict[str, Holdings]
    by_provider: dict[str, Holdings]
    by_project: Amounts
    owners: dict[str, str | None]
    other_servers: frozenset[str]
    limits: Amounts = dataclasses.field(default_factory=dict)
    resources: dict[Key, Fields] = dataclasses.field(default_factory=dict)
    provider_usages: Holdings = dataclasses.field(default_factory=dict)
    unknown: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        """Give the reading as data for a test's details.

        :returns: A dict that ``json.dumps`` takes.
        """
        return dict(dataclasses.asdict(self),
                    other_servers=sorted(self.other_servers),
                    unknown=sorted(self.unknown),
                    resources={'%s %s' % key: fields for key, fields
                               in self.resources.items()})

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> 'Reading':
        """Make a reading again of what ``as_json`` gave.

        :param data: The data, of the same form.
        :returns: An equal reading.
        """
        return cls(**dict(
            data, other_servers=frozenset(data['other_servers']),
            unknown=frozenset(data['unknown']),
            # A kind may have spaces, and an id has none.
            resources={tuple(key.rsplit(' ', 1)): fields for key, fields
                       in data['resources'].items()}))

    def miscounts(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Compare the usages of each provider with its allocations.

        :returns: {(provider UUID, class): (amount of the usages, sum of the
            allocations)} of those that disagree.
        """
        return {
            (provider, name): amounts
            for provider, usages in self.provider_usages.items()
            for name, amounts in miscounts(
                self.by_provider.get(provider, {}), usages).items()}


def miscounts(holdings: Holdings,
              usages: Amounts) -> dict[str, tuple[int, int]]:
    """Compare the usages of one provider with its allocations.

    :param holdings: {consumer UUID: {class: amount}}.
    :param usages: {class: amount}.
    :returns: {class: (amount of the usages, sum of the allocations)} of the
        classes for which these disagree.
    """
    sums: collections.Counter[str] = collections.Counter()
    for amounts in holdings.values():
        sums.update(amounts)
    return {name: (usages.get(name, 0), sums[name])
            for name in {*usages, *sums} if usages.get(name, 0) != sums[name]}


@dataclasses.dataclass(frozen=True)
class Leak:
    """An amount that is held after the delete and was not before the create.

    :param consumer: None, as the provider, of what the project holds.
    """

    consumer: str | None
    provider: str | None
    resource_class: str
    before: int
    during: int
    after: int
    seen_by: str


@dataclasses.dataclass(frozen=True)
class Miscount:
    """Usages of a provider that are not the sum of its allocations.

    :param when: Which of the readings shows it: before, during or after.
    """

    provider: str
    resource_class: str
    usages: int
    allocations: int
    when: str


@dataclasses.dataclass(frozen=True)
class Remnant:
    """A port, a volume or the like that is not as it should be afterwards.

    :param kind: What it is.
    :param before: {field: value}, or None where it was not there.
    """

    kind: str
    id: str
    before: Fields | None
    during: Fields | None
    after: Fields | None

    def __str__(self) -> str:
        words = '%s %s' % (self.kind, self.id)
        if self.after is None:
            return '%s is gone, and should be there as before: %s' % (
                words, _fields(self.before))
        if self.before is None:
            return '%s is left: during %s, after %s' % (
                words, _fields(self.during), _fields(self.after))
        before, during, after = self.before, self.during or {}, self.after
        return '%s: %s' % (words, ', '.join(
            '%s before %r, during %r, after %r' % (
                name, before.get(name), during.get(name), after.get(name))
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name))
            or 'should be gone, and is left as it was before: %s'
            % _fields(self.after))


def find_leaks(
        before: Reading, during: Reading, after: Reading, project_id: str,
        gone: Collection[Key] = frozenset()) -> list[
            Leak | Miscount | Remnant]:
    """Compare three readings of the leased hosts and the project.

    :param before: The ``Reading`` before the servers were made.
    :param during: The one while they lived.
    :param after: The one in which nothing of them should be left.
    :param project_id: The project of the servers.
    :param gone: {(kind, id)} of what the run brought and the servers take
        with them. An example is a volume that is deleted on termination.
    :returns: A list of ``Leak``, ``Miscount`` and ``Remnant``; empty where
        after equals before.
    """
    own = set(after.by_consumer)
    readings = (before, during, after)
    leaks: list[Leak | Miscount | Remnant] = []
    leaks += _compare([_held_by(reading, own) for reading in readings],
                      'consumer')
    others = before.other_servers | after.other_servers
    ours = own | {consumer for consumer, owner in after.owners.items()
                  if owner == project_id and consumer not in others}
    leaks += _compare([_on_tree(reading, ours) for reading in readings],
                      'provider')
    leaks += _find_unknown(before, during, after)
    if not others:
        for amounts, seen_by in (('by_project', 'project'),
                                 ('limits', 'limits')):
            leaks += _compare([{(None, None): getattr(reading, amounts)}
                               for reading in readings], seen_by)
    for when, reading in (('before', before), ('during', during),
                          ('after', after)):
        leaks += [Miscount(*where, *amounts, when) for where, amounts
                  in sorted(reading.miscounts().items())]
    return leaks + _find_remnants(before, during, after, gone)


def _find_unknown(before: Reading, during: Reading,
                  after: Reading) -> list[Leak]:
    """Find what a consumer holds more that nobody can have put there.

    Nobody's server lands on a leased host that is fenced. So a consumer that
    Nova does not know is a leak, whichever project it names. What such a
    consumer no longer holds is its owner's clean-up.
    """
    leaks: list[Leak] = []
    for consumer in sorted(after.unknown):
        leaks += [leak for leak in _compare(
            [_on_tree(reading, {consumer})
             for reading in (before, during, after)],
            'provider, under project %s; Nova knows no such server or '
            'migration' % after.owners[consumer]) if leak.after > leak.before]
    return leaks


def _find_remnants(before: Reading, during: Reading, after: Reading,
                   gone: Collection[Key]) -> list[Remnant]:
    remnants = []
    for key in sorted({*before.resources, *after.resources}):
        was, held, now = (reading.resources.get(key)
                          for reading in (before, during, after))
        if now != (None if key in gone else was):
            remnants.append(Remnant(*key, was, held, now))
    return remnants


def describe_leaks(leaks: Iterable[Leak | Miscount | Remnant],
                   provider_names: dict[str, str], project_id: str) -> str:
    """Put leaks into words, one line for each provider and class.

    :param leaks: A list of ``Leak``, ``Miscount`` and ``Remnant``.
    :param provider_names: {provider UUID: name} as far as known.
    :param project_id: The project of the servers.
    :returns: A str of as many lines as there are different amounts.
    """
    views: dict[Leak, list[str]] = {}
    for leak in leaks:
        if isinstance(leak, Leak):
            key = dataclasses.replace(leak, seen_by='')
            views.setdefault(key, []).append(leak.seen_by)
    lines = []
    for leak, seen_by in views.items():
        if leak.consumer is None or leak.provider is None:
            where = 'project %s' % project_id
        else:
            where = 'consumer %s on provider %s (%s)' % (
                leak.consumer,
                provider_names.get(leak.provider, "outside the hosts' trees"),
                leak.provider)
        lines.append('%s: %s before %d, during %d, after %d (seen by %s)' % (
            where, leak.resource_class, leak.before, leak.during, leak.after,
            ' and '.join(seen_by)))
    lines += [
        'provider %s (%s): %s: its usages count %d, and its allocations add '
        'up to %d (%s)' % (
            provider_names.get(leak.provider, 'without a name'),
            leak.provider, leak.resource_class, leak.usages,
            leak.allocations, _WHEN[leak.when])
        for leak in leaks if isinstance(leak, Miscount)]
    lines += [str(leak) for leak in leaks if isinstance(leak, Remnant)]
    return '\n'.join(lines)


def in_short(leaks: Iterable[Leak | Miscount | Remnant]
             ) -> list[tuple[str, str, str]]:
    """Tell what is left, each thing once.

    :param leaks: As for ``describe_leaks``.
    :returns: [(what, provider UUID, consumer UUID)]; a UUID is empty where it
        does not apply. Amounts that only the whole project shows are left
        out if anything else is left.
    """
    found: dict[tuple[str, str, str], bool] = {}
    for leak in leaks:
        if isinstance(leak, Remnant):
            state = (' (gone)' if leak.after is None else
                     '' if leak.before is None else ' (changed)')
            found['%s %s%s' % (leak.kind, leak.id, state), '', ''] = True
        elif isinstance(leak, Miscount):
            found['%d %s without an allocation' % (
                leak.usages - leak.allocations, leak.resource_class),
                leak.provider, ''] = True
        else:
            what = '%d %s' % (leak.after - leak.before, leak.resource_class)
            found[what, leak.provider or '', leak.consumer or ''] = (
                leak.consumer is not None)
    return ([key for key, is_whole in found.items() if is_whole]
            or list(found))


def _fields(fields: Fields | None) -> str:
    return ', '.join('%s %r' % item for item in sorted(
        fields.items())) if fields else 'not there'


def _compare(views: list[_View], seen_by: str) -> list[Leak]:
    """Compare {(consumer, provider): {class: amount}} of three readings."""
    leaks = []
    for key in sorted({*views[0], *views[2]}, key=str):
        held = [view.get(key, {}) for view in views]
        for resource_class in sorted({*held[0], *held[2]}):
            before, during, after = (
                amounts.get(resource_class, 0) for amounts in held)
            if before != after:
                consumer, provider = key
                leaks.append(Leak(consumer, provider, resource_class, before,
                                  during, after, seen_by))
    return leaks


def _held_by(reading: Reading, consumers: Collection[str]) -> _View:
    return {(consumer, provider): amounts
            for consumer, holdings in reading.by_consumer.items()
            if consumer in consumers
            for provider, amounts in holdings.items()}


def _on_tree(reading: Reading, consumers: Collection[str]) -> _View:
    return {(consumer, provider): amounts
            for provider, holdings in reading.by_provider.items()
            for consumer, amounts in holdings.items()
            if consumer in consumers}
