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

import copy
import json

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

CONSUMER = fake_cloud.uuid(1)
PROVIDER = fake_cloud.uuid(2)

HELD = {PROVIDER: {'resources': {'VCPU': 1, 'MEMORY_MB': 512}}}

# (method and its arguments, the request, a whole answer)
READS = (
    (('list_allocations', CONSUMER),
     'allocations/' + CONSUMER,
     {'allocations': HELD, 'project_id': 'p', 'user_id': 'u',
      'consumer_generation': 1}),
    (('list_provider_allocations', PROVIDER),
     'resource_providers/%s/allocations' % PROVIDER,
     {'allocations': {CONSUMER: {'resources': {'VCPU': 1}}},
      'resource_provider_generation': 3}),
    (('list_resource_providers',), 'resource_providers',
     {'resource_providers': [{'uuid': PROVIDER, 'name': 'cmp1.test',
                              'root_provider_uuid': PROVIDER}]}),
    (('list_resource_provider_traits', PROVIDER),
     'resource_providers/%s/traits' % PROVIDER,
     {'traits': ['HW_CPU_X86_AVX'], 'resource_provider_generation': 3}),
    (('list_resource_provider_inventories', PROVIDER),
     'resource_providers/%s/inventories' % PROVIDER,
     {'inventories': {'VCPU': {'allocation_ratio': 1.5, 'reserved': 0}},
      'resource_provider_generation': 3}),
    (('list_resource_provider_aggregates', PROVIDER),
     'resource_providers/%s/aggregates' % PROVIDER,
     {'aggregates': [CONSUMER]}),
    (('list_project_usages', 'p'), 'usages?project_id=p',
     {'usages': {'VCPU': 1}}),
)


def fields(answer, path=()):
    """Walk over the path of every field of an answer."""
    items = (answer.items() if isinstance(answer, dict)
             else enumerate(answer))
    for key, value in items:
        yield path + (key,)
        if isinstance(value, (dict, list)):
            yield from fields(value, path + (key,))


def changed(answer, path, change):
    answer = copy.deepcopy(answer)
    inner = answer
    for key in path[:-1]:
        inner = inner[key]
    change(inner, path[-1])
    return answer


class PlacementClientTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.cloud = fake_cloud.FakeCloud()
        self.client = self.cloud.placement_client()

    def answer(self, status, body):
        def give(method, path):
            raise fake_cloud.Answer(status, body)

        self.cloud.before_answer = give

    def call(self, name, *args, **kwargs):
        return getattr(self.client, name)(*args, **kwargs)

    def invalid(self, call, answer):
        self.answer(200, answer)
        try:
            seen = self.call(*call)
        except exceptions.InvalidAnswer as error:
            return str(error)
        self.fail('%s took %s for a valid answer' % (call[0], dict(seen)))

    def test_reads(self):
        for call, request, answer in READS:
            self.answer(200, answer)
            self.assertEqual(answer, dict(self.call(*call)))
            method, path, headers, _ = self.cloud.requests[-1]
            self.assertEqual(('GET', request), (method, path))
            self.assertEqual('placement 1.28',
                             headers['OpenStack-API-Version'])

    def test_fields_of_later_microversions_are_no_error(self):
        for call, _, answer in READS:
            answer = dict(answer, consumer_type='INSTANCE', mappings={})
            self.answer(200, answer)
            self.assertEqual(answer, dict(self.call(*call)))

    def test_trait_is_made_without_a_body(self):
        """Placement reads none, and a front end may then answer 502."""
        for status in (201, 204):
            self.answer(status, None)
            self.assertEqual(status, self.client.create_trait('CUSTOM_X'))
            self.assertEqual(('PUT', 'traits/CUSTOM_X', None), (
                self.cloud.requests[-1][0], self.cloud.requests[-1][1],
                self.cloud.requests[-1][3]))

    def test_holding_nothing(self):
        """Without allocations there is no owner either."""
        self.answer(200, {'allocations': {}})
        self.assertEqual({}, self.client.list_allocations(
            CONSUMER)['allocations'])

    def test_missing_field(self):
        for call, request, answer in READS:
            for path in fields(answer):
                # What is keyed by UUID or class, or is in a list, may be gone.
                if path[-1] in (CONSUMER, PROVIDER, 0) or path[-2:-1] in (
                        ('resources',), ('usages',), ('inventories',)):
                    continue
                message = self.invalid(call, changed(
                    answer, path, lambda inner, key: inner.pop(key)))
                self.assertIn('/%s: ' % request, message)
                self.assertIn(repr(path[-1]), message, path)

    def test_field_of_another_type(self):
        for call, request, answer in READS:
            for path in fields(answer):
                for wrong in (None, 1.5, True):
                    if (path[-1], wrong) == ('allocation_ratio', 1.5):
                        continue
                    message = self.invalid(call, changed(
                        answer, path,
                        lambda inner, key: inner.update({key: wrong})
                        if isinstance(inner, dict)
                        else inner.__setitem__(key, wrong)))
                    self.assertIn('/%s: $' % request, message)
                    self.assertIn(str(path[-1]), message)

    def test_negative_amount(self):
        message = self.invalid(('list_project_usages', 'p'),
                               {'usages': {'VCPU': -1}})
        self.assertIn('usages.VCPU: -1 is less than the minimum', message)

    def test_no_json_object(self):
        for call, request, _ in READS:
            for body, problem in (('<html>', 'is not JSON'),
                                  ('', 'is not JSON'),
                                  ('[]', "$: [] is not of type 'object'"),
                                  ('null', '$: None is not of type')):
                message = self.invalid(call, body)
                self.assertIn('/%s: %s' % (request, problem), message)
                self.assertTrue(message.startswith('GET '), message)

    def test_another_status(self):
        for call, _, answer in READS:
            for status, error in ((404, lib_exc.NotFound),
                                  (503, lib_exc.UnexpectedResponseCode),
                                  (202, lib_exc.InvalidHttpSuccessCode)):
                self.answer(status, answer)
                self.assertRaises(error, self.call, *call)

    def test_parts_of_the_url_are_quoted(self):
        self.answer(200, {'allocations': {}, 'usages': {}, 'traits': [],
                          'resource_provider_generation': 1,
                          'resource_providers': [], 'inventories': {},
                          'aggregates': []})
        odd, quoted = '../a?b=c&d e', '..%2Fa%3Fb%3Dc%26d%20e'
        for name, request in (
                ('list_allocations', 'allocations/%s'),
                ('list_provider_allocations',
                 'resource_providers/%s/allocations'),
                ('list_resource_provider_inventories',
                 'resource_providers/%s/inventories'),
                ('list_resource_provider_aggregates',
                 'resource_providers/%s/aggregates'),
                ('list_resource_provider_traits',
                 'resource_providers/%s/traits')):
            self.call(name, odd)
            self.assertEqual(request % quoted, self.cloud.requests[-1][1])
        self.client.list_project_usages(odd)
        self.assertEqual('usages?project_id=..%2Fa%3Fb%3Dc%26d+e',
                         self.cloud.requests[-1][1])
        self.client.list_resource_providers(in_tree='a&b')
        self.assertEqual('resource_providers?in_tree=a%26b',
                         self.cloud.requests[-1][1])
        self.answer(204, None)
        for name in ('put_allocations', 'delete_allocations'):
            self.call(name, odd)
            self.assertEqual('allocations/' + quoted,
                             self.cloud.requests[-1][1])

    def test_writes(self):
        body = {'allocations': HELD, 'project_id': 'p', 'user_id': 'u',
                'consumer_generation': None}
        self.client.put_allocations(CONSUMER, **body)
        method, path, headers, sent = self.cloud.requests[-1]
        self.assertEqual(('PUT', 'allocations/' + CONSUMER, body),
                         (method, path, json.loads(json.dumps(sent))))
        self.assertEqual('placement 1.28', headers['OpenStack-API-Version'])
        self.assertEqual(HELD, self.client.list_allocations(
            CONSUMER)['allocations'])
        self.client.delete_allocations(CONSUMER)
        self.assertEqual(('DELETE', 'allocations/' + CONSUMER),
                         self.cloud.requests[-1][:2])
        self.assertRaises(lib_exc.NotFound,
                          self.client.delete_allocations, CONSUMER)

    def test_writes_expect_204(self):
        for status, error in ((200, lib_exc.InvalidHttpSuccessCode),
                              (409, lib_exc.Conflict)):
            self.answer(status, {'errors': []})
            for name in ('put_allocations', 'delete_allocations'):
                self.assertRaises(error, self.call, name, CONSUMER)
