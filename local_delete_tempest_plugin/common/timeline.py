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

"""What a scenario did and saw, with times, for the report.

A scenario attaches its timeline as JSON, of a few kB. So the stream of any
runner has it.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import time
import types
from typing import Any
from typing import Protocol

from testtools import content

from local_delete_tempest_plugin.common import spans

#: The name of the detail. A retried attach gets a number at its end.
DETAIL = 'timeline.json'

#: The version of the format. Other versions are not shown.
VERSION = 1

#: The kinds of spans that are steps of a story.
STEPS = (spans.LEASE, spans.BOOT, spans.DELETE, spans.AWAY, spans.BACK)

# A story that loops, or waits, must not attach megabytes.
_MOST = 500

# Characters of a text.
_LONGEST = 300

_TEXT = {'type': 'string', 'maxLength': _LONGEST}
_TIME = {'type': 'number', 'minimum': 0, 'maximum': 1e11}
_AMOUNT = {'type': 'integer', 'minimum': 0, 'maximum': 10 ** 15}
_AMOUNTS = {'type': 'object', 'additionalProperties': _AMOUNT,
            'maxProperties': 100}


def _object(**fields: Any) -> dict[str, Any]:
    return {'type': 'object', 'properties': fields, 'required': [*fields]}


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {'type': 'array', 'items': item, 'maxItems': _MOST}


#: The JSON schema of an attached timeline.
SCHEMA = _object(
    version={'const': VERSION},
    story=_TEXT,
    versions={'type': 'object', 'additionalProperties': _TEXT,
              'maxProperties': 20},
    usages=_list(_object(
        at=_TIME,
        until=_TIME,
        when={'anyOf': [_TEXT, {'type': 'null'}]},
        project=_AMOUNTS,
        hosts={'type': 'object', 'additionalProperties': _AMOUNTS,
               'maxProperties': 100})),
    outages=_list(_object(
        kind=_TEXT,
        where=_TEXT,
        is_out={'type': 'boolean'},
        begun=_TIME,
        seen={'anyOf': [_TIME, {'type': 'null'}]},
        returning={'anyOf': [_TIME, {'type': 'null'}]},
        back={'anyOf': [_TIME, {'type': 'null'}]})),
    steps=_list(_object(kind=_TEXT, at=_TIME, seconds=_TIME)),
    left=_list(_object(what=_TEXT, where=_TEXT, of=_TEXT)))


@dataclasses.dataclass
class Moments:
    """When an outage passed through its stages, in seconds of the epoch.

    :ivar begun: When the service began to be taken away.
    :ivar seen: When the cloud showed that.
    :ivar returning: When the service began to be given back.
    :ivar back: When the cloud showed that it is back.
    """

    begun: float | None = None
    seen: float | None = None
    returning: float | None = None
    back: float | None = None


class Outage(Protocol):
    """What an outage tells of itself."""

    #: Its kind, such as 'forced-down'.
    name: str
    #: Whether the service is really out during the outage.
    is_out: bool
    moments: Moments

    @property
    def where(self) -> str:
        """The host or the service that is taken away."""


class Timeline:
    """Notes what a scenario does and sees.

    :param story: The first line of the story.
    :param versions: {name: version} of the cloud and its tests.
    :param clock: Tells the time, in seconds of the epoch.
    """

    def __init__(self, story: str = '',
                 versions: Mapping[str, str] = types.MappingProxyType({}),
                 clock: Callable[[], float] = time.time) -> None:
        self._story = story
        self._versions = versions
        self._clock = clock
        self._usages: list[dict[str, Any]] = []
        self._outages: list[Outage] = []
        self._steps: list[dict[str, Any]] = []
        self._left: list[dict[str, str]] = []

    def note_usage(self, project: dict[str, int],
                   hosts: dict[str, dict[str, int]],
                   when: str | None = None) -> None:
        """Note what Placement counts as used.

        :param project: {class: amount} of the project.
        :param hosts: {name of a provider: {class: amount}} of leased hosts.
        :param when: Which reading this is, such as 'before'; None if it is
            one of many.
        """
        now = round(self._clock(), 3)
        seen = {'when': when, 'project': project, 'hosts': hosts}
        last = self._usages[-1] if self._usages else {}
        if when is None and all(
                last.get(name) == seen[name] for name in ('project', 'hosts')):
            last['until'] = now
        else:
            self._usages.append(dict(seen, at=now, until=now))

    def note_outage(self, outage: Outage) -> None:
        """Note an outage, whose moments are read when the timeline is made.

        :param outage: An outage that may not have begun.
        """
        self._outages.append(outage)

    def note_span(self, kind: str, seconds: float) -> None:
        """Note that a span ends now.

        :param kind: Its kind; only those of ``STEPS`` are kept.
        :param seconds: How long it took.
        """
        if kind in STEPS:
            self._steps.append({'kind': kind, 'seconds': round(seconds, 3),
                                'at': round(self._clock() - seconds, 3)})

    def note_left(self, what: str, where: str, of: str) -> None:
        """Note something that is left behind.

        :param what: Such as '1 VCPU' or 'port UUID'.
        :param where: Such as 'compute1'; empty where that is unknown.
        :param of: Whose it is, such as 'migration UUID'; empty where that is
            unknown.
        """
        self._left.append({'what': what[:_LONGEST], 'where': where[:_LONGEST],
                           'of': of[:_LONGEST]})

    def as_json(self) -> dict[str, Any]:
        """Give the timeline as data that matches ``SCHEMA``."""
        return {
            'version': VERSION,
            'story': self._story[:_LONGEST],
            'versions': {name: version[:_LONGEST] for name, version
                         in self._versions.items()},
            'usages': _thin(self._usages),
            'outages': _thin([
                dict(dataclasses.asdict(outage.moments), kind=outage.name,
                     where=outage.where[:_LONGEST], is_out=outage.is_out)
                for outage in self._outages if outage.moments.begun]),
            'steps': _thin(self._steps),
            'left': _thin(self._left),
        }

    def as_content(self) -> content.Content:
        """Give the timeline as a detail of a test."""
        # Runners print what is text.
        return content.json_content(self.as_json())


def _thin(rows: list[Any]) -> list[Any]:
    """Keep the begin and the end of a list that is too long."""
    half = _MOST // 2
    return rows if len(rows) <= _MOST else rows[:half] + rows[-half:]
