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

"""The format of a journal: how its lines are written and read.

A journal is a file of JSON lines. The first line is the head. Each other line
is an intent, or tells that an intent is complete. A later line with the number
of an intent takes the place of that intent.
"""

import dataclasses
import json
import pathlib
from typing import Any
from typing import cast

import jsonschema

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import run

# Version 1 has 'struck' instead of 'complete', and other names (kinds.py).
# Versions 1 and 2 have only the address of Keystone for the cloud, and no stop
# command that is under way. Versions 1 to 3 have no stages. A plugin that
# knows only an earlier version refuses a later version in one line. So it does
# not undo a stage that is meant to stay.
VERSION = 4

_INTEGER, _TEXT = {'type': 'integer'}, {'type': 'string'}


def _object(**properties: Any) -> dict[str, Any]:
    return {'type': 'object', 'properties': properties,
            'required': list(properties)}


def _with_cloud(schema: dict[str, Any] | bool
                ) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(_object(cloud=schema))


_HEAD = jsonschema.Draft202012Validator(_object(
    version=_INTEGER, run={'type': 'string', 'pattern': '^[0-9A-F]{12}$'}))
_WITH_IDS = _with_cloud(_object(
    uri=_TEXT, region=_TEXT, ids={'type': 'array', 'items': _TEXT}))
_CLOUDS = {1: _with_cloud(_TEXT), 2: _with_cloud(_TEXT), 3: _WITH_IDS,
           4: _WITH_IDS}
_NO_CLOUD = _with_cloud(False)
_LINE = jsonschema.Draft202012Validator({'oneOf': [
    _object(intent=_INTEGER, kind=_TEXT, what={'type': 'object'}),
    _object(complete=_INTEGER), _object(struck=_INTEGER)]})


def as_head(run_id: str, cloud: identity.Cloud) -> dict[str, Any]:
    """Make the first line of a journal.

    :param run_id: Id of the run.
    :param cloud: The cloud that is changed.
    :returns: The line.
    """
    return {'version': VERSION, 'run': run_id,
            'cloud': {'uri': cloud.uri, 'region': cloud.region,
                      'ids': sorted(cloud.ids)}}


def as_line(intent: safety_change.Intent) -> dict[str, Any]:
    """Make the line of an intent.

    :param intent: The intent.
    :returns: The line.
    """
    return {'intent': intent.number, 'kind': intent.change.kind,
            'what': dataclasses.asdict(intent.change)}


def as_complete(intent: safety_change.Intent) -> dict[str, Any]:
    """Make the line that tells that an intent is complete.

    :param intent: The intent.
    :returns: The line.
    """
    return {'complete': intent.number}


@dataclasses.dataclass(frozen=True)
class Parsed:
    """What a journal says; ``intents`` are those that are not complete."""

    version: int
    run_id: str
    cloud: identity.Cloud
    intents: list[safety_change.Intent]

    def why_not_of(self, cloud: identity.Cloud, text: bytes) -> str | None:
        """Tell why the run was not one of this cloud and region.

        :param cloud: The cloud and the region of ``tempest.conf``.
        :param text: The whole journal.
        :returns: Words, or None where the run was here.
        """
        other = 'it is of another cloud (%s)' % self.cloud.uri
        if self.version > 2:
            if not cloud.is_same(self.cloud):
                return other
            return None if self.cloud.region == cloud.region else (
                'it is of region %s, and tempest.conf is of region %s' % (
                    self.cloud.region, cloud.region))
        # The address does not tell the region, and has several spellings.
        is_near = cloud.is_at(self.cloud.uri)
        if is_near and not self.intents:
            return None
        try:
            if (cloud.has_any(identity.uuids_in(text.decode(errors='replace')))
                    or cloud.has_trait(run.Run(self.run_id).trait)):
                return None
        except Exception as error:
            # The journals of other runs can be read all the same.
            return 'nothing can tell whether it is of this cloud: %s' % error
        return other if not is_near else (
            'it is of an earlier release, and nothing in region %s tells that '
            'the run was here' % cloud.region)


def parse(path: pathlib.Path, data: bytes) -> Parsed:
    """Read a journal.

    :param path: Its path, for messages. Its name tells the run of a journal
        without a line.
    :param data: All that is in the file.
    :returns: What it says. A damaged line is a change of ``kinds.Unusable``.
    :raises JournalUnusable: it has no head, or is of a newer version.
    """
    # What follows the last newline was cut short by the crash. Its change was
    # never made, because an intent is on disk before its change. Bytes that
    # are no text are no JSON either, and the line is named.
    lines = data.decode(errors='replace').split('\n')[:-1]
    if not lines and run.is_id(path.stem):
        # Cut short before its head was whole, and so before any change.
        return Parsed(1, path.stem, identity.Cloud.of_conf(), [])
    head = _head(path, lines[0] if lines else '', _HEAD)
    version = head['version']
    if version > VERSION:
        raise exceptions.JournalUnusable(
            path=path, problem='is of version %d, and this plugin reads up '
            'to %d' % (version, VERSION))
    cloud = _head(path, lines[0], _CLOUDS.get(version, _NO_CLOUD))['cloud']
    this_run = run.Run(head['run'])
    intents: dict[int, safety_change.Intent] = {}
    for number, text in enumerate(lines[1:], 2):
        try:
            line = _line(path, number, text, _LINE)
        except exceptions.JournalUnusable:
            # It costs one change, or an undo that finds nothing to do.
            intents[-number] = safety_change.Intent(-number, kinds.Unusable(
                str(path), 'is corrupt in line %d' % number))
            continue
        if 'intent' in line:
            change = kinds.read(str(path), version, line['kind'], line['what'])
            if not change.is_of(this_run):
                # Somebody has edited the journal, or put two of them together.
                change = kinds.Unusable(
                    str(path), 'has an intent of kind %s that is not of run '
                    '%s: %s' % (change.kind, this_run.id, change))
            intents[line['intent']] = safety_change.Intent(
                line['intent'], change)
        else:
            intents.pop(
                line['complete' if 'complete' in line else 'struck'], None)
    return Parsed(version, this_run.id, identity.Cloud(cloud, '')
                  if isinstance(cloud, str) else identity.Cloud(
                      cloud['uri'], cloud['region'], frozenset(cloud['ids'])),
                  list(intents.values()))


def _head(path: pathlib.Path, text: str,
          validator: jsonschema.Draft202012Validator) -> dict[str, Any]:
    try:
        return _line(path, 1, text, validator)
    except exceptions.JournalUnusable:
        # Each later run on this machine fails until the operator acts.
        way_out = ('What the run has left in this cloud: tempest local-delete '
                   'recover --run {0}; then: tempest local-delete recover '
                   '--dismiss {0}'.format(path.stem) if run.is_id(path.stem)
                   else 'Move it to another directory')
        raise exceptions.JournalUnusable(
            path=path, problem='is corrupt in line 1, so nothing tells of '
            'which cloud its run is. %s' % way_out) from None


def _line(path: pathlib.Path, number: int, text: str,
          validator: jsonschema.Draft202012Validator) -> dict[str, Any]:
    try:
        line = json.loads(text)
        validator.validate(line)
        # JSON can escape half a character, and no log or terminal takes that.
        json.dumps(line, ensure_ascii=False).encode()
    except (ValueError, RecursionError, jsonschema.ValidationError):
        raise exceptions.JournalUnusable(
            path=path, problem='is corrupt in line %d' % number)
    return cast(dict[str, Any], line)
