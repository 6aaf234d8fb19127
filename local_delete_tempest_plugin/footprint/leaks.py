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

A leak can hide from any one view: it may be left on the host, moved to
another provider, or renamed to another consumer. So of Placement a reading has
three. Of ports, volumes and their like it has each that was the server's at
any time, found by its id, since a leak may have forgotten the server.
"""

import dataclasses


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
    :param owners: {consumer UUID: project id} of the consumers on the trees
        that had to be looked up, because their holdings are not as before.
    :param other_servers: Ids of the project's servers that the run did not
        make.
    :param resources: {(kind, id): {field: value}} of the ports, volumes,
        attachments, floating IPs, server groups and images that the run
        brought, or that were its servers' at any time. What is gone is not
        there.
    """

    by_consumer: dict
    by_provider: dict
    by_project: dict
    owners: dict
    other_servers: frozenset
    limits: dict = dataclasses.field(default_factory=dict)
    resources: dict = dataclasses.field(default_factory=dict)

    def as_json(self):
        """Give the reading as data for a test's details."""
        return dict(dataclasses.asdict(self),
                    other_servers=sorted(self.other_servers),
                    resources={'%s %s' % key: fields for key, fields
                               in self.resources.items()})


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
class Remnant:
    """A port, a volume or the like that is not as it should be afterwards.

    :param kind: What it is.
    :param before: {field: value}, or None where it was not there.
    """

    kind: str
    id: str
    before: dict | None
    during: dict | None
    after: dict | None

    def __str__(self):
        words = '%s %s' % (self.kind, self.id)
        if self.after is None:
            return '%s is gone, and should be there as before: %s' % (
                words, _fields(self.before))
        if self.before is None:
            return '%s is left: during %s, after %s' % (
                words, _fields(self.during), _fields(self.after))
        return '%s: %s' % (words, ', '.join(
            '%s before %r, during %r, after %r' % (
                name, self.before.get(name), (self.during or {}).get(name),
                self.after.get(name))
            for name in sorted({*self.before, *self.after})
            if self.before.get(name) != self.after.get(name))
            or 'should be gone, and is left as it was before: %s'
            % _fields(self.after))


def find_leaks(before, during, after, project_id, gone=frozenset()):
    """Compare three readings of the leased hosts and the project.

    :param before: The ``Reading`` before the servers were made.
    :param during: The one while they lived.
    :param after: The one in which nothing of them should be left.
    :param project_id: The project of the servers.
    :param gone: {(kind, id)} of what the run brought for the servers to take
        with them, such as a volume that is deleted on termination.
    :returns: A list of ``Leak`` and ``Remnant``; empty where after equals
        before.
    """
    own = set(after.by_consumer)
    leaks = _compare(_held_by(before, own), _held_by(during, own),
                     _held_by(after, own), 'consumer')
    others = before.other_servers | after.other_servers
    ours = own | {consumer for consumer, owner in after.owners.items()
                  if owner == project_id and consumer not in others}
    leaks += _compare(_on_tree(before, ours), _on_tree(during, ours),
                      _on_tree(after, ours), 'provider')
    if not others:
        for amounts, seen_by in (('by_project', 'project'),
                                 ('limits', 'limits')):
            leaks += _compare(*(
                {(None, None): getattr(reading, amounts)}
                for reading in (before, during, after)), seen_by)
    return leaks + _find_remnants(before, during, after, gone)


def _find_remnants(before, during, after, gone):
    remnants = []
    for key in sorted({*before.resources, *after.resources}):
        was, held, now = (reading.resources.get(key)
                          for reading in (before, during, after))
        if now != (None if key in gone else was):
            remnants.append(Remnant(*key, was, held, now))
    return remnants


def describe_leaks(leaks, provider_names, project_id):
    """Put leaks into words, one line for each provider and class.

    :param leaks: A list of ``Leak`` and ``Remnant``.
    :param provider_names: {provider UUID: name} as far as known.
    :param project_id: The project of the servers.
    :returns: A str of as many lines as there are different amounts.
    """
    views = {}
    for leak in leaks:
        if isinstance(leak, Leak):
            key = dataclasses.replace(leak, seen_by='')
            views.setdefault(key, []).append(leak.seen_by)
    lines = []
    for leak, seen_by in views.items():
        if leak.consumer is None:
            where = 'project %s' % project_id
        else:
            where = 'consumer %s on provider %s (%s)' % (
                leak.consumer,
                provider_names.get(leak.provider, "outside the hosts' trees"),
                leak.provider)
        lines.append('%s: %s before %d, during %d, after %d (seen by %s)' % (
            where, leak.resource_class, leak.before, leak.during, leak.after,
            ' and '.join(seen_by)))
    lines += [str(leak) for leak in leaks if isinstance(leak, Remnant)]
    return '\n'.join(lines)


def _fields(fields):
    return ', '.join('%s %r' % item for item in sorted(
        fields.items())) if fields else 'not there'


def _compare(before, during, after, seen_by):
    """Compare {(consumer, provider): {class: amount}} of three readings."""
    leaks = []
    for key in sorted({*before, *after}, key=str):
        held = [reading.get(key, {}) for reading in (before, during, after)]
        for resource_class in sorted({*held[0], *held[2]}):
            amounts = [amount.get(resource_class, 0) for amount in held]
            if amounts[0] != amounts[2]:
                leaks.append(Leak(*key, resource_class, *amounts, seen_by))
    return leaks


def _held_by(reading, consumers):
    return {(consumer, provider): amounts
            for consumer, holdings in reading.by_consumer.items()
            if consumer in consumers
            for provider, amounts in holdings.items()}


def _on_tree(reading, consumers):
    return {(consumer, provider): amounts
            for provider, holdings in reading.by_provider.items()
            for consumer, amounts in holdings.items()
            if consumer in consumers}
