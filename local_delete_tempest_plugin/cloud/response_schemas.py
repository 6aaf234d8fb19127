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

tempest.lib validates the answers of Nova and Cinder, as far as its own
clients ask for them, and no others. It takes every answer for JSON. So each
answer is checked here first for what tempest.lib leaves out: all of Keystone,
Glance, Neutron and Placement. IDs that become a part of a URL are checked too.
A field that a later release adds is no error. A missing field is an error, and
so is a field of another type. A list has objects of others too, and one odd
object must not stop a run. tempest.lib refuses a whole list for a field that
nobody uses. So it does not validate lists (``_LISTS``). A schema of a list
here has only the fields that are used, and takes any state.
"""

import json
import re
import typing

import jsonschema
from tempest.lib.common import jsonschema_validator
from tempest.lib.common import rest_client
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import exceptions

# Bytes. Only the message of an answer of 400 and above is used.
_MAX_ERROR = 64 * 1024

# Characters of a problem that are shown.
_MAX_WORDS = 200

_TOO_DEEP = 'is nested too deeply'


def _object(**fields):
    return {'type': 'object', 'properties': fields,
            'required': sorted(fields)}


def _list(item):
    return {'type': 'array', 'items': item}


def _list_of(**fields):
    return _list(_object(**fields))


def _may_be_null(schema):
    return {'anyOf': [schema, {'type': 'null'}]}


def _keyed_by_uuid(schema):
    return {'type': 'object', 'propertyNames': _UUID,
            'additionalProperties': schema}


_TEXT = {'type': 'string'}
_NAME = {'type': 'string', 'minLength': 1, 'maxLength': 255}
# It becomes a part of URLs. A flavor may have spaces in its ID, and a user of
# an LDAP an @.
_ID = {'type': 'string',
       'pattern': r'^(?!\.{1,2}\Z)[^/?#%\x00-\x1f]{1,255}\Z'}
# With dashes or without: Placement takes both for a consumer.
_UUID = {'type': 'string', 'pattern': r'^[0-9A-Fa-f-]{32,36}\Z'}
_COUNT = {'type': 'integer', 'minimum': 0}
# Python's strptime, with which Tempest reads it, knows no year 0.
_TIME = {'type': 'string', 'format': 'iso8601-date-time',
         'pattern': r'^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z?\Z'}

_ANY = {'type': 'object'}
_WITH_ID = _object(id=_ID)
_NAMED = _object(id=_ID, name=_TEXT)

_TOKEN = {
    'allOf': [
        _object(expires_at=_TIME,
                user=_object(id=_ID, name=_TEXT, domain=_NAMED)),
        # Whether these are there depends on the scope of the token.
        {'properties': {
            'project': _object(id=_ID, name=_TEXT, domain=_NAMED),
            'domain': _NAMED,
            'roles': _list_of(name=_TEXT),
            'catalog': _list_of(
                type=_NAME,
                # Keystone keeps a service that has no endpoint.
                endpoints=_list_of(interface=_NAME, url=_NAME,
                                   region=_may_be_null(_TEXT)))}}]}

_FLAVOR = _object(flavor=_object(
    id=_ID, **{'OS-FLV-EXT-DATA:ephemeral': _COUNT}))

_AMOUNTS = {'type': 'object', 'additionalProperties': _COUNT}
_HELD = _keyed_by_uuid(_object(resources=_AMOUNTS))
_TRAITS = _object(traits=_list(_TEXT), resource_provider_generation=_COUNT)
_INVENTORIES = _object(
    inventories={'type': 'object', 'additionalProperties': _object(
        allocation_ratio={'type': 'number'}, reserved=_COUNT)},
    resource_provider_generation=_COUNT)


def _compile(call):
    """Make a pattern of a method and the end of a path; * is an ID in it."""
    return re.compile(r'%s (?:\S*/)?%s\Z' % tuple(
        call.replace('*', '[^/]+').split(' ')))


# What an answer of 2xx must be. Of several that match, the first one counts.
_SCHEMAS = [(_compile(call), schema) for call, schema in (
    # The root of a service, or of a version of it. Keystone's has no list.
    ('GET ', {'type': 'object', 'properties': {'versions': {'items': {
        'type': 'object', 'properties': {
            'version': _TEXT, 'max_version': _TEXT}}}}}),
    # Keystone
    ('POST auth/tokens', _object(token=_TOKEN)),
    ('GET domains', _object(domains=_list_of(enabled={'type': 'boolean'}))),
    ('GET projects', _object(projects=_list(_NAMED))),
    ('GET roles', _object(roles=_list_of(name=_TEXT))),
    ('GET users', _object(users=_list(_NAMED))),
    ('GET users/*', _object(user=_NAMED)),
    # Glance
    ('GET images', _object(images=_list_of(
        id=_ID, name=_may_be_null(_TEXT)))),
    ('GET images/*', _object(name=_may_be_null(_TEXT), status=_NAME)),
    # Neutron
    ('GET ports', _object(ports=_list({'allOf': [
        _object(id=_UUID, device_id=_TEXT, device_owner=_TEXT, **{
            'binding:host_id': _may_be_null(_TEXT),
            'binding:profile': _may_be_null(_ANY)}),
        # Neutron has a dns_name where it has DNS, and gives no name where the
        # request names other fields.
        {'properties': {'dns_name': _may_be_null(_TEXT),
                        'name': _may_be_null(_TEXT)}}]}))),
    ('POST ports', _object(port=_object(id=_UUID))),
    ('GET ports/*', _object(port=_object(
        id=_UUID, resource_request=_may_be_null(_object(
            request_groups=_list_of(
                resources=_AMOUNTS, required=_list(_TEXT))))))),
    ('GET ports/*/bindings', _object(bindings=_list_of(
        host=_TEXT, status=_TEXT))),
    ('GET qos/policies', _object(policies=_list(_NAMED))),
    ('POST qos/policies', _object(policy=_object(id=_UUID))),
    ('GET floatingips', _object(floatingips=_list({'allOf': [
        _object(id=_UUID, port_id=_may_be_null(_UUID),
                fixed_ip_address=_may_be_null(_TEXT)),
        {'properties': {'description': _may_be_null(_TEXT)}}]}))),
    ('POST floatingips', _object(floatingip=_object(id=_UUID))),
    ('GET subnets', _object(subnets=_list_of(
        cidr={'type': 'string', 'pattern': r'/\d{1,3}\Z'},
        ip_version={'enum': [4, 6]}))),
    ('GET networks', _object(networks=_list_of(
        id=_ID, name=_TEXT, status=_TEXT, subnets=_list(_TEXT)))),
    ('GET extensions', _object(extensions=_list_of(alias={
        'type': 'string', 'pattern': r'^[\w-]{1,255}\Z'}))),
    ('GET routers', _object(routers=_list(_WITH_ID))),
    ('GET security-groups', _object(security_groups=_list(_NAMED))),
    # Cinder; tempest.lib has no list of attachments.
    ('GET volumes/detail', _object(volumes=_list_of(
        id=_UUID, name=_may_be_null(_TEXT), status=_TEXT,
        # A volume that is attached to a host has no server.
        attachments=_list_of(server_id=_may_be_null(_UUID))))),
    ('POST volumes', _object(volume=_object(id=_UUID))),
    ('GET attachments/detail', _object(attachments=_list_of(
        id=_UUID, instance=_may_be_null(_TEXT), volume_id=_UUID))),
    # Nova; the migrations are read by a client of this plugin.
    ('GET os-services', _object(services=_list_of(
        id=_UUID, host=_NAME, state=_may_be_null(_TEXT),
        status=_may_be_null(_TEXT), disabled_reason=_may_be_null(_TEXT),
        forced_down={'type': 'boolean'}, updated_at=_may_be_null(_TEXT)))),
    ('GET os-hypervisors/detail', {
        'allOf': [
            _object(hypervisors=_list({'allOf': [
                _object(id=_UUID, hypervisor_hostname=_TEXT,
                        service=_object(host=_NAME)),
                # A node that has not reported yet has none.
                {'properties': {'running_vms': _may_be_null(
                    {'type': 'integer'})}}]})), {
                # The last hypervisor of this page names the next page.
                'if': {'required': ['hypervisors_links'], 'properties': {
                    'hypervisors_links': {'minItems': 1}}},
                'then': {'properties': {'hypervisors': {'minItems': 1}}}}]}),
    ('GET os-hypervisors/*', _object(hypervisor=_object(id=_UUID))),
    ('GET os-migrations', _object(migrations=_list_of(
        id=_COUNT, status=_NAME, instance_uuid=_UUID, uuid=_UUID,
        source_compute=_may_be_null(_TEXT),
        dest_compute=_may_be_null(_TEXT)))),
    ('GET os-server-groups', _object(server_groups=_list_of(
        id=_UUID, name=_TEXT, members=_list(_TEXT)))),
    ('POST os-server-groups', _object(server_group=_object(id=_UUID))),
    ('GET os-aggregates', _object(aggregates=_list_of(
        name=_TEXT, hosts=_list(_TEXT)))),
    # NoopQuotaDriver has -1 for what is in use, too.
    ('GET limits', _object(limits=_object(absolute=_object(**dict.fromkeys((
        'totalInstancesUsed', 'totalCoresUsed', 'totalRAMUsed',
        'maxTotalInstances', 'maxTotalCores', 'maxTotalRAMSize'),
        {'type': 'integer'}))))),
    ('GET flavors', _object(flavors=_list(_NAMED))),
    ('GET flavors/detail', _object(flavors=_list_of(
        id=_ID, name=_TEXT, disk=_COUNT, ram=_COUNT, vcpus=_COUNT))),
    ('GET flavors/*', _FLAVOR),
    ('POST flavors', _FLAVOR),
    ('GET servers', _object(servers=_list(_NAMED))),
    ('GET servers/detail', _object(servers=_list_of(
        id=_UUID, name=_TEXT, status=_TEXT, created=_TIME))),
    ('POST servers', _object(server=_object(id=_UUID))),
    ('GET servers/*', _object(server=_object(id=_UUID, created=_TIME))),
    # Placement, at microversion 1.28, and 1.31 for the candidates.
    ('GET allocations/*', {
        'allOf': [_object(allocations=_HELD), {
            'properties': {'project_id': _TEXT, 'user_id': _TEXT,
                           'consumer_generation': _COUNT},
            # A consumer that holds nothing has no owner either.
            'if': {'properties': {'allocations': {'minProperties': 1}}},
            'then': {'required': ['project_id', 'user_id',
                                  'consumer_generation']}}]}),
    ('GET resource_providers', _object(resource_providers=_list_of(
        uuid=_UUID, name=_TEXT, root_provider_uuid=_UUID))),
    ('GET resource_providers/*/allocations', _object(
        allocations=_HELD, resource_provider_generation=_COUNT)),
    ('GET resource_providers/*/traits', _TRAITS),
    ('PUT resource_providers/*/traits', _TRAITS),
    ('GET resource_providers/*/inventories', _INVENTORIES),
    ('PUT resource_providers/*/inventories', _INVENTORIES),
    ('GET resource_providers/*/aggregates', _object(
        aggregates=_list(_UUID))),
    ('GET resource_providers/*/usages', _object(
        usages=_AMOUNTS, resource_provider_generation=_COUNT)),
    # The one of providers is above, because this pattern fits it too.
    ('GET traits', _object(traits=_list(
        {'type': 'string', 'pattern': r'^[A-Z0-9_]{1,255}\Z'}))),
    ('GET usages', _object(usages=_AMOUNTS)),
    ('GET allocation_candidates', _object(
        allocation_requests=_list_of(allocations=_HELD),
        provider_summaries=_keyed_by_uuid(_object(
            resources={'type': 'object', 'additionalProperties': _object(
                capacity=_COUNT, used=_COUNT)})))),
)]

# The lists of which the schema above is all that counts.
_LISTS = re.compile(
    r'GET \S*/(os-services|os-hypervisors/detail|os-server-groups|limits|'
    r'os-aggregates|flavors|flavors/detail|servers|servers/detail|'
    r'volumes/detail)\Z')

# tempest.lib parses the bodies of all other answers, empty or not.
_MAY_BE_EMPTY = re.compile(
    r'(DELETE|HEAD) |'
    r'POST \S*/(servers|migrations|volumes)/[^/]+/action\Z|'
    r'GET \S*/traits/[^/]+\Z|'
    r'PUT \S*/(traits|allocations|roles)/[^/]+\Z')

# What a client takes out of the head of an answer.
_HEADERS = [(_compile(call), header) for call, header in (
    ('POST auth/tokens', 'x-subject-token'),
    ('DELETE servers/*', 'x-openstack-request-id'),
    ('POST servers/*/action', 'x-openstack-request-id'),
)]

# Tempest takes the message out of an error without a look.
_FAULT = _object(message=_TEXT)
_ERROR = {'properties': {'cloudServersFault': _FAULT, 'computeFault': _FAULT,
                         'error': _FAULT}}


def check(call: str, response: typing.Any, data: bytes) -> bytes:
    """Refuse an answer that cannot be used.

    :param call: The method and the URL of the request.
    :param response: A ``transport.Response``. A 413 loses the header that
        makes Tempest sleep.
    :param data: The body of the answer.
    :returns: The body as it may be used. Control characters are escaped in an
        error, because its message is only shown, and in many places.
    :raises InvalidAnswer: this is no answer to the request, or its body lacks
        what is needed. The error names the field.
    """
    try:
        if response.status >= 400:
            _check_error(call, response, data)
            return _printable(data)
        _check_success(call, response, data)
        return data
    except jsonschema.ValidationError as error:
        raise _not_valid(call, error) from None
    except RecursionError:
        raise _invalid(call, _TOO_DEEP) from None


def validator_of_tempest(validate: typing.Callable) -> typing.Callable:
    """Let tempest.lib refuse an answer as this module does.

    Its own message holds the whole schema and the whole answer, and not the
    request.

    :param validate: ``RestClient.validate_response``.
    :returns: What takes its place.
    """
    def validate_response(schema, response, body):
        if _LISTS.match(response.call.partition('?')[0]):
            return
        try:
            validate(schema, response, body)
        except lib_exc.InvalidHTTPResponseBody as error:
            if not isinstance(error.__context__, jsonschema.ValidationError):
                raise
            raise _not_valid(response.call, error.__context__) from None
        except RecursionError:
            raise _invalid(response.call, _TOO_DEEP) from None
    return staticmethod(validate_response)


def _not_valid(call, error):
    return _invalid(call, '%s: %s' % (error.json_path, error.message))


def _invalid(call, problem):
    problem = ' '.join(problem.split())
    if len(problem) > _MAX_WORDS:
        # What an answer holds may be long; what is wrong with it comes last.
        problem = '%s ... %s' % (problem[:_MAX_WORDS // 2],
                                 problem[-_MAX_WORDS // 2:])
    return exceptions.InvalidAnswer(call=call, problem=problem)


def _printable(data):
    """Escape the control characters in the body of an error."""
    try:
        answer = json.loads(data)
    except ValueError:
        return exceptions.printable(data.decode(errors='replace')).encode()
    return json.dumps(_printable_parts(answer)).encode()


def _printable_parts(part):
    if isinstance(part, dict):
        return {exceptions.printable(name): _printable_parts(value)
                for name, value in part.items()}
    if isinstance(part, list):
        return [_printable_parts(item) for item in part]
    return exceptions.printable(part) if isinstance(part, str) else part


def _check_error(call, response, data):
    if response.status == 413:
        # Tempest would sleep for as long as the answer says.
        response.pop('retry-after', None)
    if len(data) > _MAX_ERROR:
        raise _invalid(call, 'answered %d with %d bytes' % (
            response.status, len(data)))
    asks_for_token = call.endswith('/auth/tokens')
    try:
        answer = json.loads(data)
    except ValueError:
        # A proxy's error is no JSON, and Tempest takes it as it is.
        if asks_for_token and response.status in (401, 403):
            raise _invalid(call, 'answered %d, and not in JSON'
                           % response.status) from None
        return
    if response.status in (500, 501):
        _validate(answer, _ERROR)
    if asks_for_token and response.status in (401, 403):
        _validate(answer, _object(error=_FAULT))


def _check_success(call, response, data):
    request = call.partition('?')[0]
    # Tempest validates no answer whose status it does not know, such as 208.
    if (response.status not in rest_client.HTTP_SUCCESS
            and response.status != 300):
        raise _invalid(call, 'answered %d' % response.status)
    for pattern, header in _HEADERS:
        if pattern.match(request) and not response.get(header):
            raise _invalid(call, 'the answer lacks the header %s' % header)
    if data or not _MAY_BE_EMPTY.match(request):
        _validate(_parse(call, data), next(
            (schema for pattern, schema in _SCHEMAS
             if pattern.match(request)), _ANY))


def _parse(call, data):
    try:
        answer = json.loads(data)
        # Half a surrogate can be read, but never be printed.
        json.dumps(answer, ensure_ascii=False).encode()
    except ValueError:
        raise _invalid(call, 'is not JSON') from None
    return answer


def _validate(answer, schema):
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema_validator.FORMAT_CHECKER,
        ).iter_errors(answer))
    if error:
        raise error
