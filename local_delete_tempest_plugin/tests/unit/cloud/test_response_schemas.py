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

import json

from local_delete_tempest_plugin.cloud import response_schemas
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base

UUID = '11111111-1111-4111-8111-111111111111'
SERVICE = {'id': UUID, 'binary': 'nova-compute', 'host': 'cmp1',
           'state': 'up', 'status': 'enabled', 'disabled_reason': None,
           'forced_down': False, 'updated_at': None}
NAMED = {'id': UUID, 'name': 'n'}
DOMAIN = {'id': 'default', 'name': 'Default'}
ACTION = {'action': 'delete', 'request_id': None}
FLAVOR = {'flavor': dict(NAMED, ram=1, vcpus=1, disk=0, **{
    'OS-FLV-EXT-DATA:ephemeral': 0})}

# One good answer to each request whose answer something is decided by.
GOOD = (
    ('POST /v3/auth/tokens', {'token': {
        'expires_at': '2026-01-01T00:00:00.000000Z',
        'user': dict(NAMED, domain=DOMAIN),
        'project': dict(NAMED, domain=DOMAIN), 'roles': [{'name': 'admin'}],
        'catalog': [{'type': 'compute', 'endpoints': [
            {'interface': 'public', 'url': 'http://c', 'region': 'R'}]}]}}),
    ('GET /placement/', {'versions': [{'max_version': '1.39'}]}),
    ('GET /v3/projects?name__contains=x', {'projects': [NAMED]}),
    ('GET /v3/users?name__contains=x', {'users': [NAMED]}),
    ('GET /v2/images?name=n', {'images': [{'id': UUID, 'name': None}]}),
    ('GET /v2/images/' + UUID, {'name': 'n', 'status': 'active'}),
    ('GET /v2.0/ports?fields=id', {'ports': [
        {'id': UUID, 'device_id': '', 'device_owner': '',
         'binding:host_id': None, 'binding:profile': {}}]}),
    ('GET /v2.0/ports/' + UUID, {'port': {
        'id': UUID, 'resource_request': {'request_groups': [
            {'resources': {}, 'required': ['CUSTOM_VNIC_TYPE_NORMAL']}]}}}),
    ('GET /v2.0/qos/policies', {'policies': [{'id': UUID, 'name': 'n'}]}),
    ('GET /v2.0/floatingips', {'floatingips': [
        {'id': UUID, 'port_id': None, 'fixed_ip_address': None}]}),
    ('GET /v3/p/volumes/detail', {'volumes': [
        {'id': UUID, 'status': 'in-use',
         'attachments': [{'server_id': UUID}]}]}),
    ('GET /v3/p/attachments/detail', {'attachments': [
        {'id': UUID, 'instance': None, 'volume_id': UUID}]}),
    ('GET /v3/roles', {'roles': [{'name': 'member'}]}),
    ('GET /v2.0/subnets?network_id=x', {'subnets': [
        {'cidr': '10.0.0.0/28', 'ip_version': 4}]}),
    ('GET /v2.0/networks', {'networks': [NAMED]}),
    ('GET /v2.0/security-groups', {'security_groups': [NAMED]}),
    ('GET /v2.1/os-services', {'services': [SERVICE]}),
    ('PUT /v2.1/os-services/' + UUID, {'service': SERVICE}),
    ('GET /v2.1/os-hypervisors/detail', {'hypervisors': [
        {'id': UUID, 'hypervisor_hostname': 'h', 'hypervisor_type': 'QEMU',
         'service': {'host': 'cmp1'}}]}),
    ('GET /v2.1/os-migrations', {'migrations': [
        {'status': 'done', 'instance_uuid': UUID, 'uuid': UUID,
         'source_compute': None, 'dest_compute': 'cmp2'}]}),
    ('GET /v2.1/limits', {'limits': {'absolute': {
        'totalInstancesUsed': 0, 'totalCoresUsed': 0, 'totalRAMUsed': 0,
        'maxTotalInstances': -1, 'maxTotalCores': 20,
        'maxTotalRAMSize': 512}}}),
    ('GET /v2.1/os-quota-sets/p', {'quota_set': {'instances': -1}}),
    ('PUT /v2.1/os-quota-sets/p', {'quota_set': {'instances': 0}}),
    ('GET /v2.1/os-aggregates', {'aggregates': [
        {'name': 'a', 'hosts': ['cmp1']}]}),
    ('GET /v2.1/os-server-groups', {'server_groups': [
        dict(NAMED, members=[UUID])]}),
    ('GET /v2.1/flavors?is_public=None', {'flavors': [NAMED]}),
    ('GET /v2.1/flavors/42', FLAVOR),
    ('POST /v2.1/flavors', FLAVOR),
    ('GET /v2.1/flavors/42/os-extra_specs', {'extra_specs': {'a': 'b'}}),
    ('POST /v2.1/flavors/42/os-extra_specs', {'extra_specs': {}}),
    ('POST /v2.1/flavors/42/action', {'flavor_access': []}),
    ('GET /v2.1/servers?all_tenants=True', {'servers': [NAMED]}),
    ('GET /v2.1/servers/detail?name=x', {'servers': [
        dict(NAMED, status='ACTIVE', created='2026-01-01T00:00:00Z')]}),
    ('POST /v2.1/servers', {'server': {'id': UUID}}),
    ('GET /v2.1/servers/' + UUID, {'server': {
        'id': UUID, 'status': 'ACTIVE', 'created': '2026-01-01T00:00:00Z'}}),
    ('GET /v2.1/servers/%s/os-instance-actions' % UUID,
     {'instanceActions': [ACTION]}),
    ('GET /v2.1/servers/%s/os-instance-actions/req-1' % UUID,
     {'instanceAction': dict(ACTION, events=[
         {'event': 'e', 'result': None}])}),
    ('PUT /resource_providers/%s/traits' % UUID,
     {'traits': ['X'], 'resource_provider_generation': 1}),
)


