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
from typing import Any

import fixtures
from tempest.lib.common import rest_client
from tempest.lib import exceptions as lib_exc
from tempest.lib.services.compute import aggregates_client
from tempest.lib.services.compute import flavors_client
from tempest.lib.services.compute import hypervisor_client
from tempest.lib.services.compute import limits_client
from tempest.lib.services.compute import quotas_client
from tempest.lib.services.compute import server_groups_client
from tempest.lib.services.compute import servers_client
from tempest.lib.services.compute import services_client
from tempest.lib.services.volume.v3 import volumes_client

from local_delete_tempest_plugin.cloud import response_schemas
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

UUID = '11111111-1111-4111-8111-111111111111'
NAMED = {'id': UUID, 'name': 'n'}
DOMAIN = {'id': 'default', 'name': 'Default'}
TIME = '2026-01-01T00:00:00Z'
HELD = {UUID: {'resources': {'VCPU': 1}}}
FLAVOR = {'flavor': {'id': '42', 'OS-FLV-EXT-DATA:ephemeral': 0}}
TRAITS = {'traits': ['X'], 'resource_provider_generation': 1}
INVENTORIES = {
    'inventories': {'VCPU': {'allocation_ratio': 1.5, 'reserved': 0}},
    'resource_provider_generation': 1}

