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

import signal

import fixtures
from tempest.lib import exceptions as lib_exc
import testtools

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

TRAITS = {number: run.Run('%012d' % number).trait for number in (1, 2, 3)}


class LeaseTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.cloud = fake_cloud.FakeCloud()
        self.cloud.add_compute('cmp1', 1)
        self.provider = fake_cloud.uuid(1)
        # Each run makes its flavor before it takes a lease.
        self.cloud.flavors = ['m1.nano',
                              'tempest-local-delete-000000000002-7']
        self.lease = lease.Lease(self.cloud.admin(), TRAITS[1])

    @property
    def traits(self):
        return self.cloud.traits[self.provider]

    def conflict(self, times, meanwhile=lambda: None):
        """Let another client write just before ours, so many times."""
        left = [times]

        def write(method, path):
            if method == 'PUT' and left[0]:
                left[0] -= 1
                self.cloud.providers[0]['generation'] += 1
                meanwhile()

        self.cloud.before_answer = write

    def test_traits_of_an_operator_are_no_ghosts(self):
        """A trait that only begins like a run's is not taken off."""
        theirs = {run.TRAIT_PREFIX + words for words in (
            'PROTECTION', '0123456789ABC', '0123456789A',
            '0123456789AB_X')}
        self.traits.update(theirs)
        self.lease.take(self.provider)
        self.assertEqual(theirs, theirs & self.traits)
        self.assertEqual({}, self.lease.of_other_runs())

    def test_taken_and_given_back(self):
        before = set(self.traits)
        self.lease.take(self.provider)
        self.assertEqual(before | {TRAITS[1]}, self.traits)
        self.lease.take(self.provider)
        self.assertEqual(before | {TRAITS[1]}, self.traits)
        self.lease.give_back(self.provider)
        self.assertEqual(before, self.traits)

    def two_hosts(self):
        """Add a second host, and have another run that wants both."""
        self.cloud.add_compute('cmp2', 2)
        return (lease.Lease(self.cloud.admin(), TRAITS[2]),
                [fake_cloud.uuid(2), fake_cloud.uuid(1)])

    def test_all_or_none(self):
        other, both = self.two_hosts()
        other.take(fake_cloud.uuid(2))
        refused = self.assertRaises(
            exceptions.OutageRefused, self.lease.take_all, both)
        self.assertIn(fake_cloud.uuid(2), str(refused))
        self.assertNotIn(self.lease.trait, self.traits)
        other.give_back(fake_cloud.uuid(2))
        self.lease.take_all(both)
        for provider in both:
            self.assertIn(self.lease.trait, self.cloud.traits[provider])

    def test_one_order_for_all_runs(self):
        """Else each of two could have one host when it asks for the other."""
        _, both = self.two_hosts()
        for wanted in (both, reversed(both)):
            self.cloud.requests.clear()
            self.lease.take_all(wanted)
            for provider in both:
                self.lease.give_back(provider)
            self.assertEqual(
                ['PUT resource_providers/%s/traits' % provider
                 for provider in sorted(both)], self.cloud.calls('PUT')[:2])

    def test_given_back_without_a_write_where_it_was_not_taken(self):
        self.lease.give_back(self.provider)
        self.assertEqual([], self.cloud.calls('PUT'))

    def test_conflict_is_read_again(self):
        """Allocations and heartbeats move the generation all the time."""
        log = self.useFixture(fixtures.FakeLogger())
        for change in (self.lease.take, self.lease.give_back):
            self.cloud.requests.clear()
            self.conflict(7)
            change(self.provider)
            self.assertEqual(8, len(self.cloud.calls('PUT')))
        self.assertNotIn(self.lease.trait, self.traits)
        self.assertEqual(14, log.output.count('as it raised Conflict'))

    def test_conflict_that_placement_answers_with_500(self):
        """Two runs write at one moment, and Placement finds out late."""
        for change in (self.lease.take, self.lease.give_back):
            faults = [fake_cloud.Answer(500, {'errors': []})] * 2

            def fail(method, path, faults=faults):
                if method == 'PUT' and faults:
                    raise faults.pop()

            self.cloud.requests.clear()
            self.cloud.before_answer = fail
            change(self.provider)
            self.assertEqual(3, len(self.cloud.calls('PUT')))
        self.assertNotIn(self.lease.trait, self.traits)

    def test_traits_of_others_are_kept(self):
        """Also those that come while the lease is being taken."""
        for change in (self.lease.take, self.lease.give_back):
            self.conflict(1, lambda: self.traits.add(
                'CUSTOM_%s' % change.__name__.upper()))
            change(self.provider)
        self.assertEqual({'HW_CPU_X86_AVX', 'CUSTOM_TAKE',
                          'CUSTOM_GIVE_BACK'}, self.traits)

    def test_one_host_one_run(self):
        other = lease.Lease(self.cloud.admin(), TRAITS[2])
        other.take(self.provider)
        error = self.assertRaises(exceptions.OutageRefused, self.lease.take,
                                  self.provider)
        self.assertEqual(exceptions.Refusal.LEASED, error.code)
        for detail in (self.provider, TRAITS[2]):
            self.assertIn(detail, str(error))
        self.lease.give_back(self.provider)
        self.assertIn(other.trait, self.traits)
        other.give_back(self.provider)
        self.lease.take(self.provider)

    def test_lost_to_a_run_that_was_faster(self):
        self.conflict(1, lambda: self.traits.add(
            TRAITS[2]))
        self.assertRaises(exceptions.OutageRefused, self.lease.take,
                          self.provider)
        self.assertNotIn(self.lease.trait, self.traits)

    def test_ghost_that_nova_brought_back_is_no_lease(self):
        """The run of it has deleted its flavor, so it is over."""
        self.traits.update({TRAITS[3], 'CUSTOM_GOLD'})
        self.lease.take(self.provider)
        self.assertEqual({'HW_CPU_X86_AVX', 'CUSTOM_GOLD', self.lease.trait},
                         self.traits)

    def test_ghost_beside_a_lease(self):
        self.traits.update({TRAITS[3],
                            TRAITS[2]})
        before = set(self.traits)
        error = self.assertRaises(exceptions.OutageRefused, self.lease.take,
                                  self.provider)
        self.assertNotIn('000000000003', str(error))
        self.assertEqual(before, self.traits)

    def test_put_again_where_nova_took_it_off(self):
        self.lease.take(self.provider)
        self.traits.remove(self.lease.trait)
        self.lease.take(self.provider)
        self.assertIn(self.lease.trait, self.traits)

    def test_trait_goes_though_nova_brought_it_back(self):
        self.cloud.add_compute('cmp2', 2)
        self.cloud.traits[fake_cloud.uuid(2)].add(self.lease.trait)
        self.lease.delete_trait()
        self.assertNotIn(self.lease.trait,
                         self.cloud.traits[fake_cloud.uuid(2)])
        self.assertEqual('DELETE traits/' + self.lease.trait,
                         self.cloud.calls()[-1])

    def test_other_errors_end_the_tries(self):
        for raised in (fake_cloud.Answer(403, {'errors': []}),
                       fixtures.TimeoutException()):
            def fail(method, path):
                raise raised

            self.cloud.before_answer = fail
            self.cloud.requests.clear()
            self.assertRaises((lib_exc.Forbidden, fixtures.TimeoutException),
                              self.lease.take, self.provider)
            self.assertEqual(1, len(self.cloud.requests))

    def test_given_back_though_the_test_times_out(self):
        """A lease that stays keeps every later run off the host."""
        self.useFixture(fixtures.Timeout(60, gentle=True))

        def time_out(*_):
            signal.raise_signal(signal.SIGALRM)

        for where in ('before the read', 'before the write', 'in a pause'):
            self.cloud.before_answer = lambda method, path: None
            self.lease.take(self.provider)
            if where == 'in a pause':
                self.conflict(1)
                self.useFixture(fixtures.MockPatch(
                    'tenacity.nap.time.sleep', time_out))
            else:
                cut_off = 'GET' if where == 'before the read' else 'PUT'
                self.cloud.before_answer = lambda method, path: (
                    method == cut_off and time_out())
            with testtools.ExpectedException(fixtures.TimeoutException):
                self.lease.give_back(self.provider)
            self.assertNotIn(self.lease.trait, self.traits, where)

    def test_trait_that_is_gone_already(self):
        self.lease.create_trait()
        self.assertEqual(['PUT traits/CUSTOM_LOCAL_DELETE_000000000001'],
                         self.cloud.calls())

        def gone(method, path):
            if method == 'DELETE':
                raise fake_cloud.Answer(404, {'errors': []})

        self.cloud.before_answer = gone
        self.lease.delete_trait()
        self.cloud.custom_traits.clear()
        self.lease.delete_trait()
        self.assertEqual(['DELETE traits/CUSTOM_LOCAL_DELETE_000000000001'],
                         self.cloud.calls('DELETE'))
