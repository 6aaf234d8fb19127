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
"""Clouds on which every scenario fails, and on which preflight was green."""

from local_delete_tempest_plugin.preflight import checks
from local_delete_tempest_plugin.preflight import heartbeats
from local_delete_tempest_plugin.preflight import pace
from local_delete_tempest_plugin.preflight import scheduling
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit.preflight import whole_cloud


class FlavorTest(whole_cloud.CloudCase):

    def test_no_disk(self):
        """Only the policy of the cloud may let a member use it."""
        self.cloud.disk = 0
        self.assert_found('flavor', 'fail', 'has no disk. Nova lets no member '
                          'boot such a server from an image (os_compute_api:'
                          'servers:create:zero_disk_flavor)')
        self.assertIn('another flavor in [compute] flavor_ref,',
                      self.findings()['flavor'].to_do)

    def test_image_that_needs_more(self):
        gib = 1 << 30
        for needed, words in (
                ({'min_disk': 2}, 'has 1 GiB of disk, and the image needs 2'),
                ({'size': gib + 1}, 'and the image needs 2'),
                ({'size': 9, 'virtual_size': 5 * gib}, 'image needs 5'),
                ({'min_ram': 128}, 'has 64 MiB of ram')):
            self.cloud.image = dict(name='i', status='active', **needed)
            self.assert_found('flavor', 'fail', words)
        self.cloud.image = {'name': 'i', 'status': 'active', 'min_disk': 1,
                            'min_ram': None, 'size': gib,
                            'virtual_size': None}
        self.assert_found('flavor', 'pass', 'tiny: 1 DISK_GB')

    def test_placement_that_is_away(self):
        """That is no fault of the flavor."""
        def refuse(method, path):
            if self.cloud.asked == 'placement':
                raise fake_cloud.Answer(503, {'errors': []})

        self.cloud.before_answer = refuse
        self.assertEqual('fail', self.findings()['Placement API'].outcome)
        self.assert_found('flavor', 'pass', 'tiny: 1 DISK_GB')


class QuotaTest(whole_cloud.CloudCase):

    def test_new_projects(self):
        """Some clouds give a new project no quota at all."""
        check = 'quota of new projects'
        self.assert_found(check, 'pass', 'has room for a server')
        for quota, words in (
                ({'instances': 0},
                 '0 of instances are free, and 1 are needed'),
                ({'cores': 0, 'ram': 63}, '0 of cores are free, and 1 are '
                 'needed, 63 of ram are free, and 64 are needed')):
            self.cloud.default_quota = quota
            self.assert_found(check, 'fail', words)
        self.cloud.default_quota = {'instances': 1, 'cores': 1, 'ram': 64}
        self.assert_found(check, 'pass', 'has room for a server')

    def test_accounts(self):
        self.config(group='auth', use_dynamic_credentials=False)
        check = 'quota of joe in p'
        self.assert_found(check, 'pass', 'has room for a server')
        for number in range(10):
            self.cloud.servers[fake_cloud.uuid(100 + number)] = 'ACTIVE'
        self.assert_found(
            check, 'fail', '0 of instances are free, and 1 are needed')


class ImageTest(whole_cloud.CloudCase):

    def test_image_of_one_project(self):
        """The projects that Tempest makes do not see it."""
        for visibility, outcome, words in (
                ('private', 'fail', 'is active and private, and Tempest'),
                ('shared', 'fail', 'is active and shared, and Tempest'),
                ('community', 'pass', 'is active'),
                ('public', 'pass', 'is active')):
            self.cloud.image['visibility'] = visibility
            self.assert_found('image', outcome, words)
        self.cloud.image['visibility'] = 'private'
        self.config(group='auth', use_dynamic_credentials=False)
        self.assert_found('image', 'pass', 'is active')

    def test_without_glance(self):
        self.config(group='service_available', glance=False)
        self.assert_found('image', 'warn', 'glance is False')


