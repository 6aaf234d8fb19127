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

"""The file of a stage: what its servers held when they were made.

The file is JSON. It has no secret. A field is never removed or changed while
the version is the same.
"""

import dataclasses
import json
import pathlib
from typing import Any
from typing import TextIO

import jsonschema

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import leaks
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.recovery import journal_format

FORMAT, VERSION = 'local-delete-stage', 1

# A file such as /dev/zero has no end.
_MOST_BYTES = 50_000_000

#: {kind of footprint: its words}.
KINDS = {'plain': 'a server', 'port': 'a server with a port of its user',
         'volume': 'a server with a volume',
         'resize': 'a server that awaits the confirm of its resize',
         'host-out': 'a server whose host is out through the upgrade'}

#: The outages under which servers of a stage are deleted.
OUTAGES: dict[str, type[compute_outage.ComputeOutage]] = {
    kind.name: kind for kind in (compute_outage.ForcedDown,
                                 compute_outage.Stopped)}


@dataclasses.dataclass(frozen=True)
class StagedServer:
    """A server of a stage.

    :param kind: One of ``KINDS``.
    :param outage: One of ``OUTAGES``, under which it will be deleted.
    :param consumers: Its id, and the UUIDs of its migrations.
    :param shown: What Nova showed of it: {field: value}.
    :param before: The reading before its create.
    :param during: The reading when it was made.
    """

    kind: str
    outage: str
    id: str
    name: str
    host: str
    created: str
    consumers: list[str]
    shown: dict[str, Any]
    before: leaks.Reading
    during: leaks.Reading

    @property
    def is_host_out(self) -> bool:
        """Whether its host is out through the upgrade."""
        return self.kind == 'host-out'

    def __str__(self) -> str:
        return '%s: %s (%s) on host %s' % (
            KINDS[self.kind], self.name, self.id, self.host)


@dataclasses.dataclass(frozen=True)
class Stage:
    """All that the file of a stage tells.

    :param run_id: Id of its run.
    :param until: Until when the stage is meant to stay, in words.
    :param cloud: The cloud of the stage.
    :param project_id: The project of the servers.
    :param user_id: The user whom Tempest made for the stage; None where the
        account is one of ``[auth] test_accounts_file``.
    :param versions: {name: version} of the cloud's APIs and of the programs.
    :param left_out: {kind of footprint or outage: why there is none}.
    :param targets: The leased hosts.
    :param servers: The servers, in the order of their creates.
    """

    run_id: str
    until: str
    cloud: identity.Cloud
    project_id: str
    user_id: str | None
    versions: dict[str, str]
    left_out: dict[str, str]
    targets: list[compute_services.TargetHost]
    servers: list[StagedServer]

    def why_not_of(self, cloud: identity.Cloud) -> str | None:
        """Tell why the stage is not one of this cloud and region.

        :param cloud: The cloud and the region of ``tempest.conf``.
        :returns: Words, or None where the stage is here.
        """
        return journal_format.Parsed(
            journal_format.VERSION, self.run_id, self.cloud,
            []).why_not_of(cloud, b'')

    def target_of(self,
                  server: StagedServer) -> compute_services.TargetHost:
        """Tell which leased host a server was on."""
        return next(target for target in self.targets
                    if target.host == server.host)

    def as_json(self) -> dict[str, Any]:
        """Give what the file has.

        :returns: A dict that ``json.dumps`` takes.
        """
        return dict(
            journal_format.as_head(self.run_id, self.cloud),
            format=FORMAT, version=VERSION, until=self.until,
            project=self.project_id, user=self.user_id,
            versions=self.versions, left_out=self.left_out,
            targets=[dataclasses.asdict(target) for target in self.targets],
            servers=[{field.name: getattr(server, field.name)
                      for field in dataclasses.fields(server)}
                     | {'before': server.before.as_json(),
                        'during': server.during.as_json()}
                     for server in self.servers])


def _object(**properties: Any) -> dict[str, Any]:
    return {'type': 'object', 'properties': properties,
            'required': list(properties)}


def _map(values: dict[str, Any]) -> dict[str, Any]:
    return {'type': 'object', 'additionalProperties': values}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {'type': 'array', 'items': items}


