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

import dataclasses
import re

from tempest.lib.common.utils import data_utils

TRAIT_PREFIX = 'CUSTOM_LOCAL_DELETE_'

# Hosts that an earlier release fenced have these words in front of the id.
_FENCE = 'local-delete-tempest-plugin run '
_FENCED_BY = re.compile(re.escape(_FENCE) + '([0-9A-Z]+)')


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
    """

    id: str = dataclasses.field(default_factory=_new_id)
    servers: set[str] = dataclasses.field(default_factory=set)
    migrations: set[str] = dataclasses.field(default_factory=set)

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
    def fence_reason(self) -> str:
        """The disabled reason of a host that is out; it names the cure."""
        return '%s%s; to undo: tempest local-delete recover --run %s' % (
            _FENCE, self.id, self.id)


def fenced_by(reason: str | None) -> str | None:
    """Tell which run has fenced a host.

    :param reason: The disabled reason of a compute service, a str or None.
    :returns: The id of the run, or None where no run wrote the reason.
    """
    found = _FENCED_BY.match(reason or '')
    return found and found[1]


def id_of(trait: str) -> str:
    """Tell the ``Run.id`` of the run that has a trait.

    :param trait: The trait of any run.
    :returns: A str.
    """
    return trait[len(TRAIT_PREFIX):]


def name_of(trait: str) -> str:
    """Tell the ``Run.name`` of the run that has a trait.

    :param trait: The trait of any run.
    :returns: A str.
    """
    return Run(id_of(trait)).name
