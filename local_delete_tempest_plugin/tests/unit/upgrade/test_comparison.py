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

import dataclasses

from local_delete_tempest_plugin.footprint import leaks
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit.upgrade import stage_case
from local_delete_tempest_plugin.upgrade import comparison

NAMES = {stage_case.TARGET.provider_id: 'cmp1.test'}
ONE = fake_cloud.uuid(1)


class ComparisonTest(base.TestCase):

    def of_server(self, server, now, **shown):
        return comparison.of_server(
            server, dict(stage_case.SHOWN, updated='now', **shown), now,
            NAMES)

    def test_as_before(self):
        server = stage_case.server(1)
        self.assertEqual([], self.of_server(server, server.during))
        self.assertEqual([], comparison.of_project(
            server.during, server.during))
        self.assertEqual([], comparison.of_providers(server.during, NAMES))

    def test_allocation_that_is_lost(self):
        server = stage_case.server(1)
        now = dataclasses.replace(server.during, by_consumer={ONE: {}})
        self.assertEqual(
            ['it held 1 VCPU of provider cmp1.test, and now holds nothing'],
            self.of_server(server, now))

    def test_allocation_that_a_migration_got(self):
        server = stage_case.server(1, consumers=[ONE, 'm'])
        held = server.during.by_consumer[ONE]
        now = dataclasses.replace(
            server.during, by_consumer={ONE: held, 'm': {'p': {'VCPU': 2}}})
        self.assertEqual(
            ['its migration m held nothing of provider p, and now holds 2 '
             'VCPU'], self.of_server(server, now))

    def test_server_that_is_gone_or_stopped(self):
        server = stage_case.server(1)
        self.assertEqual(
            ['Nova has no such server any more'],
            comparison.of_server(server, None, server.during, NAMES))
        self.assertEqual(['Nova shows status ERROR, and it was ACTIVE'],
                         self.of_server(server, server.during, status='ERROR'))

    def test_ports(self):
        server = stage_case.server(1, during=stage_case.reading(
            1, p=stage_case.BOUND))
        moved = dict(stage_case.BOUND, **{'binding:host_id': 'cmp2'})
        unbound = dict(stage_case.BOUND, **{'binding:host_id': ''})
        for fields, words in (
                ({'p': moved}, 'port p has binding:host_id cmp2, and it was '
                 'cmp1'),
                ({'p': unbound}, 'port p has binding:host_id nothing, and it '
                 'was cmp1'),
                ({}, 'port p is gone'),
                ({'p': stage_case.BOUND, 'q': {}}, 'port q is new')):
            self.assertEqual([words], self.of_server(
                server, stage_case.reading(1, **fields)))

    def test_amounts_of_the_project(self):
        was, now = stage_case.reading(1, 2), stage_case.reading(1)
        self.assertEqual(
            ['Placement counts VCPU 1, and it was 2',
             'GET /limits counts totalInstancesUsed 1, and it was 2'],
            comparison.of_project(was, now))
        others = dataclasses.replace(now, other_servers=frozenset(['x']))
        self.assertEqual([], comparison.of_project(was, others))

    def test_usages_that_are_no_sum(self):
        now = dataclasses.replace(stage_case.reading(1), provider_usages={
            stage_case.TARGET.provider_id: {'VCPU': 3}})
        self.assertEqual(
            ['provider cmp1.test counts 3 VCPU as used, and its allocations '
             'add up to 1'], comparison.of_providers(now, NAMES))


class ExpectedTest(base.TestCase):
    """What is left of a server, by the footprint's own judge."""

    def leaks(self, after, prior=None, server=None):
        server = server or stage_case.server(1)
        prior = prior or stage_case.reading(1, 2)
        own = {server.id}
        after = dataclasses.replace(after, by_consumer={
            server.id: after.by_consumer.get(server.id, {})})
        return leaks.describe_leaks(leaks.find_leaks(
            comparison.expected(prior, server, own), prior, after,
            stage_case.PROJECT), NAMES, stage_case.PROJECT)

    def test_nothing_is_left(self):
        """In any order: the server that was staged later is still there."""
        self.assertEqual('', self.leaks(stage_case.reading(2)))

    def test_all_is_left(self):
        left = self.leaks(stage_case.reading(1, 2))
        self.assertIn(
            'consumer %s on provider cmp1.test (%s): VCPU before 0, during 1, '
            'after 1 (seen by consumer and provider)' % (
                ONE, stage_case.TARGET.provider_id), left)
        self.assertIn('project ours: VCPU before 1, during 2, after 2', left)
        self.assertIn('totalInstancesUsed before 1, during 2, after 2', left)

    def test_what_it_had_lost_before_is_no_leak(self):
        """The comparison has told that."""
        prior = dataclasses.replace(stage_case.reading(2), limits={
            'totalInstancesUsed': 2})
        self.assertEqual('', self.leaks(stage_case.reading(2), prior))

    def test_a_port_that_stays_bound(self):
        server = stage_case.server(1, before={'p': stage_case.PORT})
        prior = stage_case.reading(1, p=stage_case.BOUND)
        self.assertEqual('', self.leaks(
            stage_case.reading(p=stage_case.PORT), prior, server))
        self.assertIn("device_id before '', during", self.leaks(
            stage_case.reading(p=stage_case.BOUND), prior, server))