# One good answer to each request, with no more than has to be there.
GOOD: Any = (
    ('POST /v3/auth/tokens', {'token': {
        'expires_at': '2026-01-01T00:00:00.000000Z',
        'user': dict(NAMED, domain=DOMAIN),
        'project': dict(NAMED, domain=DOMAIN), 'roles': [{'name': 'admin'}],
        'catalog': [{'type': 'compute', 'endpoints': [
            {'interface': 'public', 'url': 'http://c', 'region': 'R'}]}]}}),
    ('GET /placement/', {'versions': [{'max_version': '1.39'}]}),
    ('GET /v3/domains?name=Default', {'domains': [{'enabled': True}]}),
    ('GET /v3/projects?name__contains=x', {'projects': [NAMED]}),
    ('GET /v3/users?name__contains=x', {'users': [NAMED]}),
    ('GET /v3/users/' + UUID, {'user': NAMED}),
    ('GET /v3/roles', {'roles': [{'name': 'member'}]}),
    ('GET /v2/images?name=n', {'images': [{'id': UUID, 'name': None}]}),
    ('GET /v2/images/' + UUID, {'name': 'n', 'status': 'active'}),
    ('GET /v2.0/ports?fields=id', {'ports': [
        {'id': UUID, 'device_id': '', 'device_owner': '',
         'binding:host_id': None, 'binding:profile': {}}]}),
    ('POST /v2.0/ports', {'port': {'id': UUID}}),
    ('GET /v2.0/ports/' + UUID, {'port': {
        'id': UUID, 'resource_request': {'request_groups': [
            {'resources': {}, 'required': ['CUSTOM_VNIC_TYPE_NORMAL']}]}}}),
    ('GET /v2.0/ports/%s/bindings' % UUID, {'bindings': [
        {'host': '', 'status': 'ACTIVE'}]}),
    ('GET /v2.0/qos/policies', {'policies': [{'id': UUID, 'name': 'n'}]}),
    ('POST /v2.0/qos/policies', {'policy': {'id': UUID}}),
    ('GET /v2.0/floatingips', {'floatingips': [
        {'id': UUID, 'port_id': None, 'fixed_ip_address': None}]}),
    ('POST /v2.0/floatingips', {'floatingip': {'id': UUID}}),
    ('GET /v2.0/subnets?network_id=x', {'subnets': [
        {'cidr': '10.0.0.0/28', 'ip_version': 4}]}),
    ('GET /v2.0/networks', {'networks': [
        dict(NAMED, status='ACTIVE', subnets=[UUID])]}),
    ('GET /v2.0/extensions', {'extensions': [{'alias': 'qos'}]}),
    ('GET /v2.0/routers', {'routers': [{'id': UUID}]}),
    ('GET /v2.0/security-groups', {'security_groups': [NAMED]}),
    ('GET /v3/p/volumes/detail', {'volumes': [
        {'id': UUID, 'name': None, 'status': 'in-use',
         'attachments': [{'server_id': UUID}]}]}),
    ('POST /v3/p/volumes', {'volume': {'id': UUID}}),
    ('GET /v3/p/attachments/detail', {'attachments': [
        {'id': UUID, 'instance': None, 'volume_id': UUID}]}),
    ('GET /v2.1/os-services', {'services': [
        {'id': UUID, 'host': 'cmp1', 'state': 'up', 'status': 'enabled',
         'disabled_reason': None, 'forced_down': False,
         'updated_at': None}]}),
    ('GET /v2.1/os-hypervisors/detail', {'hypervisors': [
        {'id': UUID, 'hypervisor_hostname': 'h',
         'service': {'host': 'cmp1'}}]}),
    ('GET /v2.1/os-hypervisors/' + UUID, {'hypervisor': {'id': UUID}}),
    ('GET /v2.1/os-migrations', {'migrations': [
        {'id': 1, 'status': 'done', 'instance_uuid': UUID, 'uuid': UUID,
         'source_compute': None, 'dest_compute': 'cmp2'}]}),
    ('GET /v2.1/os-server-groups', {'server_groups': [
        dict(NAMED, members=[UUID])]}),
    ('POST /v2.1/os-server-groups', {'server_group': {'id': UUID}}),
    ('GET /v2.1/os-aggregates', {'aggregates': [
        {'name': 'a', 'hosts': ['cmp1']}]}),
    ('GET /v2.1/limits', {'limits': {'absolute': dict.fromkeys((
        'totalInstancesUsed', 'totalCoresUsed', 'totalRAMUsed',
        'maxTotalInstances', 'maxTotalCores', 'maxTotalRAMSize'), -1)}}),
    ('GET /v2.1/flavors?is_public=None', {'flavors': [
        {'id': '42', 'name': 'tiny'}]}),
    ('GET /v2.1/flavors/detail?is_public=None', {'flavors': [
        {'id': '42', 'name': 'tiny', 'disk': 1, 'ram': 64, 'vcpus': 1}]}),
    ('GET /v2.1/flavors/42', FLAVOR),
    ('POST /v2.1/flavors', FLAVOR),
    ('GET /v2.1/servers?all_tenants=True', {'servers': [NAMED]}),
    ('GET /v2.1/servers/detail?name=x', {'servers': [
        dict(NAMED, status='UNKNOWN', created=TIME)]}),
    ('POST /v2.1/servers', {'server': {'id': UUID}}),
    ('GET /v2.1/servers/' + UUID, {'server': {'id': UUID, 'created': TIME}}),
    ('GET /allocations/' + UUID, {
        'allocations': HELD, 'project_id': 'p', 'user_id': 'u',
        'consumer_generation': 1}),
    ('GET /resource_providers?in_tree=x', {'resource_providers': [
        {'uuid': UUID, 'name': 'n', 'root_provider_uuid': UUID}]}),
    ('GET /resource_providers/%s/allocations' % UUID, {
        'allocations': HELD, 'resource_provider_generation': 1}),
    ('GET /resource_providers/%s/traits' % UUID, TRAITS),
    ('PUT /resource_providers/%s/traits' % UUID, TRAITS),
    ('GET /resource_providers/%s/inventories' % UUID, INVENTORIES),
    ('PUT /resource_providers/%s/inventories' % UUID, INVENTORIES),
    ('GET /resource_providers/%s/aggregates' % UUID, {'aggregates': [UUID]}),
    ('GET /resource_providers/%s/usages' % UUID, {
        'usages': {'VCPU': 1}, 'resource_provider_generation': 1}),
    ('GET /traits?name=startswith:CUSTOM_', {'traits': ['CUSTOM_X']}),
    ('GET /usages?project_id=p', {'usages': {'VCPU': 1}}),
    ('GET /allocation_candidates?resources=VCPU:1', {
        'allocation_requests': [{'allocations': HELD}],
        'provider_summaries': {UUID: {
            'resources': {'VCPU': {'capacity': 2, 'used': 1}}}}}),
)

LINKS = [{'rel': 'self', 'href': 'http://compute.test/x'}]
WHOLE_SERVICE = {
    'id': UUID, 'binary': 'nova-compute', 'host': 'cmp1', 'zone': 'nova',
    'state': 'up', 'status': 'enabled', 'disabled_reason': None,
    'forced_down': False, 'updated_at': None}
HYPERVISOR = {
    'id': UUID, 'hypervisor_hostname': 'h', 'hypervisor_type': 'QEMU',
    'hypervisor_version': 1, 'host_ip': '192.0.2.1', 'cpu_info': {},
    'service': {'id': UUID, 'host': 'cmp1'},
    **dict.fromkeys((
        'current_workload', 'disk_available_least', 'free_disk_gb',
        'free_ram_mb', 'local_gb', 'local_gb_used', 'memory_mb',
        'memory_mb_used', 'running_vms', 'vcpus', 'vcpus_used'), 1)}
