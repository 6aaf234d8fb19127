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

"""What a run of Tempest did, read from its debug log."""

import collections
import collections.abc
import dataclasses
import datetime
import itertools
import json
import pathlib
import re

from allinone import errors
from local_delete_tempest_plugin.common import spans
from proof.mutation import verdicts

# A line of oslo.log: time, process and level.
_LINE = re.compile(r'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (\d+) [A-Z]+ ')

# What Tempest logs of a request.
_REQUEST = re.compile(
    r'Request \((?:(\w+):(\w+)|\w+)\): \d{3} ([A-Z]+) '
    r'https?://[^/ ]+(/[^ ?]*)(\S*) (\d+\.\d+)s')

#: The last words of the kind of a request for a further page of a list.
PAGE = ' (further page)'

# Parts of a path that differ from run to run: a UUID with or without dashes,
# the id of a request, a custom trait.
_ID = re.compile(r'(?<=/)(?:(?:req-)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}'
                 r'[0-9a-f]{12}|[0-9a-f]{32}|CUSTOM_\w+)(?=/|$)')

#: Kinds of intervals that the plugin does not log itself.
SET_UP = 'class set-up'
TEAR_DOWN = 'class tear-down'
_CLASS = {'setUpClass': SET_UP, 'tearDownClass': TEAR_DOWN}


@dataclasses.dataclass(frozen=True)
class Interval:
    """A part of a run.

    :param kind: one of ``spans``, or the kind of a request, such as
        'GET /v2.1/servers/{id}'
    :param begin: seconds since the epoch
    :param end: seconds since the epoch
    """

    kind: str
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.begin


@dataclasses.dataclass(frozen=True)
class Scenario:
    """What one scenario did, from its set-up to its last clean-up.

    :param name: name of the scenario, without package and tags
    :param whole: the scenario from its begin to its end
    :param parts: the spans within it, without its waits
    :param waits: its waits; the kind of each is what was awaited
    :param requests: the requests that it sent, without polls
    :param polls: the requests that repeat what a wait has read before
    """

    name: str
    whole: Interval
    parts: tuple[Interval, ...]
    waits: tuple[Interval, ...]
    requests: tuple[Interval, ...]
    polls: tuple[Interval, ...]

    @property
    def seconds(self) -> dict[str, float]:
        """{kind: seconds}, in which each moment counts for one kind.

        That is the shortest part at that moment, or '' where there is none.
        The times of a log are rounded, so a part may begin before the whole.
        """
        spent: dict[str, float] = collections.defaultdict(float)
        whole = dataclasses.replace(self.whole, kind='')
        edges = sorted({edge for part in (whole, *self.parts)
                        for edge in (part.begin, part.end)})
        for begin, end in itertools.pairwise(edges):
            innermost = min(
                (part for part in self.parts
                 if part.begin <= begin and part.end >= end),
                key=lambda part: part.seconds, default=whole)
            spent[innermost.kind] += end - begin
        return dict(spent)


@dataclasses.dataclass(frozen=True)
class Run:
    """What the log tells.

    :param scenarios: each scenario that has ended, as often as it ran
    :param classes: {name of a class: its set-up and tear-down}
    """

    scenarios: tuple[Scenario, ...]
    classes: dict[str, tuple[Interval, ...]]


def read(path: pathlib.Path) -> Run:
    """Read a log of Tempest, at the level of debug.

    :param path: the log; several runs may have written to it, side by side
    :raises BadInput: there is no such file, or it has no scenario's span
    """
    found: dict[str, list[tuple[Interval, dict]]] = (
        collections.defaultdict(list))
    requests: dict[str, list[Interval]] = collections.defaultdict(list)
    classes: dict[tuple[str, str, str], Interval] = {}
    try:
        with path.open(errors='replace') as lines:
            for line in lines:
                head = _LINE.match(line)
                if not head:
                    continue
                end = datetime.datetime.fromisoformat(head[1]).timestamp()
                process = head[2]
                sent = _REQUEST.search(line)
                if sent:
                    caller, step = sent.groups()[:2]
                    request = _request(sent, end)
                    requests[process].append(request)
                    if step in _CLASS:
                        first = classes.setdefault(
                            (process, caller, step), request)
                        classes[process, caller, step] = Interval(
                            _CLASS[step], first.begin, end)
                elif spans.MARK in line:
                    fields = _fields(line)
                    found[process].append((Interval(
                        fields['kind'], end - fields['seconds'], end),
                        fields))
    except FileNotFoundError:
        raise errors.BadInput(f'{path}: there is no such log')
    scenarios = sorted(
        (_scenario(whole, fields, found[process], requests[process])
         for process in found for whole, fields in found[process]
         if whole.kind == spans.SCENARIO),
        key=lambda scenario: scenario.whole.begin)
    if not scenarios:
        raise errors.BadInput(f'{path}: no scenario of the plugin has ended '
                              f'there, or debug is off')
    by_class = collections.defaultdict(list)
    for (_, name, _), interval in classes.items():
        by_class[name].append(interval)
    return Run(tuple(scenarios), {
        name: tuple(intervals) for name, intervals in by_class.items()})


def requests(path: pathlib.Path) -> list[Interval]:
    """Read the requests of a log, whoever sent them.

    :param path: the log
    """
    with path.open(errors='replace') as lines:
        return [_request(sent, 0) for line in lines if _LINE.match(line)
                and (sent := _REQUEST.search(line))]


def _request(sent, end):
    *_, method, path, query, seconds = sent.groups()
    return Interval(
        f'{method} {_ID.sub("{id}", path)}'
        f'{PAGE if "marker=" in query else ""}', end - float(seconds), end)


def last(scenarios: collections.abc.Iterable[Scenario]
         ) -> dict[str, Scenario]:
    """Return {name: scenario}, each as it ran the last time."""
    return {scenario.name: scenario for scenario in scenarios}


def _fields(line):
    # oslo.log puts the place in the code after the message.
    return json.JSONDecoder().raw_decode(
        line.partition(f'{spans.MARK} ')[2])[0]


def _scenario(whole, fields, found, requests):
    def within(intervals, outer):
        return [one for one in intervals
                if outer.begin < one.end <= outer.end]

    repeats = [
        dataclasses.replace(wait, begin=wait.begin + told['first'])
        for wait, told in found if wait.kind == spans.WAIT]
    sent = within(requests, whole)
    polls = {id(one) for wait in repeats for one in within(sent, wait)}
    return Scenario(
        verdicts.short(fields['scenario']), whole,
        tuple(within((part for part, _ in found if part.kind not in (
            spans.SCENARIO, spans.WAIT)), whole)),
        tuple(within((dataclasses.replace(wait, kind=told.get('awaited', ''))
                      for wait, told in found if wait.kind == spans.WAIT),
                     whole)),
        tuple(one for one in sent if id(one) not in polls),
        tuple(one for one in sent if id(one) in polls))
