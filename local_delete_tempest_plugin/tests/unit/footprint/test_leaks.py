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

from local_delete_tempest_plugin.footprint import leaks
from local_delete_tempest_plugin.footprint import reader
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

uuid = fake_cloud.uuid

HOST, NESTED, OTHER_HOST = 1, 2, 3
SERVER, RENAMED, FOREIGN, SECOND = 11, 12, 13, 14


class Story(base.TestCase):
    """Readings before, during and after a server, told on a cloud."""

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.cloud = fake_cloud.FakeCloud()
        target = self.cloud.add_compute('cmp1', HOST)
        self.cloud.add_provider(NESTED, 'cmp1.test_pci', root=HOST)
        self.cloud.add_compute('cmp2', OTHER_HOST)
        self.made = set()
        self.config('service_available', neutron=False, cinder=False)
        this_run = run.Run(servers=self.made)
        self.reader = reader.Reader(
            self.cloud.admin(), self.cloud.member(), [target], 'ours',
            this_run)

    def begin(self):
        self.before = self.reader.read(own=())

    def create(self):
        self.made.add(uuid(SERVER))
        self.cloud.servers[uuid(SERVER)] = 'ACTIVE'
        self.cloud.hold(SERVER, HOST, VCPU=1, MEMORY_MB=512)
        self.cloud.hold(SERVER, NESTED, PCI=1)
        self.during = self.read()

    def delete(self):
        del self.cloud.allocations[uuid(SERVER)]
        self.cloud.servers[uuid(SERVER)] = 'deleted'

    def read(self):
        return self.reader.read(
            own=[uuid(SERVER)], known=self.before,
            since='2026-01-01T00:00:00Z')

    def leaks(self):
        """Name what find_leaks finds, as short as a test can read it."""
        self.after = self.read()
        return [
            (leak.seen_by, number(leak.consumer), number(leak.provider),
             leak.resource_class, leak.before, leak.during, leak.after)
            for leak in leaks.find_leaks(
                self.before, self.during, self.after, 'ours')]


def number(consumer_or_provider):
    return consumer_or_provider and int(consumer_or_provider[:8])


