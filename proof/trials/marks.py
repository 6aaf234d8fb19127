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

"""What other processes tell of a run: refusals, and fences of hosts."""

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.safety import run

#: How the trait of each run begins.
TRAIT = run.TRAIT_PREFIX

_Refusal = exceptions.Refusal

_FOREIGN = frozenset({_Refusal.FOREIGN_SERVER, _Refusal.FOREIGN_CONSUMER})

# A run loses a host to another run by its lease, its fence, or its server.
_LOST = _FOREIGN | {_Refusal.LEASED, _Refusal.FENCED}


def is_lost(text: str) -> bool:
    """Tell whether a text has a refusal of a host that another run has.

    :param text: the reason of a skip, or a log
    """
    return not _LOST.isdisjoint(_Refusal.all_in(text))


def is_foreign(reason: str) -> bool:
    """Tell whether all that a skip names is foreign.

    :param reason: the reason of a skip
    """
    codes = set(_Refusal.all_in(reason)) - {_Refusal.TOO_FEW_HOSTS}
    return bool(codes) and codes <= _FOREIGN


def foreign_refusals(log: str) -> int:
    """Count the refusals of hosts because of something foreign.

    :param log: the text of a run's own log, which has every refusal once
    """
    return sum(code in _FOREIGN for code in _Refusal.all_in(log))


def fences(services: list[dict]) -> set[tuple[str, str]]:
    """Read which runs have fenced which hosts.

    :param services: what ``api.compute_services`` returned
    :returns: A set of (run id, host).
    """
    return {(run_id, one['host']) for one in services
            if (run_id := run.fenced_by(one['disabled_reason']))}
