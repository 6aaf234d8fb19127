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

"""The watch over a footprint, of a server without a class of Tempest."""

import json
from unittest import mock

import fixtures
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.common import timeline
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import reader
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

SERVER, MIGRATION, NEIGHBOUR = 11, 12, 13

uuid = fake_cloud.uuid


class WatchCase(base.TestCase):
    """A watch on a cloud of two computes."""

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.config('service_available', neutron=False, cinder=False)
        self.cloud = fake_cloud.FakeCloud()
        target = self.cloud.add_compute('cmp1', 1)
        self.cloud.add_compute('cmp2', 2)
        self.run = run.Run()
        self.attached = []
        self.timeline = timeline.Timeline()
        self.reader = reader.Reader(
            self.cloud.admin(), self.cloud.member(), [target], 'ours',
            self.run)
        self.watch = self.begin()

    def begin(self, gone=()):
        watch = self.useFixture(footprint.FootprintWatch(
            self.reader, self.reader._targets, self.attach, gone,
            self.timeline))
        watch.begin()
        return watch

    def attach(self, name, content):
        self.attached.append((name, json.loads(content.as_text())))

    def create(self, number=SERVER):
        """Create a server, as the steps of a story do."""
        self.run.servers.add(uuid(number))
        self.cloud.servers[uuid(number)] = 'ACTIVE'
        self.cloud.hold(number, 1, VCPU=1, MEMORY_MB=512)
        server = footprint.Server(uuid(number), 'server%d' % number, 'cmp1',
                                  '2026-01-01T00:00:00Z')
        self.watch.add(server)
        self.watch.read_during()
        return server

    def delete(self, leak=False):
        self.cloud.servers[uuid(SERVER)] = 'deleted'
        self.watch.delete_requests.append('req-7 (accepted)')
        if not leak:
            del self.cloud.allocations[uuid(SERVER)]

    def leak_of(self, limit=0):
        return str(self.assertRaises(
            exceptions.LeakFound, self.watch.assert_nothing_left, limit))

    def reappear_at(self, *looks):
        """Let the server's allocation be there at some looks alone."""
        held = self.cloud.allocations.pop(uuid(SERVER))
        read = self.reader.read
        count = 0

        def look(*arguments, **settings):
            nonlocal count
            count += 1
            self.cloud.allocations.pop(uuid(SERVER), None)
            if count in looks:
                self.cloud.allocations[uuid(SERVER)] = held
            return read(*arguments, **settings)

        self.useFixture(fixtures.MockPatchObject(
            self.reader, 'read', look))