class FindLeaksTest(Story):

    def test_nothing_left(self):
        self.begin()
        self.create()
        self.delete()
        self.assertEqual([], self.leaks())

    def test_left_on_the_host(self):
        self.begin()
        self.create()
        self.assertEqual([
            ('consumer', SERVER, HOST, 'MEMORY_MB', 0, 512, 512),
            ('consumer', SERVER, HOST, 'VCPU', 0, 1, 1),
            ('consumer', SERVER, NESTED, 'PCI', 0, 1, 1),
            ('provider', SERVER, HOST, 'MEMORY_MB', 0, 512, 512),
            ('provider', SERVER, HOST, 'VCPU', 0, 1, 1),
            ('provider', SERVER, NESTED, 'PCI', 0, 1, 1),
            ('project', None, None, 'MEMORY_MB', 0, 512, 512),
            ('project', None, None, 'PCI', 0, 1, 1),
            ('project', None, None, 'VCPU', 0, 1, 1),
            ('limits', None, None, 'totalCoresUsed', 0, 1, 1),
            ('limits', None, None, 'totalInstancesUsed', 0, 1, 1),
            ('limits', None, None, 'totalRAMUsed', 0, 512, 512)],
            self.leaks())

    def test_part_left(self):
        self.begin()
        self.create()
        self.delete()
        self.cloud.hold(SERVER, NESTED, PCI=1)
        self.assertEqual([
            ('consumer', SERVER, NESTED, 'PCI', 0, 1, 1),
            ('provider', SERVER, NESTED, 'PCI', 0, 1, 1),
            ('project', None, None, 'PCI', 0, 1, 1)], self.leaks())

    def test_moved_to_a_provider_of_another_tree(self):
        self.begin()
        self.create()
        self.delete()
        self.cloud.hold(SERVER, OTHER_HOST, VCPU=1)
        self.assertEqual([
            ('consumer', SERVER, OTHER_HOST, 'VCPU', 0, 0, 1),
            ('project', None, None, 'VCPU', 0, 1, 1)], self.leaks())

    def test_renamed_to_another_consumer(self):
        """As a migration holds what was a server's."""
        self.begin()
        self.create()
        self.delete()
        self.cloud.hold(RENAMED, HOST, VCPU=1)
        self.assertEqual([
            ('provider', RENAMED, HOST, 'VCPU', 0, 0, 1),
            ('project', None, None, 'VCPU', 0, 1, 1)], self.leaks())

    def test_renamed_and_moved(self):
        self.begin()
        self.create()
        self.delete()
        self.cloud.hold(RENAMED, OTHER_HOST, VCPU=1)
        self.assertEqual([('project', None, None, 'VCPU', 0, 1, 1)],
                         self.leaks())

    def test_foreign_consumers_come_go_and_grow(self):
        self.cloud.hold(21, HOST, 'theirs', VCPU=1)
        self.cloud.hold(22, HOST, 'theirs', VCPU=1)
        self.cloud.servers.update({uuid(22): 'unchanged',
                                   uuid(23): 'SOFT_DELETED'})
        self.begin()
        self.create()
        self.cloud.hold(23, HOST, 'theirs', VCPU=4)
        self.delete()
        del self.cloud.allocations[uuid(21)]
        self.cloud.hold(22, HOST, 'theirs', VCPU=2)
        self.cloud.hold(22, NESTED, 'theirs', PCI=1)
        self.cloud.hold(24, NESTED, 'theirs', PCI=1)
        self.cloud.migrations = [{
            'uuid': uuid(24), 'instance_uuid': uuid(23), 'status': 'finished',
            'source_compute': 'cmp1', 'dest_compute': 'cmp2'}]
        self.assertEqual([], self.leaks())
        self.assertEqual(frozenset(), self.after.unknown)

    def test_left_under_another_project(self):
        """Nobody's server can land on a leased host."""
        self.cloud.hold(21, HOST, 'theirs', VCPU=1)
        self.begin()
        self.create()
        self.delete()
        self.cloud.hold(RENAMED, HOST, 'theirs', VCPU=1)
        self.cloud.hold(21, NESTED, 'theirs', PCI=1)
        seen_by = ('provider, under project theirs; Nova knows no such server '
                   'or migration')
        self.assertEqual([(seen_by, RENAMED, HOST, 'VCPU', 0, 0, 1),
                          (seen_by, 21, NESTED, 'PCI', 0, 0, 1)],
                         self.leaks())

    def test_what_nova_does_not_know_may_be_cleaned_up(self):
        self.cloud.hold(21, HOST, 'theirs', VCPU=2)
        self.begin()
        self.create()
        self.delete()
        del self.cloud.allocations[uuid(21)]
        self.cloud.hold(21, HOST, 'theirs', VCPU=1)
        self.assertEqual([], self.leaks())

    def test_leak_beside_foreign_consumers(self):
        self.cloud.hold(21, HOST, 'theirs', VCPU=1)
        self.begin()
        self.create()
        del self.cloud.allocations[uuid(21)]
        self.cloud.hold(22, HOST, 'theirs', VCPU=1)
        self.assertIn(('provider', SERVER, HOST, 'VCPU', 0, 1, 1),
                      self.leaks())

    def test_consumer_that_vanishes_before_it_is_looked_up(self):
        self.begin()
        self.create()
        self.delete()
        self.cloud.hold(FOREIGN, HOST, VCPU=1)

        def vanish(method, path):
            if path == 'allocations/' + uuid(FOREIGN):
                self.cloud.allocations.pop(uuid(FOREIGN), None)

        self.cloud.before_answer = vanish
        self.assertNotIn('provider', [leak[0] for leak in self.leaks()])
        self.assertEqual({uuid(FOREIGN): None}, self.after.owners)
        self.assertEqual([], self.leaks())

    def test_another_server_of_the_project(self):
        """Its share of the project's total is not known, so none counts."""
        for comes in ('before', 'meanwhile', 'and goes'):
            self.cloud.allocations.clear()
            self.cloud.servers.clear()
            if comes == 'before':
                self.cloud.servers[uuid(SECOND)] = 'unchanged'
            self.begin()
            self.create()
            self.delete()
            self.cloud.servers.setdefault(
                uuid(SECOND), 'deleted' if comes == 'and goes' else 'ACTIVE')
            self.cloud.hold(SECOND, HOST, VCPU=2)
            self.assertEqual([], self.leaks(), comes)

    def test_servers_that_the_run_made_are_no_other_servers(self):
        """What an earlier attempt left comes to light in a later one."""
        self.made.add(uuid(SECOND))
        self.begin()
        self.create()
        self.delete()
        self.cloud.servers[uuid(SECOND)] = 'deleted'
        self.cloud.hold(SECOND, HOST, VCPU=1)
        self.assertEqual([
            ('provider', SECOND, HOST, 'VCPU', 0, 0, 1),
            ('project', None, None, 'VCPU', 0, 1, 1)], self.leaks())

    def test_less_than_before_is_a_difference_too(self):
        self.cloud.hold(RENAMED, HOST, VCPU=2)
        self.cloud.hold(RENAMED, NESTED, PCI=1)
        self.begin()
        self.create()
        self.delete()
        del self.cloud.allocations[uuid(RENAMED)]
        self.cloud.hold(RENAMED, HOST, VCPU=1)
        self.assertEqual([
            ('provider', RENAMED, HOST, 'VCPU', 2, 2, 1),
            ('provider', RENAMED, NESTED, 'PCI', 1, 1, 0),
            ('project', None, None, 'PCI', 1, 2, 0),
            ('project', None, None, 'VCPU', 2, 3, 1)], self.leaks())

    def test_missing_afterwards_is_a_difference_too(self):
        self.cloud.hold(RENAMED, HOST, VCPU=2)
        self.begin()
        self.create()
        self.delete()
        del self.cloud.allocations[uuid(RENAMED)]
        self.assertIn(('project', None, None, 'VCPU', 2, 3, 0), self.leaks())