class NetworkTest(whole_cloud.CloudCase):

    def test_network_of_one_project(self):
        """The projects that Tempest makes do not see it."""
        self.config(group='auth', create_isolated_networks=False)
        self.config(group='compute', fixed_network_name='net')
        for shared, outcome, words in ((True, 'pass', 'is ACTIVE'),
                                       (False, 'fail', 'is not shared')):
            self.cloud.networks[0]['shared'] = shared
            self.assert_found('network', outcome, words)
        self.config(group='auth', use_dynamic_credentials=False)
        self.assert_found('network', 'pass', 'is ACTIVE')

    def test_public_network(self):
        """A network for the routers of Tempest."""
        check = 'public network'
        self.assertNotIn(check, self.findings())
        self.config(group='network', public_network_id='ext')
        self.assert_found(check, 'fail', 'GET https://network.test/v2.0/'
                          'networks/ext: Object not found')
        for status, external, outcome, words in (
                ('ACTIVE', True, 'pass', 'is ACTIVE, and external'),
                ('DOWN', True, 'fail', 'is DOWN'),
                ('ACTIVE', False, 'fail', 'and not external')):
            self.cloud.public_network = {
                'name': 'ext', 'status': status, 'router:external': external}
            self.assert_found(check, outcome, words)


class ServicesOfCloudTest(whole_cloud.CloudCase):

    def test_scheduler_and_conductor(self):
        self.assertNotIn('nova-scheduler', self.findings())
        for binary in 'nova-scheduler', 'nova-conductor':
            for number, name in enumerate(('a', 'b')):
                self.cloud.add_service(name, 20 + number)
                self.cloud.service_of(name)['binary'] = binary
            self.assert_found(binary, 'pass', '2 of 2 are up')
            self.cloud.service_of('a')['forced_down'] = True
            self.assert_found(binary, 'pass', '1 of 2 are up')
            self.cloud.service_of('b')['forced_down'] = True
            self.assert_found(binary, 'fail', '0 of 2 are up')
            self.cloud.services = self.cloud.services[:2]


class FlavorOfResizesTest(whole_cloud.CloudCase):

    def setUp(self):
        super().setUp()
        self.config('compute', flavor_ref_alt='other')
        self.config('compute-feature-enabled', resize=True)

    def assert_other(self, outcome, words, **fields):
        self.cloud.other = dict({'disk': 1}, **fields)
        self.assert_found('flavor of resizes', outcome, words)
        if outcome == 'fail':
            self.assertIn('another flavor in [compute] flavor_ref_alt',
                          self.findings()['flavor of resizes'].to_do)

    def test_flavors(self):
        self.assert_other('pass', 'other: 1 DISK_GB')
        self.assert_other('fail', 'has no disk', disk=0)
        self.cloud.disk = 2
        self.assert_other('fail', 'has 1 GiB of disk, and flavor_ref has 2: '
                          'Nova shrinks no disk')
        self.cloud.other = None
        self.assert_found('flavor of resizes', 'fail', 'not found')

    def test_room(self):
        self.assert_other('pass', '999 VCPU', vcpus=999)
        self.assert_found('host cmp1', 'fail', 'has no room for 999 VCPU of '
                          'the flavor of resizes')

    def test_no_resizes(self):
        self.config('compute-feature-enabled', resize=False)
        self.cloud.other = None
        self.assertNotIn('flavor of resizes', self.findings())


