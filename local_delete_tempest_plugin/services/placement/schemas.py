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

"""JSON schemas of the Placement answers that are used.

They are those of microversion 1.28, and of 1.31 for candidates.

A field that a later Placement adds is no error; one that is missing is.
Source: https://docs.openstack.org/api-ref/placement/
"""

import json

import jsonschema

from local_delete_tempest_plugin import exceptions

# With dashes or without: Placement takes both for a consumer.
_UUID = {'type': 'string', 'pattern': '^[0-9A-Fa-f-]{32,36}$'}

_AMOUNTS = {'type': 'object',
            'additionalProperties': {'type': 'integer', 'minimum': 0}}

_COUNT = {'type': 'integer', 'minimum': 0}

_GENERATION = _COUNT


def _object(required, optional=None):
    return {'type': 'object',
            'properties': dict(required, **(optional or {})),
            'required': sorted(required)}


def _keyed_by_uuid(value):
    return {'type': 'object',
            'propertyNames': _UUID,
            'additionalProperties': value}


consumer_allocations = dict(
    _object(
        {'allocations': _keyed_by_uuid(_object({'resources': _AMOUNTS}))},
        # A consumer that holds nothing is an empty object and no owner.
        {'project_id': {'type': 'string'},
         'user_id': {'type': 'string'},
         'consumer_generation': _GENERATION}),
    **{'if': {'properties': {'allocations': {'minProperties': 1}}},
       'then': {'required': ['project_id', 'user_id',
                             'consumer_generation']}})

provider_allocations = _object(
    {'allocations': _keyed_by_uuid(_object({'resources': _AMOUNTS})),
     'resource_provider_generation': _GENERATION})

resource_providers = _object(
    {'resource_providers': {
        'type': 'array',
        'items': _object({'uuid': _UUID,
                          'name': {'type': 'string'},
                          'root_provider_uuid': _UUID})}})

provider_traits = _object(
    {'traits': {'type': 'array', 'items': {'type': 'string'}},
     'resource_provider_generation': _GENERATION})

project_usages = _object({'usages': _AMOUNTS})

provider_usages = _object({'usages': _AMOUNTS,
                           'resource_provider_generation': _GENERATION})

allocation_candidates = _object(
    {'allocation_requests': {
        'type': 'array',
        'items': _object({'allocations': _keyed_by_uuid(
            _object({'resources': _AMOUNTS}))})},
     'provider_summaries': _keyed_by_uuid(_object(
         {'resources': {'type': 'object', 'additionalProperties': _object(
             {'capacity': _COUNT, 'used': _COUNT})}}))})


def checked(call, body, schema):
    """Read an answer, if it fits its schema.

    :param call: The request, for an error.
    :param body: The answer's body.
    :param schema: One of this module's.
    :returns: What the body holds.
    :raises InvalidAnswer: it does not fit; the field is named.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        raise exceptions.InvalidAnswer(call=call, problem='is not JSON')
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(answer))
    if error:
        raise exceptions.InvalidAnswer(
            call=call, problem='%s: %s' % (error.json_path, error.message))
    return answer