class MiscountsTest(Story):
    """The usages of a provider and the sum of its allocations."""

    def miscounts(self):
        self.after = self.read()
        return [
            (found.when, number(found.provider), found.resource_class,
             found.usages, found.allocations)
            for found in leaks.find_leaks(
                self.before, self.during, self.after, 'ours')
            if isinstance(found, leaks.Miscount)]

    def test_usages_left(self):
        self.begin()
        self.create()
        self.delete()
        self.cloud.uncounted = {uuid(NESTED): {'PCI': 1}}
        self.assertEqual([('after', NESTED, 'PCI', 1, 0)], self.miscounts())

    def test_usages_that_do_not_rise(self):
        self.cloud.uncounted = {uuid(HOST): {'VCPU': 0}}
        self.begin()
        self.cloud.uncounted = {uuid(HOST): {'VCPU': -1, 'MEMORY_MB': -512}}
        self.create()
        self.delete()
        self.cloud.uncounted = {}
        self.assertEqual([('during', HOST, 'MEMORY_MB', 0, 512),
                          ('during', HOST, 'VCPU', 0, 1)], self.miscounts())

    def test_usages_that_were_wrong_before(self):
        self.cloud.uncounted = {uuid(HOST): {'VCPU': 2}}
        self.begin()
        self.create()
        self.delete()
        self.assertEqual([('before', HOST, 'VCPU', 2, 0),
                          ('during', HOST, 'VCPU', 3, 1),
                          ('after', HOST, 'VCPU', 2, 0)], self.miscounts())

    def test_foreign_consumers_are_counted(self):
        self.cloud.hold(FOREIGN, HOST, 'theirs', VCPU=4)
        self.begin()
        self.create()
        self.delete()
        del self.cloud.allocations[uuid(FOREIGN)]
        self.assertEqual([], self.miscounts())

    def test_change_between_the_two_requests(self):
        self.begin()
        self.create()
        self.delete()
        comings = iter(range(21, 24))

        def come(method, path):
            if path.endswith('/usages'):
                for consumer in comings:
                    self.cloud.servers[uuid(consumer)] = 'unchanged'
                    self.cloud.hold(consumer, HOST, 'theirs', VCPU=1)
                    break

        self.cloud.before_answer = come
        self.assertEqual([], self.miscounts())