class FootprintWatchTest(WatchCase):

    def test_nothing_is_read_before_begin(self):
        self.cloud.requests.clear()
        watch = self.useFixture(footprint.FootprintWatch(
            self.reader, (), self.attach))
        self.assertEqual([], self.cloud.requests)
        self.assertIsNone(watch.before)

    def test_readings_are_on_the_timeline(self):
        self.create()
        self.delete()
        self.watch.assert_nothing_left(0)
        found = self.timeline.as_json()
        self.assertEqual([], found['left'])
        self.assertEqual(
            [('before', {}), ('during', {'VCPU': 1, 'MEMORY_MB': 512}),
             ('after', {})],
            [(one['when'], {name: amount for name, amount
                            in one['project'].items() if amount})
             for one in found['usages'] if one['when']])
        self.assertEqual({'cmp1.test'}, set(found['usages'][0]['hosts']))

    def test_what_is_left_is_on_the_timeline(self):
        """Each amount once, though several views show it."""
        self.create()
        self.watch.consumers.add(uuid(MIGRATION))
        self.cloud.hold(MIGRATION, 1, VCPU=2)
        self.delete(leak=True)
        self.leak_of()
        self.assertEqual(
            {('512 MEMORY_MB', 'cmp1.test', 'server ' + uuid(SERVER)),
             ('1 VCPU', 'cmp1.test', 'server ' + uuid(SERVER)),
             ('2 VCPU', 'cmp1.test', 'migration ' + uuid(MIGRATION))},
            {(one['what'], one['where'], one['of'])
             for one in self.timeline.as_json()['left']})
        self.assertEqual(3, len(self.timeline.as_json()['left']))

    def test_nothing_left(self):
        self.create()
        self.delete()
        self.watch.assert_nothing_left(0)
        self.assertFalse(self.watch.was_late)
        self.assertEqual(
            ['footprint-before.json', 'footprint-during.json',
             'footprint-after.json'], [name for name, _ in self.attached])
        self.assertEqual(
            {uuid(1): {'VCPU': 1, 'MEMORY_MB': 512}},
            self.attached[1][1]['by_consumer'][uuid(SERVER)])

    def test_nothing_was_made(self):
        self.watch.assert_nothing_left(0)

    def test_a_leak_is_told_whole(self):
        server = self.create()
        self.run.migrations.add(uuid(MIGRATION))
        self.watch.consumers.add(uuid(MIGRATION))
        self.delete(leak=True)
        told = self.leak_of()
        for words in (str(server), 'VCPU before 0, during 1, after 1',
                      'cmp1.test (%s)' % uuid(1),
                      'leased host cmp1 (provider cmp1.test, %s)' % uuid(1),
                      'migrations: %s' % uuid(MIGRATION),
                      'deleted by request req-7 (accepted)'):
            self.assertIn(words, told)
        self.assertEqual('footprint-after.json', self.attached[-1][0])

    def test_late_is_not_left(self):
        self.create()
        self.delete(leak=True)
        self.reappear_at(1, 2)
        self.watch.assert_nothing_left(60)
        self.assertTrue(self.watch.was_late)
        self.assertTrue(self.attached[-1][0] == 'footprint-after.json'
                        and not self.attached[-1][1]['by_project'])
        # What was late once stays noted, however quick the next look is.
        self.watch.assert_nothing_left(60)
        self.assertTrue(self.watch.was_late)

    def test_the_leak_of_a_migration_alone(self):
        self.create()
        self.watch.consumers.add(uuid(MIGRATION))
        self.delete()
        self.cloud.hold(MIGRATION, 2, VCPU=1)
        self.assertIn('consumer %s' % uuid(MIGRATION), self.leak_of())

    def test_leaked(self):
        server = self.create()
        self.delete(leak=True)
        self.watch.assert_leaked(server)
        self.assertEqual('footprint-leaked.json', self.attached[-1][0])
        self.cloud.hold(SERVER, 1, VCPU=1)
        failure = self.assertRaises(
            self.failureException, self.watch.assert_leaked, server)
        self.assertIn('all that it held should be left', str(failure))
        self.assertIn("'MEMORY_MB': 512", str(failure))

    def test_a_neighbour_that_lives(self):
        neighbour = self.create(NEIGHBOUR)
        self.watch.assert_holds_as_before(neighbour)
        self.cloud.hold(NEIGHBOUR, 2, VCPU=1)
        failure = self.assertRaises(
            self.failureException, self.watch.assert_holds_as_before,
            neighbour)
        self.assertIn('was not deleted, and should hold', str(failure))

    def test_kept(self):
        server = self.create()
        self.watch.assert_kept(server)
        for change in (lambda: self.cloud.hold(SERVER, 1, VCPU=1),
                       lambda: self.cloud.allocations.clear()):
            change()
            failure = self.assertRaises(
                self.failureException, self.watch.assert_kept, server)
            self.assertIn('yet it changed what the server has (by_consumer)',
                          str(failure))

    def test_what_was_brought(self):
        """It is as before, unless it should be gone."""
        group = 'server group', uuid(70)
        self.cloud.server_groups.append({'id': uuid(70), 'members': []})
        for gone, left, is_leak in (
                ((), [], False), ((), [uuid(71)], True),
                ((), None, True), ([group], None, False),
                ([group], [], True)):
            self.cloud.server_groups[:] = [{'id': uuid(70), 'members': []}]
            self.watch = self.begin(gone)
            self.watch.track(group)
            self.watch.begin()
            self.cloud.server_groups[:] = [] if left is None else [
                {'id': uuid(70), 'members': left}]
            if is_leak:
                self.assertIn(uuid(70), self.leak_of(), (gone, left))
            else:
                self.watch.assert_nothing_left(0)

    def test_the_cloud_that_stops_answering(self):
        """It is an error, and no word of a leak."""
        self.create()
        self.delete(leak=True)
        self.useFixture(fixtures.MockPatchObject(
            self.reader, 'read',
            mock.Mock(side_effect=lib_exc.ServerFault('503'))))
        self.assertRaises(lib_exc.ServerFault,
                          self.watch.assert_nothing_left, 0)

    def test_two_watches_know_nothing_of_each_other(self):
        self.create()
        self.delete()
        second = self.begin()
        self.assertEqual({}, second.servers)
        self.assertEqual(set(), second.consumers)
        self.assertEqual([], second.delete_requests)