class RoomTest(whole_cloud.CloudCase):

    def setUp(self):
        super().setUp()
        self.inventories = self.cloud.inventories[fake_cloud.uuid(11)]

    def test_no_room(self):
        for name in ('VCPU', 'DISK_GB'):
            self.inventories[name]['total'] = 0
        self.assert_found('host cmp1', 'fail', 'has no room for 1 DISK_GB, 1 '
                          'VCPU of the flavor')

    def test_traits(self):
        """Of the flavor, of the image, and of a compute that was enabled."""
        traits = self.cloud.traits[fake_cloud.uuid(11)]
        self.cloud.specs = {'trait:CUSTOM_FAST': 'required'}
        self.cloud.image['trait:CUSTOM_OLD'] = 'forbidden'
        self.assert_found(
            'host cmp1', 'fail', 'not the traits that flavor and image need '
            '(! means not to have): !COMPUTE_STATUS_DISABLED, !CUSTOM_OLD, '
            'CUSTOM_FAST')
        traits.add('CUSTOM_FAST')
        self.assert_found('host cmp1', 'pass', 'has room')
        for wrong in ('CUSTOM_OLD', fake_cloud.DISABLED_TRAIT):
            traits.add(wrong)
            self.assert_found('host cmp1', 'fail', 'not the traits')
            traits.discard(wrong)

    def test_trait_that_placement_does_not_know(self):
        def refuse(method, path):
            if path.startswith('allocation_candidates'):
                raise fake_cloud.Answer(400, {'errors': [
                    {'title': 'Bad Request', 'detail': 'No such trait'}]})

        self.cloud.before_answer = refuse
        self.assert_found('host cmp1', 'fail', 'No such trait')

    def test_groups_of_resources(self):
        """The parts are there, and no provider has a whole group."""
        self.cloud.specs = {'resources1:CUSTOM_A': '1',
                            'resources_b:CUSTOM_B': '2',
                            'trait1:CUSTOM_FAST': 'required',
                            'resources:VCPU': '0', 'hw:other': 'x'}
        for name in ('CUSTOM_A', 'CUSTOM_B'):
            self.inventories[name] = dict(self.inventories['VCPU'])
        self.assert_found('host cmp1', 'fail', 'not the traits')
        self.cloud.traits[fake_cloud.uuid(11)].add('CUSTOM_FAST')
        self.assert_found('host cmp1', 'pass', 'has room')
        self.assert_found('flavor', 'pass', 'tiny: 1 CUSTOM_A, 2 CUSTOM_B, 1 '
                          'DISK_GB, 64 MEMORY_MB')
        del self.inventories['CUSTOM_B']
        self.assert_found('host cmp1', 'fail', 'has no room for 1 CUSTOM_A, 2 '
                          'CUSTOM_B, 1 DISK_GB, 64 MEMORY_MB of the flavor '
                          'together')

    def test_shared_disk(self):
        """A provider of another tree gives it, which in_tree hides."""
        del self.inventories['DISK_GB']
        self.assert_found('host cmp1', 'fail', 'no room for 1 DISK_GB')
        self.cloud.add_provider(99, 'shared')
        self.assert_found('host cmp1', 'fail', 'no room for 1 DISK_GB')
        self.cloud.traits[fake_cloud.uuid(99)].add(fake_cloud.SHARING_TRAIT)
        self.assert_found('host cmp1', 'pass', 'has room')

    def test_old_placement_has_no_candidates(self):
        self.cloud.placement_offered = '1.30'
        self.inventories['VCPU']['total'] = 0
        self.assert_found('host cmp1', 'warn', 'nobody asked whether it has '
                          'room')


class SchedulingTest(whole_cloud.CloudCase):

    def test_other_default_zone(self):
        """Only nova.conf tells where servers go that name no zone."""
        self.assert_found('availability zone', 'pass', 'are in nova')
        self.cloud.service_of('cmp1')['zone'] = 'far'
        found = self.findings()['availability zone']
        self.assertEqual(
            ('warn', 'target hosts are in far, and the hosts of the cloud in '
             'far, nova'), (found.outcome, found.found))
        self.assertIn('default_schedule_zone', found.to_do)
        self.config(availability_zone='nova')
        self.assert_found('availability zone', 'fail', 'servers ask for nova, '
                          'and target hosts are in far')
        self.assert_found('host cmp1', 'warn', 'in the availability zone far')
        self.config(availability_zone='far')
        self.assert_found('availability zone', 'pass', 'ask for far')
        self.assert_found('host cmp1', 'pass', 'may be taken down now')

    def test_aggregate_of_other_projects(self):
        self.cloud.aggregates = [('fast', ['cmp1']), ('ours', ['cmp1']),
                                 ('else', ['cmp2'])]
        self.cloud.aggregate_metadata = {
            'fast': {'ssd': 'true'}, 'else': {'filter_tenant_id': 'c'}}
        self.assert_found('host cmp1', 'pass', 'has room')
        self.cloud.aggregate_metadata['ours'] = {'filter_tenant_id': 'b, a',
                                                 'filter_tenant_id7': 'x'}
        self.assert_found('host cmp1', 'fail', 'is in aggregate ours, which '
                          'is only for the projects a, b, x')
        self.config(group='auth', use_dynamic_credentials=False)
        # The id of each project of this cloud.
        self.assert_found('host cmp1', 'pass', 'has room')

    def test_aggregates_of_an_odd_form(self):
        """Without the schema of Tempest, as in a run of the command."""
        for metadata, projects in ((None, set()), ({'a': None}, set()),
                                   ({'filter_tenant_id': 7}, {'7'})):
            self.assertEqual(projects, scheduling._tenants(
                {'name': 'a', 'hosts': [], 'metadata': metadata}))