class RemnantsTest(Story):
    """Ports, volumes and the like, as the member and the admin see them."""

    UNBOUND = ("binding:host_id '', binding:profile '', device_id '', "
               "device_owner '', dns_name ''")

    def setUp(self):
        super().setUp()
        self.config('service_available', neutron=True, cinder=True)
        self.cloud.ports = [self.port(31, 21), self.port(32)]
        self.reader.tracked |= {('port', uuid(32)), ('volume', uuid(41)),
                                ('floating IP', uuid(51)),
                                ('server group', uuid(61))}
        self.cloud.volumes = [fake_cloud.cinder_volume(41, 'available')]
        self.cloud.floating_ips = [self.floating_ip(51, 32)]
        self.cloud.server_groups = [{'id': uuid(61), 'members': []}]
        self.begin()

    @staticmethod
    def port(number, device=None, host='', **fields):
        return {'id': uuid(number), 'device_id': uuid(device) if device
                else '', 'device_owner': 'compute:nova' if device else '',
                'binding:host_id': host, 'binding:profile': {}, **fields}

    @staticmethod
    def floating_ip(number, port=None):
        return {'id': uuid(number), 'port_id': port and uuid(port),
                'fixed_ip_address': port and '10.0.0.1'}

    def create(self):
        self.cloud.ports[1:] = [self.port(32, SERVER, 'cmp1'),
                                self.port(33, SERVER, 'cmp1')]
        self.cloud.volumes = [fake_cloud.cinder_volume(41, 'in-use', SERVER),
                              fake_cloud.cinder_volume(42, 'in-use', SERVER),
                              fake_cloud.cinder_volume(43, 'in-use', FOREIGN)]
        self.cloud.attachments = [
            {'id': uuid(71), 'instance': uuid(SERVER), 'volume_id': uuid(41)},
            {'id': uuid(72), 'instance': uuid(FOREIGN),
             'volume_id': uuid(43)}]
        self.cloud.server_groups[0]['members'].append(uuid(SERVER))
        super().create()

    def delete(self):
        self.cloud.ports[1:] = [self.port(32)]
        self.cloud.volumes = [fake_cloud.cinder_volume(41, 'available')]
        self.cloud.attachments = []
        self.cloud.server_groups[0]['members'].clear()
        super().delete()

    def words(self, gone=()):
        return [str(leak) for leak in leaks.find_leaks(
            self.before, self.during, self.read(), 'ours', gone)]

    def test_nothing_left(self):
        self.create()
        self.delete()
        self.assertEqual([], self.words())

    def test_what_the_server_had_is_followed(self):
        self.create()
        self.assertEqual(
            {('port', uuid(32)), ('port', uuid(33)), ('volume', uuid(41)),
             ('volume', uuid(42)), ('volume attachment', uuid(71)),
             ('floating IP', uuid(51)), ('server group', uuid(61))},
            set(self.during.resources))

    def test_what_is_on_later_pages_is_followed(self):
        self.create()
        for listed in (self.cloud.ports, self.cloud.volumes,
                       self.cloud.attachments, self.cloud.floating_ips,
                       self.cloud.server_groups):
            # Foreign ones.
            listed[:0] = [dict(listed[0], id=uuid(100 + number), **{
                field: '' for field in ('device_id', 'instance')
                if field in listed[0]}) for number in range(3)]
        for volume in self.cloud.volumes[:3]:
            volume['attachments'] = []
        self.cloud.page_size = 2
        self.assertEqual(self.during.resources, self.read().resources)

    def test_servers_on_later_pages_are_known(self):
        self.cloud.servers.update(dict.fromkeys(
            [uuid(number) for number in range(201, 206)], 'ACTIVE'))
        self.create()
        self.cloud.page_size = 2
        self.assertEqual(self.during.other_servers,
                         self.read().other_servers)
        self.assertEqual(5, len(self.read().other_servers))

    def test_port_of_nova_left_without_a_server(self):
        self.create()
        self.delete()
        self.cloud.ports.append(self.port(33))
        self.assertEqual(
            ["port %s is left: during binding:host_id 'cmp1', binding:profile "
             "'', device_id %r, device_owner 'compute:nova', dns_name '', "
             "after %s" % (uuid(33), uuid(SERVER), self.UNBOUND)],
            self.words())

    def test_port_of_the_user(self):
        self.create()
        self.delete()
        self.cloud.ports[1:] = [self.port(32, host='cmp1')]
        self.assertEqual(
            ["port %s: binding:host_id before '', during 'cmp1', after "
             "'cmp1'" % uuid(32)], self.words())
        self.cloud.ports[1:] = []
        self.assertEqual(
            ['port %s is gone, and should be there as before: %s' % (
                uuid(32), self.UNBOUND)], self.words())

    def test_port_of_the_user_that_keeps_what_nova_gave_it(self):
        self.create()
        self.delete()
        for field, left in (('device_owner', 'compute:nova'),
                            ('binding:profile', {'migrating_to': 'cmp2'}),
                            ('dns_name', 'server')):
            self.cloud.ports[1:] = [self.port(32, **{field: left})]
            self.assertEqual(1, len(self.words()), field)
            self.assertIn("%s before ''" % field, self.words()[0])
            self.assertIn('after %r' % left, self.words()[0])

    def test_port_that_neutron_shows_without_what_it_has_not(self):
        self.create()
        self.delete()
        self.cloud.ports[1:] = [self.port(32, host=None, dns_name=None, **{
            'binding:profile': None})]
        self.assertEqual([], self.words())

    def test_floating_ip_that_lost_its_port(self):
        self.create()
        self.delete()
        self.cloud.floating_ips = [self.floating_ip(51)]
        self.assertEqual(1, len(self.words()))
        self.assertIn('floating IP %s: fixed_ip_address before' % uuid(51),
                      self.words()[0])

    def test_volume_that_should_go_or_stay(self):
        self.create()
        self.delete()
        gone = {('volume', uuid(41))}
        self.assertEqual(
            ["volume %s: should be gone, and is left as it was before: "
             "status 'available'" % uuid(41)], self.words(gone))
        self.cloud.volumes = [fake_cloud.cinder_volume(41, 'in-use', SERVER)]
        self.assertEqual(
            ["volume %s: status before 'available', during 'in-use', after "
             "'in-use'" % uuid(41)], self.words())
        self.cloud.volumes = []
        self.assertEqual([], self.words(gone))
        self.assertEqual(1, len(self.words()))

    def test_attachment_and_group_member_left(self):
        self.create()
        kept = list(self.cloud.attachments)
        self.delete()
        self.cloud.attachments = kept
        self.cloud.server_groups[0]['members'].append(uuid(SERVER))
        group, attachment = self.words()
        self.assertIn('members before [], during [%r], after [%r]' % (
            uuid(SERVER), uuid(SERVER)), group)
        self.assertIn('volume attachment %s is left' % uuid(71), attachment)

    def test_readings_can_be_attached_to_a_test(self):
        self.create()
        self.assertIn('port %s' % uuid(33), json.dumps(self.during.as_json()))