def without_each(value):
    """Give a JSON value without each of its fields in turn.

    :returns: A generator of (name of the field, the value without it).
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, {other: value[other] for other in value
                        if other != key}
            for name, changed in without_each(inner):
                yield name, dict(value, **{key: changed})
    elif isinstance(value, list) and value:
        for name, changed in without_each(value[0]):
            yield name, [changed]


class CheckTest(base.TestCase):

    def check(self, call, answer, status=200, **headers):
        method, _, path = call.partition(' ')
        response_schemas.check(
            '%s http://cloud.test%s' % (method, path),
            transport.Response('', status, dict({
                'x-subject-token': 't', 'x-openstack-request-id': 'r'},
                **headers)),
            answer if isinstance(answer, bytes)
            else json.dumps(answer).encode())

    def refused(self, *arguments, **options):
        return str(self.assertRaises(
            exceptions.InvalidAnswer, self.check, *arguments, **options))

    def test_each_schema_has_a_good_answer(self):
        self.assertEqual(len(GOOD), len(response_schemas._SCHEMAS))
        for call, answer in GOOD:
            self.check(call, answer)

    def test_fields_of_later_releases_are_no_error(self):
        for call, answer in GOOD:
            self.check(call, dict(answer, more=1))

    def test_answers_that_are_less(self):
        self.check('GET /v3/', {'version': {'id': 'v3.14'}})
        self.check('GET /traits/CUSTOM_X', b'', status=204)
        self.refused('GET /', {'versions': [{'max_version': []}]})

    def test_missing_field(self):
        """The error names the call and the field."""
        # These depend on the token's scope, the flavor, and the service.
        may_be_missing = ('project', 'roles', 'catalog', 'a', 'versions',
                          'max_version')
        for call, answer in GOOD:
            for name, changed in without_each(answer):
                if name not in may_be_missing:
                    message = self.refused(call, changed)
                    self.assertIn(repr(name), message)
                    self.assertIn(call.split()[1], message)

    def test_no_answer_at_all(self):
        for call, _ in GOOD:
            for data in (b'', b'<html>', b'[]', b'null', b'\xff',
                         b'[' * 10 ** 5, b'{"a": "\\ud800"}'):
                self.refused(call, data)

    def test_header(self):
        self.assertIn('lacks the header x-subject-token', self.refused(
            GOOD[0][0], GOOD[0][1], **{'x-subject-token': ''}))
        self.assertIn('lacks the header x-openstack-request-id',
                      self.refused('DELETE /v2.1/servers/1', b'', status=204,
                                   **{'x-openstack-request-id': ''}))

    def test_page_without_an_end(self):
        self.refused('GET /os-hypervisors/detail', {
            'hypervisors': [], 'hypervisors_links': [{'rel': 'next'}]})

    def test_status(self):
        for status in (100, 199, 301, 304, 399):
            self.assertIn('answered %d' % status, self.refused(
                'GET /v2.1/servers', {'servers': []}, status=status))

    def test_long_value_makes_no_long_line(self):
        message = self.refused('GET /v2.1/servers', {'servers': 'x' * 10 ** 6})
        self.assertLess(len(message), 300)
        self.assertIn("is not of type 'array'", message)

    def test_errors(self):
        self.check('GET /servers', b'<html>', status=503)
        self.check('GET /servers', {'computeFault': {'message': 'm'}},
                   status=500)
        for answer in ({'computeFault': 5}, {'error': {}},
                       {'cloudServersFault': {'message': 5}}):
            self.refused('GET /servers', answer, status=500)
        self.refused('GET /servers', b'x' * 10 ** 5, status=500)
        self.refused('POST /v3/auth/tokens', b'<html>', status=401)

    def test_errors_of_proxies_are_taken_as_they_are(self):
        for body in ({'error': 'upstream'}, {'error': {'code': 503}}):
            self.check('GET /servers', body, status=503)

    def test_ids_of_other_shapes(self):
        for flavor in ('42', 'm1.tiny', 'a b'):
            self.check('GET /flavors', {
                'flavors': [{'id': flavor, 'name': 'x'}]})
        for flavor in ('', '..', 'a/b', 'a?b'):
            self.refused('GET /flavors', {
                'flavors': [{'id': flavor, 'name': 'x'}]})
