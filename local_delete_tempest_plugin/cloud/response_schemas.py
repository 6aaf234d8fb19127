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

"""What an answer must look like before anything is decided by it.

tempest.lib checks some answers of Nova and none of Keystone, Glance and
Neutron, and takes each of them for JSON. So every answer is looked at here,
before a client of Tempest's sees it. A field that a later release adds is no
error; one that is missing, or of another type, is.
"""

import json
import re
from urllib import parse

import jsonschema
from tempest.lib.common import jsonschema_validator

from local_delete_tempest_plugin import exceptions

# An answer of 400 and above is for a message alone.
_MAX_ERROR = 64 * 1024

_MAX_WORDS = 200


def _object(**fields):
    return {'type': 'object', 'properties': fields,
            'required': sorted(fields)}


def _list(item):
    return {'type': 'array', 'items': item}


def _may_be_null(schema):
    return {'anyOf': [schema, {'type': 'null'}]}


_TEXT = {'type': 'string'}
_NAME = {'type': 'string', 'minLength': 1, 'maxLength': 255}
# It becomes a part of URLs. A flavor may have spaces in its id, and a user of
# an LDAP an @.
_ID = {'type': 'string',
       'pattern': r'^(?!\.{1,2}\Z)[^/?#%\x00-\x1f]{1,255}\Z'}
_UUID = {'type': 'string', 'pattern': r'^[0-9A-Fa-f-]{32,36}\Z'}
_COUNT = {'type': 'integer', 'minimum': 0}
# -1: none.
_LIMIT = {'type': 'integer', 'minimum': -1}
# Python's strptime, with which Tempest reads it, knows no year 0.
_TIME = {'type': 'string', 'format': 'iso8601-date-time',
         'pattern': r'^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z?\Z'}

_SERVICE = _object(
    id=_UUID, binary=_NAME, host=_NAME,
    state={'enum': ['up', 'down']}, status={'enum': ['enabled', 'disabled']},
    disabled_reason=_may_be_null(_TEXT), forced_down={'type': 'boolean'},
    updated_at=_may_be_null(_TEXT))

_NAMED = _object(id=_ID, name=_TEXT)

_FLAVOR = _object(flavor=_object(
    id=_ID, name=_TEXT, ram=_COUNT, vcpus=_COUNT, disk=_COUNT,
    **{'OS-FLV-EXT-DATA:ephemeral': _COUNT}))

# Where there is no limit it is -1.
_QUOTA = _object(quota_set=_object(instances={'type': 'integer'}))

_EXTRA_SPECS = _object(extra_specs={'type': 'object',
                                    'additionalProperties': _TEXT})

_ACTION = {'action': _NAME, 'request_id': _may_be_null(_TEXT)}

_TRAITS = _object(traits=_list(_TEXT), resource_provider_generation=_COUNT)

_ENDPOINT = _object(interface=_NAME, url=_NAME, region=_may_be_null(_TEXT))
_TOKEN = _object(token={
    'allOf': [
        _object(expires_at=_TIME,
                user=_object(id=_ID, name=_TEXT, domain=_NAMED)),
        # These are there as the token's scope is.
        {'properties': {
            'project': _object(id=_ID, name=_TEXT, domain=_NAMED),
            'domain': _NAMED,
            'roles': _list(_object(name=_TEXT)),
            'catalog': _list(_object(
                type=_NAME,
                # Keystone keeps a service that has none.
                endpoints=_list(_ENDPOINT)))}}]})

