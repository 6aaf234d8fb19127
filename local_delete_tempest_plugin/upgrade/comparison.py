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

"""Compare what the servers of a stage hold with what they held before."""

import collections
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
from typing import Any

from local_delete_tempest_plugin.footprint import leaks
from local_delete_tempest_plugin.upgrade import stage_file


def of_server(server: stage_file.StagedServer, shown: dict[str, Any] | None,
              now: leaks.Reading, names: dict[str, str]) -> list[str]:
    """Tell what of a server is not as it was at the stage.

    :param server: The server.
    :param shown: What Nova shows of it now, or None where it is gone.
    :param now: The reading of now, of this server alone.
    :param names: {provider UUID: name} as far as known.
    :returns: Words, one for each difference.
    """
    if shown is None:
        return ['Nova has no such server any more']
    shows = {field: shown.get(field) for field in server.shown}
    return [*_of_fields('Nova shows', server.shown, shows),
            *_of_allocations(server, now, names),
            *_of_resources(server.during.resources, now.resources)]


def of_project(was: leaks.Reading, now: leaks.Reading) -> list[str]:
    """Tell what of the amounts of a project is not as it was at the stage.

    :param was: The last reading of the stage.
    :param now: The reading of now.
    :returns: Words, one for each difference. There are none if the project has
        other servers, because nobody knows what these hold.
    """
    if was.other_servers or now.other_servers:
        return []
    return [*_of_fields('Placement counts', was.by_project, now.by_project),
            *_of_fields('GET /limits counts', was.limits, now.limits)]


def of_providers(now: leaks.Reading, names: dict[str, str]) -> list[str]:
    """Tell which usages of providers are not the sum of their allocations.

    :param now: The reading of now.
    :param names: As for ``of_server``.
    :returns: Words, one for each.
    """
    return ['provider %s counts %d %s as used, and its allocations add up to '
            '%d' % (names.get(provider, provider), usages, name, held)
            for (provider, name), (usages, held)
            in sorted(now.miscounts().items())]


def _of_fields(whose: str, was: dict[str, Any],
               now: dict[str, Any]) -> Iterator[str]:
    for field in sorted(was.keys() | now.keys()):
        before, after = was.get(field, 0), now.get(field, 0)
        if before != after:
            # A port that is not bound has an empty host.
            yield '%s %s %s, and it was %s' % (
                whose, field, *('nothing' if value == '' else value
                                for value in (after, before)))


def _of_allocations(server: stage_file.StagedServer, now: leaks.Reading,
                    names: dict[str, str]) -> Iterator[str]:
    for consumer in server.consumers:
        whose = 'it' if consumer == server.id else (
            'its migration %s' % consumer)
        held, holds = (reading.by_consumer.get(consumer, {})
                       for reading in (server.during, now))
        for provider in sorted(held.keys() | holds.keys()):
            before, after = held.get(provider), holds.get(provider)
            if before != after:
                yield '%s held %s of provider %s, and now holds %s' % (
                    whose, _amounts(before), names.get(provider, provider),
                    _amounts(after))


def _of_resources(was: dict[leaks.Key, leaks.Fields],
                  now: dict[leaks.Key, leaks.Fields]) -> Iterator[str]:
    for key in sorted(was.keys() | now.keys()):
        words = '%s %s' % key
        if key not in now:
            yield '%s is gone' % words
        elif key not in was:
            yield '%s is new' % words
        else:
            yield from _of_fields('%s has' % words, was[key], now[key])


def _amounts(amounts: leaks.Amounts | None) -> str:
    return ', '.join('%d %s' % (amount, name) for name, amount
                     in sorted(amounts.items())) if amounts else 'nothing'


def expected(prior: leaks.Reading, server: stage_file.StagedServer,
             own: Collection[str]) -> leaks.Reading:
    """Tell what the cloud should show when a server is deleted.

    :param prior: The reading before the delete.
    :param server: The server.
    :param own: Its consumers.
    :returns: ``prior`` without what these hold. What was brought to the server
        is as it was before the server.
    """
    held = _sum(amounts for consumer in own
                for amounts in prior.by_consumer.get(consumer, {}).values())
    quota = _minus(server.during.limits, server.before.limits)
    return dataclasses.replace(
        prior, by_consumer={}, provider_usages={},
        by_provider={provider: {
            consumer: amounts for consumer, amounts in holdings.items()
            if consumer not in own}
            for provider, holdings in prior.by_provider.items()},
        by_project=_minus(prior.by_project, held),
        limits=_minus(prior.limits, quota),
        resources=server.before.resources)


def _sum(many: Iterable[leaks.Amounts]) -> leaks.Amounts:
    total: collections.Counter[str] = collections.Counter()
    for amounts in many:
        total.update(amounts)
    return total


def _minus(amounts: leaks.Amounts, less: leaks.Amounts) -> leaks.Amounts:
    return {name: amount - less.get(name, 0)
            for name, amount in amounts.items()}
