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

"""What a late writer brings back, when a story goes on or is over."""

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import reader
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit.scenario import test_footprint

uuid = fake_cloud.uuid

RENAMED, PORT = 21, 31


class StaysGoneTest(test_footprint.WatchCase):

    def stay_gone(self, period):
        self.create()
        self.delete(leak=True)
        self.reappear_at(3)
        self.watch.assert_nothing_left(0)
        self.watch.assert_stays_gone(period)

    def test_a_late_writer_is_seen(self):
        told = str(self.assertRaises(exceptions.LeakFound, self.stay_gone, 1))
        self.assertIn('VCPU before 0, during 1, after 1', told)
        self.assertEqual('footprint-late.json', self.attached[-1][0])

    def test_the_period_is_over_before_it(self):
        self.stay_gone(0)


class LastLookTest(test_footprint.WatchCase):

    def setUp(self):
        super().setUp()
        self.config('service_available', neutron=True)
        self.removed = []
        self.last_look = footprint.LastLook(
            reader.Reader(self.cloud.admin(), self.cloud.member(), (), 'ours',
                          self.run), self.removed.append)
        self.last_look.add(self.watch)

    def tell(self):
        """Tell the whole story of a server, and look at another one."""
        self.create()
        self.cloud.ports = [self.port()]
        self.watch.read_during()
        self.cloud.ports = []
        self.delete()
        self.watch.assert_nothing_left(0)
        self.last_look.add(self.begin())

    def port(self):
        return {'id': uuid(PORT), 'device_id': uuid(test_footprint.SERVER),
                'device_owner': 'compute:nova', 'binding:host_id': 'cmp1',
                'binding:profile': {}}

    def seen(self):
        return str(self.assertRaises(
            exceptions.LeakFound, self.last_look.assert_nothing_came_back, 0))

    def test_no_story(self):
        self.cloud.requests.clear()
        footprint.LastLook(None, None).assert_nothing_came_back(0)
        self.assertEqual([], self.cloud.requests)

    def test_nothing_came_back(self):
        self.tell()
        self.last_look.assert_nothing_came_back(0)
        self.assertEqual([], self.removed)

    def test_an_allocation_came_back(self):
        """Its consumer is the run's, so the run removes it."""
        self.tell()
        self.cloud.hold(test_footprint.SERVER, 2, VCPU=1)
        told = self.seen()
        for words in ('server server11', 'VCPU before 0', 'after 1',
                      'req-7 (accepted)', 'leased no host any more; nobody '
                      'read while the server lived, so "during" repeats '
                      '"before"'):
            self.assertIn(words, told)
        self.assertEqual([[uuid(test_footprint.SERVER)]], self.removed)

    def test_a_claim_of_nobody_came(self):
        self.tell()
        self.cloud.hold(RENAMED, 1, VCPU=1)
        self.assertIn('project ours: VCPU before 0', self.seen())

    def test_a_port_came_back(self):
        self.tell()
        # Its id tells, because it may have lost the server.
        self.cloud.ports = [dict(self.port(), device_id='')]
        self.assertIn('port %s is left' % uuid(PORT), self.seen())

    def test_what_the_project_had_before_is_no_leak(self):
        self.cloud.hold(RENAMED, 2, VCPU=4)
        self.last_look = footprint.LastLook(
            self.reader, self.removed.append)
        self.last_look.add(self.begin())
        self.last_look.assert_nothing_came_back(0)
