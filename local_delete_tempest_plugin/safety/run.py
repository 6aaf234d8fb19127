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

"""One run: its id, and all that it made."""

from collections.abc import Iterable
import contextlib
import dataclasses
import datetime
import re

from tempest.lib.common.utils import data_utils

TRAIT_PREFIX = 'CUSTOM_LOCAL_DELETE_'

_ID = '[0-9A-F]{12}'
_TRAIT = re.compile('%s(%s)' % (TRAIT_PREFIX, _ID))

# Every release has written the same sentence.
_FENCE = ('local-delete-tempest-plugin run %s; to undo: tempest local-delete '
          'recover --run %s')
_FENCED_BY = re.compile(_FENCE % ('(%s)' % _ID, r'\1'))


# A minute, as the names of a stage have it.
_MINUTE = '%Y%m%d%H%M'


def _new_id() -> str:
    return str(data_utils.rand_uuid_hex()[:12].upper())


@dataclasses.dataclass
class Run:
    """All that one process does to a cloud.

    :param id: Twelve capital hexadecimal digits, which are in every name that
        the run gives.
    :param servers: Ids of all servers that the run made. Each id is added
        before the guard checks the host of the server.
    :param migrations: UUIDs of the migrations of these servers.
    :param until: Until when the run is meant to stay, if it is a stage. The
        time is in UTC, in whole minutes.
    """

    id: str = dataclasses.field(default_factory=_new_id)
    servers: set[str] = dataclasses.field(default_factory=set)
    migrations: set[str] = dataclasses.field(default_factory=set)
    until: datetime.datetime | None = None

    @property
    def trait(self) -> str:
        """The custom trait that leases a host to the run."""
        return TRAIT_PREFIX + self.id

    @property
    def consumers(self) -> set[str]:
        """UUIDs of all that may hold something in Placement for the run."""
        return self.servers | self.migrations

    @property
    def name(self) -> str:
        """The words that the names of all resources of the run have."""
        return 'local-delete-%s' % self.id.lower()

    @property
    def label(self) -> str:
        """``name``; of a stage, also until when the stage is meant to stay.

        Each name of a resource has it. So everybody who finds the resource can
        read that, on any machine.
        """
        return self.name if self.until is None else '%s-until-%s' % (
            self.name, self.until.strftime(_MINUTE))

    def meant_until(self, names: Iterable[str]) -> datetime.datetime | None:
        """Read off the names of resources until when a stage is meant to stay.

        :param names: Names of any resources.
        :returns: The time, or None where no name is one of a stage of this
            run.
        """
        label = re.compile('(.+-)?%s-until-([0-9]{12})(-.+)?' % re.escape(
            self.name), re.DOTALL)
        for found in filter(None, map(label.fullmatch, names)):
            # Somebody else may have typed a day that there is not.
            with contextlib.suppress(ValueError):
                return datetime.datetime.strptime(
                    found[2], _MINUTE).replace(tzinfo=datetime.timezone.utc)
        return None

    @property
    def fence_reason(self) -> str:
        """The disabled reason of a host that is out; it names the cure."""
        return _FENCE % (self.id, self.id)

    def owns(self, name: str | None) -> bool:
        """Tell whether the run gave a name to something.

        :param name: The name of a resource, or None where it has none.
        :returns: Whether the name has ``Run.name`` as a part of its own,
            between hyphens or the ends.
        """
        return bool(re.fullmatch('(.+-)?%s(-.+)?' % re.escape(self.name),
                                 name or '', re.DOTALL))


def moment(when: datetime.datetime) -> str:
    """Put a time into words for an operator.

    :param when: A time in UTC.
    :returns: Such as '2026-12-04 07:10 UTC'.
    """
    return when.strftime('%Y-%m-%d %H:%M UTC')


def is_id(text: str) -> bool:
    """Tell whether a text is a ``Run.id``.

    :param text: A str.
    :returns: A bool.
    """
    return bool(re.fullmatch(_ID, text))


def fenced_by(reason: str | None) -> str | None:
    """Tell which run has fenced a host.

    An operator may quote a fence in another reason, or add words to it. So
    the whole reason counts.

    :param reason: The disabled reason of a compute service, a str or None.
    :returns: The id of the run, or None where no run wrote the reason.
    """
    found = _FENCED_BY.fullmatch(reason or '')
    return found and found[1]


def id_of(trait: str) -> str | None:
    """Tell the ``Run.id`` of the run that has a trait.

    :param trait: Any trait.
    :returns: The id, or None where it is not the trait of a run. An operator
        may have a trait that only begins like it.
    """
    found = _TRAIT.fullmatch(trait)
    return found and found[1]