# What an answer of 2xx must be, by the request's method and its path's end.
_SCHEMAS = [(re.compile(r'%s (?:\S*/)?%s\Z' % call), schema)
            for call, schema in (
    # The root of a service, or of one version of it.
    (('GET', r''), {'type': 'object', 'properties': {'versions': {
        'items': {'type': 'object', 'properties': {
            'version': _TEXT, 'max_version': _TEXT}}}}}),
    (('POST', r'auth/tokens'), _TOKEN),
    (('GET', r'projects'), _object(projects=_list(_NAMED))),
    (('GET', r'users'), _object(users=_list(_NAMED))),
    (('GET', r'images'), _object(images=_list(_object(
        id=_ID, name=_may_be_null(_TEXT))))),
    (('GET', r'images/[^/]+'),
     _object(name=_may_be_null(_TEXT), status=_NAME)),
    (('GET', r'ports'), _object(ports=_list({'allOf': [
        _object(id=_UUID, device_id=_TEXT, device_owner=_TEXT, **{
            'binding:host_id': _may_be_null(_TEXT),
            'binding:profile': _may_be_null({'type': 'object'})}),
        # There is one where Neutron has DNS.
        {'properties': {'dns_name': _may_be_null(_TEXT)}}]}))),
    (('GET', r'ports/[^/]+'), _object(port=_object(
        id=_UUID, resource_request=_may_be_null(_object(
            request_groups=_list(_object(
                resources={'type': 'object',
                           'additionalProperties': _COUNT},
                required=_list(_TEXT)))))))),
    (('GET', r'qos/policies'), _object(policies=_list(_NAMED))),
    (('GET', r'floatingips'), _object(floatingips=_list(_object(
        id=_UUID, port_id=_may_be_null(_UUID),
        fixed_ip_address=_may_be_null(_TEXT))))),
    (('GET', r'volumes/detail'), _object(volumes=_list(_object(
        id=_UUID, status=_NAME,
        attachments=_list(_object(server_id=_UUID)))))),
    (('GET', r'attachments/detail'), _object(attachments=_list(_object(
        id=_UUID, instance=_may_be_null(_TEXT), volume_id=_UUID)))),
    (('GET', r'roles'), _object(roles=_list(_object(name=_TEXT)))),
    (('GET', r'subnets'), _object(subnets=_list(_object(
        cidr={'type': 'string', 'pattern': r'/\d{1,3}\Z'},
        ip_version={'enum': [4, 6]})))),
    (('GET', r'networks'), _object(networks=_list(_NAMED))),
    (('GET', r'security-groups'), _object(security_groups=_list(_NAMED))),
    (('GET', r'os-services'), _object(services=_list(_SERVICE))),
    (('PUT', r'os-services/[^/]+'), _object(service=_SERVICE)),
    (('GET', r'os-hypervisors/detail'), {
        'allOf': [_object(hypervisors=_list(_object(
            id=_UUID, hypervisor_hostname=_NAME, hypervisor_type=_TEXT,
            service=_object(host=_NAME)))), {
                # What names the next page is the last one of this page.
                'if': {'required': ['hypervisors_links'], 'properties': {
                    'hypervisors_links': {'minItems': 1}}},
                'then': {'properties': {'hypervisors': {'minItems': 1}}}}]}),
    (('GET', r'os-migrations'), _object(migrations=_list(_object(
        status=_NAME, instance_uuid=_UUID,
        uuid=_UUID, source_compute=_may_be_null(_TEXT),
        dest_compute=_may_be_null(_TEXT))))),
    (('GET', r'limits'), _object(limits=_object(absolute=_object(
        totalInstancesUsed=_COUNT, totalCoresUsed=_COUNT,
        totalRAMUsed=_COUNT, maxTotalInstances=_LIMIT, maxTotalCores=_LIMIT,
        maxTotalRAMSize=_LIMIT)))),
    (('GET', r'os-quota-sets/[^/]+'), _QUOTA),
    (('PUT', r'os-quota-sets/[^/]+'), _QUOTA),
    (('GET', r'os-aggregates'), _object(aggregates=_list(_object(
        name=_TEXT, hosts=_list(_NAME))))),
    (('GET', r'os-server-groups'), _object(server_groups=_list(_object(
        id=_UUID, name=_TEXT, members=_list(_UUID))))),
    (('GET', r'flavors'), _object(flavors=_list(_NAMED))),
    (('GET', r'flavors/[^/]+'), _FLAVOR),
    (('POST', r'flavors'), _FLAVOR),
    (('GET', r'flavors/[^/]+/os-extra_specs'), _EXTRA_SPECS),
    (('POST', r'flavors/[^/]+/os-extra_specs'), _EXTRA_SPECS),
    (('POST', r'flavors/[^/]+/action'),
     _object(flavor_access=_list({'type': 'object'}))),
    (('GET', r'servers'), _object(servers=_list(_NAMED))),
    (('GET', r'servers/detail'), _object(servers=_list(_object(
        id=_UUID, name=_TEXT, status=_NAME, created=_TIME)))),
    (('POST', r'servers'), _object(server=_object(id=_UUID))),
    (('GET', r'servers/(?!detail\Z)[^/]+'),
     _object(server=_object(id=_UUID, status=_NAME, created=_TIME))),
    (('GET', r'servers/[^/]+/os-instance-actions'),
     _object(instanceActions=_list(_object(**_ACTION)))),
    (('GET', r'servers/[^/]+/os-instance-actions/[^/]+'),
     _object(instanceAction=_object(
         events=_list(_object(event=_NAME, result=_may_be_null(_TEXT))),
         **_ACTION))),
    (('PUT', r'resource_providers/[^/]+/traits'), _TRAITS),
)]