WHOLE_SERVER = {
    'id': UUID, 'name': 'n', 'status': 'ACTIVE', 'image': '',
    'user_id': 'u', 'tenant_id': 'p', 'created': TIME, 'updated': TIME,
    'metadata': {}, 'links': LINKS, 'addresses': {}, 'hostId': '',
    'description': None, 'tags': [], 'accessIPv4': '', 'accessIPv6': '',
    'flavor': {'original_name': 'tiny', 'disk': 0, 'ephemeral': 0, 'ram': 1,
               'swap': 0, 'vcpus': 1}}
WHOLE_FLAVOR = {'flavor': {
    'id': '42', 'name': 'tiny', 'ram': 64, 'vcpus': 1, 'disk': 1, 'swap': '',
    'OS-FLV-EXT-DATA:ephemeral': 0, 'links': LINKS}}
WHOLE_ACTION = {
    'action': 'delete', 'request_id': 'req-1', 'user_id': 'u',
    'project_id': 'p', 'start_time': TIME, 'message': None,
    'instance_uuid': UUID}
WHOLE_QUOTA = {'quota_set': dict.fromkeys((
    'instances', 'cores', 'ram', 'metadata_items', 'key_pairs',
    'server_groups', 'server_group_members', 'injected_files',
    'injected_file_content_bytes', 'injected_file_path_bytes'), -1)}

# What tempest.lib and the plugin validate: a client, its call, a whole answer,
# and what of it is used by this plugin.
WHOLE: Any = (
    (services_client.ServicesClient, ('list_services',),
     {'services': [WHOLE_SERVICE]},
     'services id host state status disabled_reason forced_down updated_at'),
    (services_client.ServicesClient, ('update_service', UUID),
     {'service': dict(WHOLE_SERVICE, updated_at=TIME)}, 'service'),
    (hypervisor_client.HypervisorClient, ('list_hypervisors', True),
     {'hypervisors': [dict(HYPERVISOR, service={'host': 'cmp1'})]},
     'hypervisors id hypervisor_hostname service host'),
    (hypervisor_client.HypervisorClient, ('show_hypervisor', UUID),
     {'hypervisor': HYPERVISOR},
     'hypervisor id hypervisor_hostname hypervisor_type'),
    (limits_client.LimitsClient, ('show_limits',),
     {'limits': {'rate': [], 'absolute': dict.fromkeys((
         'maxServerMeta', 'maxTotalInstances', 'maxTotalRAMSize',
         'maxTotalCores', 'maxTotalKeypairs', 'maxServerGroups',
         'maxServerGroupMembers', 'totalServerGroupsUsed', 'maxPersonality',
         'maxPersonalitySize', 'totalInstancesUsed', 'totalCoresUsed',
         'totalRAMUsed'), 1)}},
     'limits absolute totalInstancesUsed totalCoresUsed totalRAMUsed '
     'maxTotalInstances maxTotalCores maxTotalRAMSize'),
    (quotas_client.QuotasClient, ('show_quota_set', 'p'),
     {'quota_set': dict(WHOLE_QUOTA['quota_set'], id='p')},
     'quota_set instances'),
    (quotas_client.QuotasClient, ('show_default_quota_set', 'p'),
     {'quota_set': dict(WHOLE_QUOTA['quota_set'], id='p')},
     'quota_set instances'),
    (quotas_client.QuotasClient, ('update_quota_set', 'p'), WHOLE_QUOTA,
     'quota_set instances'),
    (aggregates_client.AggregatesClient, ('list_aggregates',),
     {'aggregates': [{
         'id': 1, 'uuid': UUID, 'name': 'a', 'hosts': ['cmp1'],
         'metadata': {}, 'availability_zone': None, 'created_at': TIME,
         'updated_at': None, 'deleted_at': None, 'deleted': False}]},
     'aggregates name hosts'),
    (server_groups_client.ServerGroupsClient, ('list_server_groups',),
     {'server_groups': [dict(NAMED, members=[UUID], policies=['affinity'],
                             metadata={}, project_id='p', user_id='u')]},
     'server_groups id name members'),
    (flavors_client.FlavorsClient, ('list_flavors',),
     {'flavors': [dict(NAMED, links=LINKS)]}, 'flavors id name'),
    (flavors_client.FlavorsClient, ('list_flavors', True),
     {'flavors': [WHOLE_FLAVOR['flavor']]},
     'flavors id name ram vcpus disk'),
    (flavors_client.FlavorsClient, ('show_flavor', '42'), WHOLE_FLAVOR,
     'flavor id name ram vcpus disk OS-FLV-EXT-DATA:ephemeral'),
    (flavors_client.FlavorsClient, ('create_flavor',), WHOLE_FLAVOR,
     'flavor id name ram vcpus disk OS-FLV-EXT-DATA:ephemeral'),
    (flavors_client.FlavorsClient, ('list_flavor_extra_specs', '42'),
     {'extra_specs': {'a': 'b'}}, 'extra_specs'),
    (flavors_client.FlavorsClient, ('set_flavor_extra_spec', '42'),
     {'extra_specs': {'a': 'b'}}, 'extra_specs'),
    (flavors_client.FlavorsClient, ('add_flavor_access', '42', 'p'),
     {'flavor_access': [{'flavor_id': '42', 'tenant_id': 'p'}]},
     'flavor_access'),
    (servers_client.ServersClient, ('list_servers',),
     {'servers': [dict(NAMED, links=LINKS)]}, 'servers id name'),
    (servers_client.ServersClient, ('list_servers', True),
     {'servers': [WHOLE_SERVER]}, 'servers id name status created'),
    (servers_client.ServersClient, ('show_server', UUID),
     {'server': WHOLE_SERVER}, 'server id status created'),
    (servers_client.ServersClient, ('list_instance_actions', UUID),
     {'instanceActions': [WHOLE_ACTION]},
     'instanceActions action request_id'),
    (servers_client.ServersClient, ('show_instance_action', UUID, 'req-1'),
     {'instanceAction': dict(WHOLE_ACTION, events=[
         {'event': 'e', 'result': None, 'start_time': TIME,
          'finish_time': None}])},
     'instanceAction action request_id events event result'),
    (volumes_client.VolumesClient, ('list_volumes', True),
     {'volumes': [{
         'id': UUID, 'name': None, 'status': 'in-use', 'size': 1,
         'attachments': [{'server_id': UUID, 'attachment_id': UUID,
                          'attached_at': TIME, 'host_name': None,
                          'volume_id': UUID, 'device': '/dev/vdb'}],
         'links': LINKS, 'metadata': {}, 'description': None,
         'bootable': 'false', 'encrypted': False, 'multiattach': False,
         'availability_zone': 'nova', 'created_at': TIME, 'updated_at': None,
         'replication_status': None, 'snapshot_id': None,
         'source_volid': None, 'volume_type': 'a', 'user_id': 'u',
         'consistencygroup_id': None}]},
     'volumes id name status attachments server_id'),
)