class ReaderTest(Story):

    def test_reading(self):
        self.cloud.hold(FOREIGN, NESTED, 'theirs', PCI=1)
        self.begin()
        self.create()
        held = {'VCPU': 1, 'MEMORY_MB': 512}
        self.assertEqual(
            {'by_consumer': {uuid(SERVER): {uuid(HOST): held,
                                            uuid(NESTED): {'PCI': 1}}},
             'by_provider': {
                 uuid(HOST): {uuid(SERVER): held},
                 uuid(NESTED): {uuid(SERVER): {'PCI': 1},
                                uuid(FOREIGN): {'PCI': 1}}},
             'by_project': dict(held, PCI=1), 'owners': {}, 'unknown': [],
             'provider_usages': {uuid(HOST): held, uuid(NESTED): {'PCI': 2}},
             'limits': {'totalInstancesUsed': 1, 'totalCoresUsed': 1,
                        'totalRAMUsed': 512},
             'other_servers': [], 'resources': {}},
            json.loads(json.dumps(self.during.as_json())))
        self.assertEqual({uuid(HOST): 'cmp1.test',
                          uuid(NESTED): 'cmp1.test_pci'},
                         self.reader.provider_names)

    def test_only_changed_consumers_are_looked_up(self):
        """A busy host has many; each look-up is a request."""
        for consumer in range(20, 30):
            self.cloud.hold(consumer, HOST, 'theirs', VCPU=1)
        self.begin()
        self.create()
        self.cloud.hold(25, HOST, 'theirs', VCPU=2)
        self.cloud.hold(30, NESTED, 'theirs', PCI=1)
        self.cloud.requests.clear()
        self.assertEqual({uuid(25): 'theirs', uuid(30): 'theirs'},
                         self.read().owners)
        # They are looked up side by side.
        self.assertCountEqual(
            ['GET allocations/' + uuid(consumer)
             for consumer in (SERVER, 25, 30)],
            [call for call in self.cloud.calls() if ' allocations/' in call])

    def test_quota_driver_that_counts_nothing(self):
        """NoopQuotaDriver answers -1 for limits and for what is in use."""
        _, limits = self.cloud._show_limits({})
        absolute = limits['limits']['absolute']

        def noop(method, path):
            if path == 'limits':
                raise fake_cloud.Answer(200, {'limits': {
                    'rate': [], 'absolute': dict.fromkeys(absolute, -1)}})

        self.cloud.before_answer = noop
        self.begin()
        self.create()
        self.assertEqual({-1}, set(self.during.limits.values()))
        self.delete()
        self.assertEqual([], self.leaks())

    def test_volume_that_is_attached_to_a_host(self):
        """Cinder then has null for the server of the attachment."""
        self.config('service_available', cinder=True)
        self.cloud.volumes = [
            fake_cloud.cinder_volume(43, 'in-use', FOREIGN),
            fake_cloud.cinder_volume(41, 'in-use', SERVER)]
        self.cloud.volumes[0]['attachments'][0]['server_id'] = None
        self.begin()
        self.create()
        self.assertEqual({('volume', uuid(41))}, set(self.during.resources))

    def test_deleted_servers_are_asked_for(self):
        self.begin()
        self.create()
        asked = [call for call in self.cloud.calls() if ' servers' in call]
        self.assertEqual(
            ['GET servers',
             'GET servers?changes-since=2026-01-01T00%3A00%3A00Z'], asked)


