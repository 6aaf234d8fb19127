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

"""The registry of the kinds of change, and the reader of their intents.

Intents of versions 1 and 2 of the journal are read too.
"""

import dataclasses
from typing import Any

import jsonschema

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.outages import conductor as conductor_outage
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.outages import scheduler as scheduler_outage
from local_delete_tempest_plugin.recovery import credentials
from local_delete_tempest_plugin.recovery import leases
from local_delete_tempest_plugin.recovery import quotas
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.recovery import servers
from local_delete_tempest_plugin.recovery import stages
from local_delete_tempest_plugin.safety import change as safety_change


@dataclasses.dataclass(frozen=True)
class Unusable(safety_change.Change):
    """An intent of a journal that this plugin cannot undo."""

    kind = 'unusable'

    path: str
    problem: str

    def undo(self, admin: cloud_admin.Admin) -> None:
        raise exceptions.JournalUnusable(path=self.path, problem=self.problem)

    def __str__(self) -> str:
        return self.problem


#: {name: kind}, in the order in which a run makes the changes. What is found
#: in the cloud is undone in the reverse order.
KINDS: dict[str, type[safety_change.Change]] = {kind.kind: kind for kind in (
    placement_outage.PlacementChange, scheduler_outage.SchedulerChange,
    conductor_outage.ConductorChange, quotas.QuotaChange,
    credentials.Credentials, leases.TraitChange, run_resources.Flavor,
    stages.StageChange, leases.LeaseChange, run_resources.QosPolicy,
    run_resources.FloatingIp, run_resources.Image, run_resources.Port,
    run_resources.ServerGroup, run_resources.Volume, servers.ConsumerChange,
    servers.MigrationChange, servers.ServerChange,
    compute_outage.ComputeChange)}

# Version 1 of the journal has the names of Python classes for outages. It has
# the words of a message for the answers of Placement.
_NAMES_OF_VERSION_1 = {
    'Attempt': 'attempt', 'Disabled': 'disabled', 'ForcedDown': 'forced-down',
    'Frozen': 'frozen', 'ServiceDeleted': 'service-deleted',
    'Stopped': 'stopped', 'Unknown': 'unknown', 'Unnoticed': 'unnoticed',
    'connections are refused': 'connection-refused',
    'a proxy answers 503': 'http-503',
}


def read(path: str, version: int, kind: str, what: dict[str, Any]
         ) -> safety_change.Change:
    """Make a change of an intent that a journal holds.

    :param path: Path of the journal.
    :param version: Version of the journal.
    :param kind: Name of the kind.
    :param what: Fields of the change.
    :returns: The change, or an ``Unusable``, whose undo says why it fails.
    """
    if version == 1:
        kind, what = _from_version_1(kind, dict(what))
    if version < 3 and what.get('outage') == 'unnoticed':
        # It does not tell whether the host was forced down as well.
        what = dict(what, outage='unnoticed-forced-down')
    if kind not in KINDS:
        return Unusable(path, 'has an intent of unknown kind %r' % kind)
    try:
        return KINDS[kind].read(what)
    except jsonschema.ValidationError as error:
        return Unusable(path, 'has an intent of kind %s that cannot be used: '
                        '%s: %s' % (kind, error.json_path, error.message))


def _from_version_1(kind: str, what: dict[str, Any]
                    ) -> tuple[str, dict[str, Any]]:
    if kind == 'belonging':
        return str(what.pop('belonging', None)), what
    return 'server' if kind == 'servers' else kind, {
        field: _NAMES_OF_VERSION_1.get(str(value), value)
        if field in ('outage', 'answer') else value
        for field, value in what.items()}
