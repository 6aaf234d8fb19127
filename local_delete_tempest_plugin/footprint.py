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
another provider, or renamed to another consumer. So a reading has three.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Reading:
    """What Placement and Nova showed at one moment; amounts by class.

    :param by_consumer: {consumer UUID: {provider UUID: {class: amount}}} of
        the run's own servers.
    :param by_provider: {provider UUID: {consumer UUID: {class: amount}}} of
        the target host's whole provider tree, foreign consumers included.
    :param by_project: {class: amount} of the run's project.
    :param owners: {consumer UUID: project id} of the consumers on the tree
        that had to be looked up, because their holdings are not as before.
    :param other_servers: Ids of the project's servers that the run did not
        make.
    """

    by_consumer: dict
    by_provider: dict
    by_project: dict
    owners: dict
    other_servers: frozenset

    def as_json(self):
        """Give the reading as data for a test's details."""
        return dict(dataclasses.asdict(self),
                    other_servers=sorted(self.other_servers))


@dataclasses.dataclass(frozen=True)
class Leak:
    """What is held after the delete and was not before the create."""

    consumer: str | None
    provider: str | None
    resource_class: str
    before: int
    during: int
    after: int
    seen_by: str


class Reader:
    """Takes readings around the servers of one project on one host.

    :param placement: An admin's ``PlacementClient``.
    :param servers_client: The member's compute ``ServersClient``.
    :param target: The ``compute_service.TargetHost`` of the servers.
    :param project_id: The member's project.
    :param made: Ids of all servers that the run ever made in the project; the
        caller adds to it.
    """

    def __init__(self, placement, servers_client, target, project_id, made):
        self._placement = placement
        self._servers_client = servers_client
        self._target = target
        self.project_id = project_id
        self._made = made
        self.provider_names = {}

    def read(self, own, known=None, since=None):
        """Read the footprint.

        :param own: Ids of the run's servers.
        :param known: An earlier ``Reading``; a consumer on the tree that
            holds something else than in it is looked up.
        :param since: Time of the cloud's clock, as Nova writes it, from which
            on servers of the project count even if they are deleted by now.
        :returns: A ``Reading``.
        """
        by_provider = self._read_tree()
        return Reading(
            by_consumer={consumer: self._read_consumer(consumer)[0]
                         for consumer in own},
            by_provider=by_provider,
            by_project=self._placement.list_project_usages(
                self.project_id)['usages'],
            owners={consumer: self._read_consumer(consumer)[1]
                    for consumer in _changed(known, by_provider)
                    if consumer not in own} if known else {},
            other_servers=self._read_servers(since) - self._made)

    def _read_tree(self):
        providers = self._placement.list_resource_providers(
            in_tree=self._target.provider_id)['resource_providers']
        self.provider_names.update(
            (provider['uuid'], provider['name']) for provider in providers)
        return {
            provider['uuid']: _amounts(
                self._placement.list_provider_allocations(provider['uuid']))
            for provider in providers}

    def _read_consumer(self, consumer):
        answer = self._placement.list_allocations(consumer)
        return _amounts(answer), answer.get('project_id')

    def _read_servers(self, since):
        # changes-since lists deleted servers too.
        filters = {'changes-since': since} if since else {}
        servers = self._servers_client.list_servers(**filters)['servers']
        return frozenset(server['id'] for server in servers)


def find_leaks(before, during, after, project_id):
    """Compare three readings of one host and project.

    :param before: The ``Reading`` before the servers were made.
    :param during: The one while they lived.
    :param after: The one in which nothing of them should be left.
    :param project_id: The project of the servers.
    :returns: A list of ``Leak``; empty where after equals before.
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
        leaks += _compare({(None, None): before.by_project},
                          {(None, None): during.by_project},
                          {(None, None): after.by_project}, 'project')
    return leaks


def describe_leaks(leaks, provider_names, project_id):
    """Put leaks into words, one line for each provider and class.

    :param leaks: A list of ``Leak``.
    :param provider_names: {provider UUID: name} as far as known.
    :param project_id: The project of the servers.
    :returns: A str of as many lines as there are different amounts.
    """
    views = {}
    for leak in leaks:
        key = dataclasses.replace(leak, seen_by='')
        views.setdefault(key, []).append(leak.seen_by)
    lines = []
    for leak, seen_by in views.items():
        if leak.consumer is None:
            where = 'project %s' % project_id
        else:
            where = 'consumer %s on provider %s (%s)' % (
                leak.consumer,
                provider_names.get(leak.provider, "outside the host's tree"),
                leak.provider)
        lines.append('%s: %s before %d, during %d, after %d (seen by %s)' % (
            where, leak.resource_class, leak.before, leak.during, leak.after,
            ' and '.join(seen_by)))
    return '\n'.join(lines)


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


def _changed(known, by_provider):
    """Name the consumers that hold more, or elsewhere, than in a reading."""
    return sorted({
        consumer
        for provider, holdings in by_provider.items()
        for consumer, amounts in holdings.items()
        if known.by_provider.get(provider, {}).get(consumer) != amounts})


def _amounts(answer):
    return {uuid: held['resources']
            for uuid, held in answer['allocations'].items()}