# What a client takes out of the head of an answer.
_HEADERS = [(re.compile(r'%s (?:\S*/)?%s\Z' % call), header)
            for call, header in (
    (('POST', r'auth/tokens'), 'x-subject-token'),
    (('DELETE', r'servers/[^/]+'), 'x-openstack-request-id'),
    (('POST', r'servers/[^/]+/action'), 'x-openstack-request-id'),
)]

# Tempest takes the message out of an error without a look.
_FAULT = _object(message=_TEXT)
_ERROR = {'properties': {'cloudServersFault': _FAULT, 'computeFault': _FAULT,
                         'error': _FAULT}}


def check(call, response, data):
    """Refuse an answer that cannot be used.

    :param call: The request's method and URL.
    :param response: The answer's head: a dict of its headers, by names in
        lower case, with a ``status``.
    :param data: Its body.
    :raises InvalidAnswer: it is no answer to this request, or its body is
        not what is needed; the error names the field.
    """
    method, _, url = call.partition(' ')
    request = '%s %s' % (method, parse.urlsplit(url).path)
    try:
        if response.status >= 400:
            _check_error(request, response, data)
        else:
            _check_success(request, response, data)
    except jsonschema.ValidationError as error:
        raise _invalid(call, '%s: %s' % (
            error.json_path, error.message)) from None
    except _Unusable as error:
        raise _invalid(call, str(error)) from None
    except RecursionError:
        raise _invalid(call, 'is nested too deeply') from None


class _Unusable(Exception):
    pass


def _invalid(call, problem):
    problem = ' '.join(problem.split())
    if len(problem) > _MAX_WORDS:
        # What an answer holds may be long; what is wrong with it comes last.
        problem = '%s ... %s' % (problem[:_MAX_WORDS // 2],
                                 problem[-_MAX_WORDS // 2:])
    return exceptions.InvalidAnswer(call=call, problem=problem)


def _check_error(request, response, data):
    # Tempest would sleep for as long as the answer says.
    response.pop('retry-after', None)
    if len(data) > _MAX_ERROR:
        raise _Unusable('answered %d with %d bytes' % (
            response.status, len(data)))
    asks_for_token = request.endswith('/auth/tokens')
    try:
        answer = json.loads(data)
    except ValueError:
        # A proxy's error is no JSON, and Tempest takes it as it is.
        if asks_for_token and response.status in (401, 403):
            raise _Unusable('answered %d, and not in JSON'
                            % response.status) from None
        return
    if response.status in (500, 501):
        _validate(answer, _ERROR)
    if asks_for_token and response.status in (401, 403):
        _validate(answer, _object(error=_FAULT))


def _check_success(request, response, data):
    if response.status < 200 or 300 < response.status < 400:
        raise _Unusable('answered %d' % response.status)
    for pattern, header in _HEADERS:
        if pattern.match(request) and not response.get(header):
            raise _Unusable('the answer lacks the header %s' % header)
    schemas = [schema for pattern, schema in _SCHEMAS
               if pattern.match(request)]
    if not data and not schemas and (
            response.status == 204 or not request.startswith('GET ')):
        return
    answer = _parse(data)
    for schema in schemas or [{'type': 'object'}]:
        _validate(answer, schema)


def _parse(data):
    try:
        answer = json.loads(data)
        # Half a surrogate can be read, but never be printed.
        json.dumps(answer, ensure_ascii=False).encode()
    except ValueError:
        raise _Unusable('is not JSON') from None
    return answer


def _validate(answer, schema):
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema_validator.FORMAT_CHECKER,
        ).iter_errors(answer))
    if error:
        raise error