_TEXT = {'type': 'string', 'minLength': 1}
# Each of them becomes a part of a URL.
_ID = {'type': 'string', 'pattern': r'^[0-9A-Za-z_-]+\Z'}
_TEXT_OR_NONE = {'type': ['string', 'null']}
_AMOUNTS = _map({'type': 'integer'})
_READING = dict(_object(
    by_consumer=_map(_map(_AMOUNTS)), by_provider=_map(_map(_AMOUNTS)),
    by_project=_AMOUNTS, owners=_map(_TEXT_OR_NONE),
    other_servers=_list(_TEXT), limits=_AMOUNTS,
    resources={'type': 'object', 'additionalProperties': False,
               'patternProperties': {
                   r'^.+ [0-9A-Za-z_-]+\Z': {'type': 'object'}}},
    provider_usages=_map(_AMOUNTS), unknown=_list(_TEXT)),
    additionalProperties=False)
_SERVER = dict(_object(
    kind={'enum': sorted(KINDS)}, outage={'enum': sorted(OUTAGES)}, id=_ID,
    name=_TEXT, host=_TEXT, created=_TEXT, consumers=_list(_ID),
    shown={'type': 'object'}, before=_READING, during=_READING),
    additionalProperties=False)
_TARGET = dict(_object(host=_TEXT, provider_id=_ID, provider_name=_TEXT),
               additionalProperties=False)
_KIND_OF_FILE = jsonschema.Draft202012Validator(_object(
    format={'const': FORMAT}, version={'type': 'integer'}))
_WHOLE = jsonschema.Draft202012Validator(_object(
    run={'type': 'string', 'pattern': r'^[0-9A-F]{12}\Z'}, until=_TEXT,
    cloud=_object(uri={'type': 'string'}, region={'type': 'string'},
                  ids=_list(_TEXT)),
    project=_ID, user={'anyOf': [_ID, {'type': 'null'}]}, versions=_map(_TEXT),
    left_out=_map(_TEXT), targets=_list(_TARGET),
    servers=dict(_list(_SERVER), minItems=1)))


def write(file: TextIO, stage: Stage) -> None:
    """Write the file of a stage.

    :param file: Where to, a new file.
    :param stage: The stage.
    :raises OSError: it cannot be written.
    """
    json.dump(stage.as_json(), file, indent=1, sort_keys=True)
    file.write('\n')
    file.flush()


def read(path: pathlib.Path) -> Stage:
    """Read the file of a stage.

    :param path: Its path.
    :returns: What it tells.
    :raises StageUnusable: it is no such file, or it is damaged.
    :raises OSError: it cannot be read.
    """
    try:
        with open(path, 'rb') as file:
            data = json.loads(file.read(_MOST_BYTES))
        # JSON can escape half a character, and no terminal takes that.
        json.dumps(data, ensure_ascii=False).encode()
        _KIND_OF_FILE.validate(data)
    except (ValueError, RecursionError, jsonschema.ValidationError):
        raise exceptions.StageUnusable(
            problem='%s is no file of "tempest local-delete stage", or it is '
            'damaged' % path) from None
    if data['version'] != VERSION:
        raise exceptions.StageUnusable(
            problem='%s is of version %d, and this plugin reads version %d' % (
                path, data['version'], VERSION))
    for error in _WHOLE.iter_errors(data):
        raise exceptions.StageUnusable(problem='%s is damaged: see %s' % (
            path, error.json_path))
    stage = _of_json(data)
    hosts = {target.host for target in stage.targets}
    for number, server in enumerate(stage.servers):
        if server.host not in hosts or server.id not in server.consumers:
            raise exceptions.StageUnusable(
                problem='%s is damaged: see $.servers[%d]' % (path, number))
    return stage


def _of_json(data: dict[str, Any]) -> Stage:
    cloud = data['cloud']
    return Stage(
        run_id=data['run'], until=data['until'],
        cloud=identity.Cloud(cloud['uri'], cloud['region'],
                             frozenset(cloud['ids'])),
        project_id=data['project'], user_id=data['user'],
        versions=data['versions'], left_out=data['left_out'],
        targets=[compute_services.TargetHost(**target)
                 for target in data['targets']],
        servers=[StagedServer(**dict(
            server, before=leaks.Reading.of_json(server['before']),
            during=leaks.Reading.of_json(server['during'])))
            for server in data['servers']])