# Odd objects of somebody else: a client, its call, and the answer.
ODD: Any = (
    (services_client.ServicesClient, ('list_services',), {'services': [
        dict(WHOLE_SERVICE, state='dead', status='maintenance'),
        dict(WHOLE_SERVICE, state=None, status=None), WHOLE_SERVICE]}),
    # A node that never reported, and one of a driver of which nobody knows.
    (hypervisor_client.HypervisorClient, ('list_hypervisors', True), {
        'hypervisors': [
            dict(HYPERVISOR, cpu_info='', hypervisor_version='7.0',
                 **dict.fromkeys((
                     'host_ip', 'running_vms', 'current_workload',
                     'free_disk_gb', 'free_ram_mb'))),
            {'id': UUID, 'hypervisor_hostname': '', 'service': {
                'host': 'odd', 'id': UUID, 'colour': 'blue'}}]}),
    (limits_client.LimitsClient, ('show_limits',), {
        'limits': {'rate': None, 'absolute': dict.fromkeys((
            'maxTotalInstances', 'maxTotalCores', 'maxTotalRAMSize',
            'totalInstancesUsed', 'totalCoresUsed', 'totalRAMUsed'), -1)}}),
    (aggregates_client.AggregatesClient, ('list_aggregates',), {
        'aggregates': [{'name': 'a', 'hosts': [], 'metadata': None}]}),
    (server_groups_client.ServerGroupsClient, ('list_server_groups',), {
        'server_groups': [dict(NAMED, members=[], policies=None)]}),
    (flavors_client.FlavorsClient, ('list_flavors',), {
        'flavors': [dict(NAMED, links=None, description=5)]}),
    (servers_client.ServersClient, ('list_servers', True), {
        'servers': [{'id': UUID, 'name': '', 'status': 'UNKNOWN',
                     'created': TIME, 'tenant_id': 'p', 'links': []}]}),
    (volumes_client.VolumesClient, ('list_volumes', True), {
        'volumes': [{'id': UUID, 'name': None, 'status': 'odd',
                     'attachments': [{'server_id': None}]}]}),
)