class InShortTest(Story):

    def in_short(self):
        return leaks.in_short(leaks.find_leaks(
            self.before, self.during, self.read(), 'ours'))

    def test_one_amount_of_several_views(self):
        self.begin()
        self.create()
        self.delete()
        self.cloud.hold(SERVER, NESTED, PCI=1)
        self.assertEqual([('1 PCI', uuid(NESTED), uuid(SERVER))],
                         self.in_short())

    def test_what_only_the_project_shows(self):
        self.begin()
        self.create()
        self.delete()
        self.cloud.hold(RENAMED, OTHER_HOST, VCPU=1)
        self.assertEqual([('1 VCPU', '', '')], self.in_short())

    def test_usages_without_an_allocation(self):
        self.begin()
        self.create()
        self.delete()
        self.cloud.uncounted = {uuid(HOST): {'VCPU': 1}}
        self.assertEqual([('1 VCPU without an allocation', uuid(HOST), '')],
                         self.in_short())

    def test_ports(self):
        was = {'status': 'ACTIVE'}
        for before, after, words in (
                (None, was, ''), (was, None, ' (gone)'),
                (was, {'status': 'DOWN'}, ' (changed)')):
            self.assertEqual([('port 7' + words, '', '')], leaks.in_short(
                [leaks.Remnant('port', '7', before, was, after)]))


class DescribeLeaksTest(Story):

    def describe(self):
        return leaks.describe_leaks(
            leaks.find_leaks(self.before, self.during, self.read(),
                             'ours'),
            self.reader.provider_names, 'ours')

    def test_words(self):
        self.begin()
        self.create()
        self.delete()
        self.cloud.hold(SERVER, NESTED, PCI=1)
        self.cloud.hold(SERVER, OTHER_HOST, VCPU=1)
        self.assertEqual('\n'.join((
            'consumer %s on provider cmp1.test_pci (%s): PCI before 0, '
            'during 1, after 1 (seen by consumer and provider)' % (
                uuid(SERVER), uuid(NESTED)),
            "consumer %s on provider outside the hosts' trees (%s): VCPU "
            'before 0, during 0, after 1 (seen by consumer)' % (
                uuid(SERVER), uuid(OTHER_HOST)),
            'project ours: PCI before 0, during 1, after 1 (seen by project)',
            'project ours: VCPU before 0, during 1, after 1 (seen by '
            'project)')), self.describe())

    def test_words_for_usages_and_another_project(self):
        self.begin()
        self.create()
        self.delete()
        self.cloud.hold(RENAMED, HOST, 'theirs', VCPU=1)
        self.cloud.uncounted = {uuid(HOST): {'VCPU': 1}}
        self.assertEqual('\n'.join((
            'consumer %s on provider cmp1.test (%s): VCPU before 0, during 0, '
            'after 1 (seen by provider, under project theirs; Nova knows no '
            'such server or migration)' % (uuid(RENAMED), uuid(HOST)),
            'provider cmp1.test (%s): VCPU: its usages count 2, and its '
            'allocations add up to 1 (after the delete)' % uuid(HOST))),
            self.describe())

    def test_no_leaks_no_words(self):
        self.begin()
        self.create()
        self.delete()
        self.assertEqual('', self.describe())