class ReadingTest(whole_cloud.CloudCase):

    def answer(self, wanted, given):
        def before_answer(method, path):
            if path.partition('?')[0] == wanted:
                raise given

        self.cloud.before_answer = before_answer

    def test_answers_that_no_scenario_can_use(self):
        not_found = fake_cloud.Answer(404, {'itemNotFound': {'message': 'x'}})
        for path, given, words in (
                ('limits', fake_cloud.Answer(200, {'limits': {}}), 'absolute'),
                ('limits', fake_cloud.Answer(403, {'forbidden': {
                    'message': 'no'}}), 'no'),
                ('v2.0/ports', fake_cloud.Answer(200, {'ports': [{}]}),
                 'is a required property'),
                # The type in the catalog is of another service, or version.
                # Tempest 42 has no words of its own for 406.
                ('volumes/detail', not_found, 'Object not found'),
                ('attachments/detail', fake_cloud.Answer(
                    406, {'message': '3.27 is too new'}),
                 'GET https://block-storage.test/attachments/detail: '),
                ('os-server-groups', not_found, 'Object not found'),
                ('usages', not_found, 'Object not found'),
                ('resource_providers/%s/usages' % fake_cloud.uuid(11),
                 fake_cloud.Answer(200, {'usages': {}}), 'generation')):
            self.answer(path, given)
            for dynamic, name in ((True, 'reading as admin'),
                                  (False, 'reading as joe in p')):
                self.config(group='auth', use_dynamic_credentials=dynamic)
                self.assert_found(name, 'fail', words)
        self.assert_only_reads()

    def test_image_that_the_member_does_not_see(self):
        self.config(group='auth', use_dynamic_credentials=False)
        self.assert_found('reading as joe in p', 'pass', 'works')
        self.cloud.unseen['joe'] = ('v2/images/image',)
        self.assert_found('reading as joe in p', 'fail', 'the image image is '
                          'not there')
        self.assert_found('image', 'pass', 'cirros is active')

    def test_network_that_the_member_does_not_see(self):
        self.config(group='auth', use_dynamic_credentials=False)
        self.config(group='compute', fixed_network_name='net')
        self.assert_found('reading as joe in p', 'pass', 'works')
        self.cloud.unseen['joe'] = ('v2.0/networks',)
        self.assert_found('reading as joe in p', 'fail', 'net')
        self.assert_found('network', 'pass', 'net is ACTIVE')


class UnknownConsumerTest(whole_cloud.CloudCase):
    """A leak on the host keeps it from being taken down."""

    def setUp(self):
        super().setUp()
        self.cloud.hold(2, 11, VCPU=1)
        self.unknown = fake_cloud.uuid(2)

    def test_leak(self):
        self.assert_found('host cmp1', 'warn', 'Nova knows no server and no '
                          'migration of: %s' % self.unknown)
        to_do = self.findings()['host cmp1'].to_do
        self.assertIn('openstack resource provider allocation show', to_do)
        self.assertIn('nova-manage placement audit', to_do)

    def assert_known(self):
        found = self.findings()['host cmp1']
        self.assertNotIn('no migration', found.found)
        self.assertIn(self.unknown, found.found)

    def test_server_and_migration_and_soft_deleted_server(self):
        for state, host in (('ACTIVE', 'cmp1'), ('SOFT_DELETED', None)):
            self.cloud.servers[self.unknown] = state
            self.cloud.hosts[self.unknown] = host
            self.assert_known()
        self.cloud.servers.clear()
        self.cloud.migrations = [{
            'uuid': self.unknown, 'status': 'finished',
            'instance_uuid': fake_cloud.uuid(3), 'source_compute': 'cmp1',
            'dest_compute': 'cmp2'}]
        self.assert_known()


class EndpointTest(whole_cloud.CloudCase):

    def test_other_type_in_the_catalog(self):
        self.cloud.urls['volumev3'] = self.cloud.urls.pop('block-storage')
        self.assert_found('endpoint volume', 'fail', 'of type block-storage')
        to_do = self.findings()['endpoint volume'].to_do
        self.assertIn('set catalog_type', to_do)
        self.assertIn('[volume]', to_do)
        self.assertIn('volumev3', to_do)

    def test_other_region(self):
        """Tempest then takes the first endpoint of the service."""
        self.cloud.region = 'RegionTwo'
        found = [one for one in checks.Checks([]).run()
                 if one.check == 'endpoint compute' and one.outcome == 'warn']
        self.assertEqual(
            ['the catalog has no public endpoint in region RegionOne, so '
             'Tempest takes another: public in RegionTwo'],
            [one.found for one in found])
        self.assertIn('set [identity] region', found[0].to_do)

    def test_service_that_is_busy_or_broken(self):
        """No other flavor would help."""
        for status in 429, 503:
            def answer(method, path, status=status):
                if path == 'flavors/flavor':
                    raise fake_cloud.Answer(status, {})

            self.cloud.before_answer = answer
            found = self.findings()['flavor']
            self.assertEqual('fail', found.outcome)
            self.assertIn('call preflight again', found.to_do)


