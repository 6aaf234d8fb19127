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

from local_delete_tempest_plugin import footprint
from local_delete_tempest_plugin import reader
from local_delete_tempest_plugin import run
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
            for leak in footprint.find_leaks(
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
        self.begin()
        self.create()
        self.cloud.hold(23, HOST, 'theirs', VCPU=4)
        self.delete()
        del self.cloud.allocations[uuid(21)]
        self.cloud.hold(22, HOST, 'theirs', VCPU=2)
        self.cloud.hold(22, NESTED, 'theirs', PCI=1)
        self.cloud.hold(24, NESTED, 'theirs', PCI=1)
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
             'by_project': dict(held, PCI=1), 'owners': {},
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
        self.assertEqual(
            ['GET allocations/' + uuid(consumer)
             for consumer in (SERVER, 25, 30)],
            [call for call in self.cloud.calls() if ' allocations/' in call])

    def test_deleted_servers_are_asked_for(self):
        self.begin()
        self.create()
        asked = [call for call in self.cloud.calls() if ' servers' in call]
        self.assertEqual(
            ['GET servers',
             'GET servers?changes-since=2026-01-01T00%3A00%3A00Z'], asked)


class DescribeLeaksTest(Story):

    def describe(self):
        return footprint.describe_leaks(
            footprint.find_leaks(self.before, self.during, self.read(),
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

    def test_no_leaks_no_words(self):
        self.begin()
        self.create()
        self.delete()
        self.assertEqual('', self.describe())