def without_each(value):
    """Give a JSON value without each of its fields in turn.

    :returns: A generator of (name of the field, the value without it).
    """
    return with_each(value, ...)


def with_each(value, other):
    """Give a JSON value with something else in each of its fields in turn.

    :param other: What takes the place of a field; ...: nothing does.
    :returns: A generator of (name of the field, the changed value).
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, {name: other if name == key else value[name]
                        for name in value
                        if name != key or other is not ...}
            for name, changed in with_each(inner, other):
                yield name, dict(value, **{key: changed})
    elif isinstance(value, list) and value:
        for name, changed in with_each(value[0], other):
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
        self.check('GET /', {'versions': {'values': []}}, status=300)
        self.check('GET /traits/CUSTOM_X', b'', status=204)
        self.refused('GET /', {'versions': [{'max_version': []}]})

    def test_missing_field(self):
        """The error names the call and the field."""
        # These depend on the token's scope, the service and the consumer.
        may_be_missing = ('project', 'roles', 'catalog', 'versions',
                          'max_version', 'VCPU', UUID)
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

    def test_answers_without_a_body(self):
        """tempest.lib parses the bodies of all other answers."""
        for call in ('DELETE /v2.1/flavors/42', 'PUT /traits/CUSTOM_X',
                     'PUT /allocations/' + UUID,
                     'PUT /v3/projects/p/users/u/roles/r',
                     'POST /v2.1/servers/%s/action' % UUID,
                     'POST /v3/p/volumes/%s/action' % UUID):
            self.check(call, b'', status=204)
        for call in ('PUT /v2.1/os-services/' + UUID,
                     'PUT /v2.1/os-quota-sets/p', 'PUT /v2.0/ports/' + UUID,
                     'POST /v2.1/flavors/42/action',
                     'POST /v2.1/servers/%s/os-volume_attachments' % UUID):
            for status in (200, 202, 204):
                self.assertIn('is not JSON', self.refused(
                    call, b'', status=status))

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
        for status in (100, 199, 208, 226, 299, 301, 304, 399):
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


class TempestTest(base.TestCase):
    """What is validated on the way through a client of tempest.lib."""

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.useFixture(fixtures.MockPatchObject(
            rest_client.RestClient, 'validate_response',
            response_schemas.validator_of_tempest(
                rest_client.RestClient.validate_response)))
        self.cloud = fake_cloud.FakeCloud()

    def ask(self, client_class, call, answer, status=200):
        def give(*_):
            raise fake_cloud.Answer(status, answer)

        self.cloud.before_answer = give
        client = self.cloud.client(client_class, 'compute')
        name, *arguments = call
        return getattr(client, name)(*arguments)

    def test_whole_answers(self):
        for client_class, call, answer, _ in WHOLE:
            self.assertEqual(answer, dict(self.ask(
                client_class, call, answer)))

    def test_missing_field(self):
        """The error names the request and the field."""
        for client_class, call, answer, used in WHOLE:
            used = set(used.split())
            seen = set()
            for name, changed in without_each(answer):
                if name in used:
                    seen.add(name)
                    error = self.assertRaises(
                        exceptions.InvalidAnswer, self.ask, client_class,
                        call, changed)
                    self.assertRegex(
                        str(error), r'^(GET|PUT|POST) http://compute.test/'
                        r'\S+: \$.*%r is a required property$' % name)
            self.assertEqual(used, seen)

    def test_field_of_another_type(self):
        for client_class, call, answer, used in WHOLE:
            for name, changed in with_each(answer, 1.5):
                if name in used.split():
                    self.assertRaises(
                        exceptions.InvalidAnswer, self.ask, client_class,
                        call, changed)

    def test_odd_objects_of_others(self):
        for client_class, call, answer in ODD:
            self.assertEqual(answer, dict(self.ask(
                client_class, call, answer)))

    def test_what_is_nested_too_deeply(self):
        deep = []
        for _ in range(900):
            deep = [deep]
        error = self.assertRaises(
            exceptions.InvalidAnswer, self.ask,
            services_client.ServicesClient, ('update_service', UUID),
            {'service': deep})
        self.assertIn('PUT http://compute.test/os-services/' + UUID,
                      str(error))

    def test_other_errors_are_as_they_were(self):
        """One without a schema, which has to have no body."""
        raised = self.assertRaises(
            lib_exc.InvalidHTTPResponseBody, self.ask,
            servers_client.ServersClient, ('lock_server', UUID), {'a': 1},
            status=202)
        self.assertIn('should not exist', str(raised))