class HeartbeatsOfCloudTest(whole_cloud.CloudCase):

    def test_long_service_down_time(self):
        """DevStack's is 720 s: a stopped scenario failed after 469 s."""
        self.cloud.service_down_time = 720
        self.cloud.is_running = lambda host: host != 'cmp1'
        self.cloud._now += 100
        found = self.findings()['heartbeats: service_down_timeout']
        self.assertEqual('warn', found.outcome, found)
        self.assertIn('nova-compute on cmp1 is up, and was last heard of 1',
                      found.found)
        self.cloud._now += 100
        self.assert_found('heartbeats: service_down_timeout', 'fail',
                          'is above that; service_down_timeout is 180 s')

    def test_compute_of_the_proxy_without_a_clock(self):
        """The newest heartbeat then tells the time."""
        answer = self.cloud.answer

        def without_date(*request):
            head, body = answer(*request)
            head.pop('date')
            return head, body

        self.cloud.answer = without_date
        self.cloud.service_down_time = 720
        self.cloud.is_running = lambda host: host != 'cmp1'
        self.cloud._now += 300
        self.assert_found('heartbeats: service_down_timeout', 'fail', 'cmp1')
        self.assert_found('heartbeats: service_up_timeout', 'fail', 'cmp1')


class HeartbeatsTest(base.TestCase):

    def outcomes(self, **silences):
        return [found.outcome for found in heartbeats.check(silences)]

    def test_limits(self):
        self.config(compute_stop_command='true {host}',
                    service_down_timeout=180, service_up_timeout=300)
        for silent, expected in ((9, ['pass', 'pass']), (30, ['pass', 'pass']),
                                 (31, ['warn', 'pass']),
                                 (120, ['warn', 'pass']),
                                 (150, ['warn', 'fail']),
                                 (180, ['fail', 'fail'])):
            self.assertEqual(expected, self.outcomes(a=1, b=silent), silent)
        self.assertEqual([], self.outcomes())
        self.config(compute_stop_command=None)
        self.assertEqual(['pass'], self.outcomes(a=149))

    def test_guess(self):
        for silences, expected in (
                ({}, pace.OF_NOVA), ({'a': 3}, pace.OF_NOVA),
                ({'a': 0.5, 'b': 1.5, 'c': 1}, pace.Pace(2, 12)),
                ({'a': 90, 'b': 30, 'c': 60}, pace.Pace(120, 720)),
                ({'a': 0, 'b': 0, 'c': 0}, pace.Pace(1, 6))):
            self.assertEqual(expected, heartbeats.guess(silences))


class ServicesTest(base.TestCase):

    def test_times_that_cannot_be_read(self):
        cloud = fake_cloud.FakeCloud()
        for number, host in enumerate(('a', 'b', 'c')):
            cloud.add_compute(host, number)
        services = cloud.compute_services()
        answer = {'services': [
            {'host': host, 'state': state, 'forced_down': forced,
             'updated_at': moment} for host, state, forced, moment in (
                 ('a', 'up', False, '2026-01-01T00:00:00.000000'),
                 ('b', 'up', False, None), ('c', 'up', False, 'soon'),
                 ('d', 'up', False, '2026-01-01T00:00:30Z'),
                 ('e', 'down', False, '2026-01-01T00:00:00.000000'),
                 ('f', 'up', True, '2026-01-01T00:00:00.000000'))]}
        for date, expected in (
                ('Thu, 01 Jan 2026 00:01:00 GMT', {'a': 60, 'd': 30}),
                ('nonsense', {'a': 30, 'd': 0}), (None, {'a': 30, 'd': 0})):
            listed = type('Listed', (dict,), {'response': {
                'date': date} if date else {}})(answer)
            self.patch(services, '_list_services',
                       lambda listed=listed, **filters: listed)
            self.assertEqual(expected, services.silences())
