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

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud


class ComputeServicesTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.cloud = fake_cloud.FakeCloud()
        self.services = self.cloud.compute_services()

    def assert_refused(self, code, detail, call, *args):
        refused = self.assertRaises(exceptions.OutageRefused, call, *args)
        self.assertEqual(code, refused.code)
        self.assertIn(detail, str(refused))

    def test_show(self):
        self.cloud.add_compute('cmp1', 1)
        self.cloud.add_compute('cmp2', 2)
        self.cloud.service_of('cmp2').update(
            status='disabled', disabled_reason='broken fan', forced_down=True)
        service = self.services.show('cmp2')
        self.assertEqual(fake_cloud.uuid(102), service.id)
        self.assertEqual(
            {'status': 'disabled', 'disabled_reason': 'broken fan',
             'forced_down': True}, service.settings)
        self.assertEqual(
            "nova-compute on cmp2: down, disabled, disabled reason "
            "'broken fan', forced down, updated at %s" % service.updated_at,
            str(service))
        self.assertEqual(['cmp1', 'cmp2'],
                         [service.host for service in self.services.list()])

    def test_other_binaries_are_left_out(self):
        self.cloud.add_compute('controller', 1)
        self.cloud.services.append(dict(
            self.cloud.services[0], id=fake_cloud.uuid(9),
            binary='nova-conductor'))
        self.assertEqual(fake_cloud.uuid(101),
                         self.services.show('controller').id)

    def test_filter_that_is_not_heeded(self):
        """A proxy in front of Nova may drop the query."""
        self.cloud.add_compute('cmp1', 1)
        self.cloud.add_compute('cmp2', 2)

        def all_of_them(method, path):
            raise fake_cloud.Answer(200, self.cloud._list_services(
                {'binary': 'nova-compute'})[1])

        self.cloud.before_answer = all_of_them
        self.assertEqual('cmp2', self.services.show('cmp2').host)
        self.assertEqual([], self.services.list('nova-scheduler'))

    def test_odd_services_of_others(self):
        self.cloud.add_compute('cmp1', 1)
        self.cloud.add_compute('cmp2', 2)
        self.cloud.service_of('cmp2').update(status=None)
        self.useFixture(transport.BoundedFixture())
        odd = self.services.list()[1]
        self.assertEqual((None, 'cmp2'), (odd.status, odd.host))
        self.assertIn('up, None', str(odd))

    def test_cell_that_is_down(self):
        """Nova then shows the other cells' services, and no node at all."""
        def no_database(method, path):
            if path.startswith('os-hypervisors'):
                raise fake_cloud.Answer(500, {'computeFault': {
                    'message': 'Unexpected API Error', 'code': 500}})

        self.cloud.add_compute('cmp1', 1)
        self.cloud.before_answer = no_database
        for ask in (lambda: self.services.target_host('cmp1'),
                    self.services.nodes):
            error = self.assertRaises(exceptions.InvalidAnswer, ask)
            self.assertIn('the database of one of its cells is away',
                          str(error))
            self.assertIn('Unexpected API Error', str(error))

    def test_no_service_or_several(self):
        """Two cells may use one host name twice."""
        code = exceptions.Refusal.NOT_ONE_SERVICE
        self.assert_refused(code, 'cmp1 has 0 ', self.services.show, 'cmp1')
        self.cloud.add_compute('cmp1', 1)
        self.cloud.add_compute('cmp1', 2)
        self.assert_refused(code, 'cmp1 has 2 ', self.services.show, 'cmp1')

    def test_microversion_of_services_by_uuid(self):
        self.cloud.add_compute('cmp1', 1)
        self.services.show('cmp1')
        headers = self.cloud.requests[-1][2]
        self.assertEqual('2.53', headers['X-OpenStack-Nova-API-Version'])

    def test_update_sends_what_it_is_told_and_nothing_else(self):
        self.cloud.add_compute('cmp1', 1)
        self.services.update(self.services.show('cmp1'), forced_down=True)
        self.assertEqual(
            ('PUT', 'os-services/' + fake_cloud.uuid(101),
             {'forced_down': True}),
            tuple(self.cloud.requests[-1][i] for i in (0, 1, 3)))

    def test_a_service_that_nova_does_not_change(self):
        """Another 500 may pass, and is tried again."""
        def refuse(method, path):
            if method == 'PUT':
                raise fake_cloud.Answer(500, {'computeFault': {
                    'code': 500, 'message': 'Unexpected API Error.\n'
                    "<class 'nova.exception.%s'>" % self.name}})

        self.cloud.add_compute('cmp1', 1)
        service = self.services.show('cmp1')
        self.cloud.before_answer = refuse
        for self.name, expected in (
                ('ServiceTooOld', exceptions.ServiceTooOld),
                ('ServiceNotUnique', lib_exc.ServerFault)):
            error = self.assertRaises(expected, self.services.update, service,
                                      forced_down=False)
            self.assertIs(expected, type(error))
            self.assertIn(self.name, str(error))

    def test_target_host_on_any_page(self):
        """The provider is the hypervisor's id; names may be used twice."""
        self.cloud.page_size = 2
        targets = [self.cloud.add_compute('cmp%d' % number, number)
                   for number in range(1, 6)]
        for target in targets:
            self.assertEqual(target, self.services.target_host(target.host))
        self.assertEqual(
            'host cmp3 (provider cmp3.test, %s)' % fake_cloud.uuid(3),
            str(targets[2]))

    def test_target_host_of_a_large_cloud_is_one_request(self):
        for number in range(1, 40):
            target = self.cloud.add_compute('cmp%d' % number, number)
        self.cloud.requests.clear()
        self.assertEqual(target, self.services.target_host(target.host))
        self.assertEqual(['os-hypervisors/detail?'
                          'hypervisor_hostname_pattern=cmp39'],
                         [request[1] for request in self.cloud.requests],
                         'the node of one host should be one request')

    def test_nodes_that_are_not_named_after_their_host(self):
        """A node of Ironic has the name of a UUID."""
        self.cloud.add_service('a', 5)
        for number in 1, 2:
            self.cloud.add_node('a', number)
        for hypervisor, name in zip(self.cloud.hypervisors, ('abc', 'def'),
                                    strict=True):
            hypervisor['hypervisor_hostname'] = name
        # Only one of the names has an "a".
        self.assert_refused(exceptions.Refusal.NOT_ONE_NODE, 'a has 2 ',
                            self.services.target_host, 'a')
        self.cloud.hypervisors.pop()
        self.assertEqual('abc', self.services.target_host('a').provider_name)

    def test_one_node_with_a_short_name_and_one_with_a_long_name(self):
        """Somebody has renamed the node."""
        self.cloud.add_compute('cmp1.test', 1)
        self.cloud.add_node('cmp1.test', 2)
        self.cloud.hypervisors[0]['hypervisor_hostname'] = 'cmp1'
        self.assert_refused(exceptions.Refusal.NOT_ONE_NODE, ' has 2 ',
                            self.services.target_host, 'cmp1.test')

    def test_hypervisor_type(self):
        self.cloud.add_compute('cmp1', 1)
        target = self.cloud.add_compute('cmp2', 2)
        self.cloud.hypervisors[1]['hypervisor_type'] = 'QEMU'
        self.assertEqual('QEMU', self.services.hypervisor_type(target))

    def test_finder(self):
        """Few hosts are looked up one by one, and many at once."""
        hosts = ['cmp%d' % number for number in range(1, 10)]
        targets = [self.cloud.add_compute(host, number)
                   for number, host in enumerate(hosts, 1)]
        for count, requests in ((8, 8), (9, 1)):
            self.cloud.requests.clear()
            found = self.services.finder(hosts[:count])
            self.assertEqual(targets[:count],
                             list(map(found.target_host, hosts[:count])))
            self.assertEqual(requests, len(self.cloud.requests))

    def test_lists_are_read_once(self):
        self.cloud.add_compute('cmp1', 1)
        target = self.cloud.add_compute('cmp2', 2)
        once = self.cloud.compute_services(compute_services.ReadOnce)
        for _ in range(3):
            self.assertEqual(target, once.nodes().target_host('cmp2'))
            self.assertEqual(2, len(once.list()))
        self.assertEqual(
            ['os-hypervisors/detail', 'os-services?binary=nova-compute'],
            [request[1] for request in self.cloud.requests],
            'each list should be read once')

    def test_no_node_or_several(self):
        """Ironic's computes have many nodes: there is no one to take down."""
        self.cloud.page_size = 1
        self.cloud.add_compute('cmp1', 1)
        self.cloud.add_service('new', 5)
        code = exceptions.Refusal.NOT_ONE_NODE
        self.assert_refused(code, 'new has 0 ', self.services.target_host,
                            'new')
        self.cloud.add_node('cmp2', 2)
        self.cloud.add_node('cmp1', 3)
        self.assert_refused(code, 'cmp1 has 2 ', self.services.target_host,
                            'cmp1')
