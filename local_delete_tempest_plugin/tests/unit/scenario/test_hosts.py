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

"""Leased hosts, of a run without a class of Tempest."""

import itertools
import os
import time
from unittest import mock

import fixtures

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import leases
from local_delete_tempest_plugin.recovery import undo
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import hosts
from local_delete_tempest_plugin.scenario.steps import setup
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

Refusal = exceptions.Refusal


class LeasedHostsTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.use_microversions()
        # So that the order of the hosts is theirs.
        self.useFixture(fixtures.MockPatch('random.shuffle'))
        self.journals = self.useFixture(fixtures.TempDir()).path
        self.config(allow_outages=True, target_hosts=['*'], lease_timeout=30,
                    min_other_hosts=0, journal_dir=self.journals)
        self.config('identity', uri_v3='https://keystone.test/v3')
        self.config('oslo_concurrency',
                    lock_path=self.useFixture(fixtures.TempDir()).path)
        self.cloud = fake_cloud.FakeCloud()
        self.targets = [self.cloud.add_compute('cmp%d' % number, number)
                        for number in (1, 2, 3)]
        self.before = dict(self.cloud.traits)
        self.journal_of = {}
        self.run = run.Run('0123456789AB')
        self.cloud.flavors.append('%s-1' % self.run.name)

    def make(self, this_run=None):
        """Make a fixture that a test cleans up by itself, if at all."""
        this_run = this_run or self.run
        admin = self.cloud.admin()
        # A run has one journal, however many hosts it leases.
        written_to = self.journal_of.setdefault(
            this_run.id, journal.Journal(this_run.id))
        leased = hosts.LeasedHosts(
            admin, guard.Guard(this_run, admin),
            lease.Lease(admin, this_run.trait),
            setup.Intents(written_to, undo.Recovery(admin)))
        leased.setUp()
        return leased

    def lease(self, *arguments, **settings):
        leased = self.make()
        leased.lease(*arguments, **settings)
        return leased

    def leased_in_cloud(self, this_run=None):
        """Name the hosts that carry the trait of a run."""
        trait = (this_run or self.run).trait
        return [target.host for target in self.targets
                if trait in self.cloud.traits[target.provider_id]]

    def assert_refused(self, codes, leased, *arguments):
        """Check each host's refusal; return the message."""
        refused = self.assertRaises(exceptions.OutageRefused, leased.lease,
                                    *arguments)
        self.assertEqual(Refusal.TOO_FEW_HOSTS, refused.code)
        self.assertEqual([*codes, refused.code], Refusal.all_in(str(refused)))
        return str(refused)

    def assert_given_back(self):
        self.assertEqual(self.before, self.cloud.traits)
        self.assertEqual([], os.listdir(self.journals))

    def test_nothing_is_leased_before_lease(self):
        leased = self.make()
        self.assertEqual((), leased.targets)
        leased.cleanUp()
        self.assertEqual([], self.cloud.requests)

    def test_one_host_and_back(self):
        leased = self.lease()
        self.assertEqual(['cmp1'], self.leased_in_cloud())
        self.assertEqual(self.targets[0], leased.target)
        leased.cleanUp()
        self.assert_given_back()

    def test_two_hosts_and_back(self):
        leased = self.lease(2)
        self.assertEqual(['cmp1', 'cmp2'], self.leased_in_cloud())
        self.assertEqual(tuple(self.targets[:2]), leased.targets)
        self.assertEqual(self.targets[1], leased.target_of(
            footprint.Server('id', 'name', 'cmp2', '')))
        leased.cleanUp()
        self.assert_given_back()

    def test_no_more_looks_at_hosts_than_needed(self):
        self.lease()
        self.assertFalse([call for call in self.cloud.calls()
                          if fake_cloud.uuid(2) in call or 'cmp2' in call])

    def test_hosts_without_servers_are_looked_at_first(self):
        for number in range(4, 40):
            self.cloud.add_compute('cmp%d' % number, number)
        for hypervisor in self.cloud.hypervisors[:38]:
            hypervisor['running_vms'] = 50
        self.lease()
        self.assertEqual(
            1, self.cloud.calls().count('GET os-migrations?host=cmp39'))
        self.assertEqual([], [
            call for call in self.cloud.calls()
            if 'os-migrations' in call and 'cmp39' not in call],
            'a host that runs servers was looked at before an empty host')

    def test_written_down_before_the_change(self):
        written = []

        def look(method, path):
            if method == 'PUT':
                with open(os.path.join(
                        self.journals, self.run.id + '.journal')) as file:
                    written.append(file.read())

        self.cloud.before_answer = look
        self.lease(2)
        self.assertEqual(2, len(written))
        for target in self.targets[:2]:
            self.assertIn(target.provider_id, written[0])

    def test_a_host_that_the_story_cannot_use(self):
        def accept(target):
            if target.host != 'cmp3':
                raise exceptions.OutageRefused(
                    Refusal.NO_GUESTS, '%s has no guests' % target.host)

        leased = self.lease(accept=accept)
        self.assertEqual(['cmp3'], self.leased_in_cloud())
        leased.cleanUp()
        refusal = self.assert_refused([Refusal.NO_GUESTS] * 2, self.make(), 2,
                                      accept)
        for host in ('cmp1', 'cmp2'):
            self.assertIn('%s has no guests' % host, refusal)
        self.assert_given_back()

    def test_a_host_that_may_not_be_taken_down(self):
        self.config(target_hosts=['cmp2', 'cmp3'])
        self.cloud.service_of('cmp2')['status'] = 'disabled'
        self.lease()
        self.assertEqual(['cmp3'], self.leased_in_cloud())

    def test_no_host(self):
        self.config(target_hosts=['elsewhere'])
        self.assertIn('target_hosts = elsewhere ',
                      self.assert_refused([], self.make()))

    def test_no_server_moves_between_two_kinds_of_hypervisor(self):
        self.cloud.hypervisors[1]['hypervisor_type'] = 'QEMU'
        leased = self.lease(2)
        self.assertEqual(['cmp1', 'cmp3'], self.leased_in_cloud())
        leased.cleanUp()
        self.cloud.hypervisors[2]['hypervisor_type'] = 'Xen'
        self.assertIn('cmp1 and cmp2', self.assert_refused(
            [Refusal.HYPERVISORS_DIFFER] * 3, self.make(), 2))
        # One host is always like itself.
        self.lease()

    def other_run(self):
        """Begin another run, whose journal is with ours."""
        other = run.Run('BA9876543210')
        self.cloud.flavors.append('%s-1' % other.name)
        return other

    def run_elsewhere(self):
        """Begin another run, whose journal is on another machine."""
        other = self.other_run()
        self.journal_of[other.id] = mock.Mock()
        return other

    def test_two_runs_side_by_side(self):
        """Each has its own hosts, and gives back no others."""
        other = self.run_elsewhere()
        first, second = self.make(), self.make(other)
        first.lease()
        second.lease(2)
        self.assertEqual(['cmp1'], self.leased_in_cloud())
        self.assertEqual(['cmp2', 'cmp3'], self.leased_in_cloud(other))
        began = time.monotonic()
        self.assertIn(other.trait, self.assert_refused(
            [Refusal.LEASED] * 3, self.make(), 2))
        self.assertLess(time.monotonic() - began, 20, 'it waited')
        first.cleanUp()
        self.assertEqual(['cmp2', 'cmp3'], self.leased_in_cloud(other))

    def wait_for(self, look, change):
        """Let something happen before the hosts are listed so many times."""
        times = itertools.count(1)

        def before_answer(method, path):
            if path.startswith('traits?') and next(times) == look:
                self.cloud.before_answer = lambda method, path: None
                change()

        self.cloud.before_answer = before_answer

    def test_a_process_of_the_same_run_is_waited_for(self):
        self.config(target_hosts=['cmp1', 'cmp2'])
        theirs = self.make(self.other_run())
        theirs.lease(2)
        self.cloud.requests.clear()

        def give_back():
            # The hosts are looked at again only after this.
            self.assertEqual(1, self.cloud.calls().count(
                'GET os-services?binary=nova-compute'))
            theirs.cleanUp()

        self.wait_for(5, give_back)
        self.lease()
        self.assertEqual(['cmp1'], self.leased_in_cloud())

    def test_both_hosts_of_a_process_of_the_same_run_are_waited_for(self):
        """Nothing is leased as long as there is one host and not two."""
        self.config(target_hosts=['cmp1', 'cmp2'])
        theirs = self.make(self.other_run())
        theirs.lease()
        self.wait_for(5, lambda: (
            self.assertEqual([], self.leased_in_cloud()), theirs.cleanUp()))
        self.lease(2)
        self.assertEqual(['cmp1', 'cmp2'], self.leased_in_cloud())

    def test_the_last_host_that_others_need_is_waited_for(self):
        self.config(min_other_hosts=1)
        theirs = self.make(self.other_run())
        theirs.lease(2)
        self.wait_for(5, theirs.cleanUp)
        self.lease()
        self.assertEqual(['cmp1'], self.leased_in_cloud())

    def test_a_process_of_the_same_run_that_keeps_its_hosts(self):
        """The words are those for any other run."""
        other = self.other_run()
        self.make(other).lease(2)
        began = time.monotonic()
        words = self.assert_refused([Refusal.LEASED] * 2, self.make(), 2)
        self.assertIn('is leased by another run: ' + other.trait, words)
        self.assertGreater(time.monotonic() - began, 29)
        self.assertEqual([], self.leased_in_cloud())

    def test_an_abandoned_run_is_not_waited_for(self):
        other = self.other_run()
        self.make(other).lease(2)
        self.journal_of[other.id]._file.close()
        began = time.monotonic()
        self.assert_refused([Refusal.LEASED] * 3, self.make(), 2)
        self.assertLess(time.monotonic() - began, 20)

    def take_meanwhile(self, other, host):
        """Let another run lease a host just before ours is leased."""
        def before_answer(method, path):
            if method == 'PUT':
                self.cloud.before_answer = lambda method, path: None
                lease.Lease(self.cloud.admin(), other.trait).take(
                    self.targets[host].provider_id)

        self.cloud.before_answer = before_answer

    def test_two_runs_look_at_the_same_moment(self):
        """Each sees enough hosts, and both would take one too many."""
        self.config(min_other_hosts=1)
        self.cloud.service_of('cmp3')['status'] = 'disabled'
        self.take_meanwhile(self.run_elsewhere(), 1)
        words = self.assert_refused(
            [Refusal.TOO_FEW_OTHER_HOSTS, Refusal.LEASED, Refusal.DISABLED],
            self.make())
        self.assertIn('only 0 other computes are up and enabled, beside 1 '
                      'that other runs have leased', words)
        self.assertEqual([], self.leased_in_cloud())

    def test_the_second_host_of_a_story_counts_as_out(self):
        """Otherwise a story could not take its second host away."""
        self.config(min_other_hosts=2)
        self.assert_refused([Refusal.TOO_FEW_OTHER_HOSTS] * 3, self.make(), 2)
        self.lease()

    def test_a_trait_that_an_audit_took_off(self):
        leased = self.lease(2)
        self.cloud.traits[self.targets[1].provider_id] = set()
        leased.renew()
        self.assertEqual(['cmp1', 'cmp2'], self.leased_in_cloud())

    def test_an_audit_put_the_trait_of_a_sibling_in_its_place(self):
        """The sibling had the host before, and its class goes on."""
        other = self.other_run()
        theirs = self.make(other)
        theirs.lease()
        # Its journal stays, as that of a class does.
        self.journal_of[other.id].intend(leases.TraitChange(other.trait))
        theirs.cleanUp()
        leased = self.lease()
        provider = leased.target.provider_id
        self.cloud.traits[provider] = {other.trait}
        leased.renew()
        self.assertEqual({self.run.trait}, self.cloud.traits[provider])
        # A lease that the sibling has written down is no ghost.
        self.cloud.traits[provider] = {other.trait}
        self.journal_of[other.id].intend(
            leases.LeaseChange(provider, other.trait))
        self.assertRaises(exceptions.OutageRefused, leased.renew)

    def test_a_later_clean_up_runs_before_the_hosts_are_given_back(self):
        leased = self.lease()
        seen = []
        leased.addCleanup(lambda: seen.extend(self.leased_in_cloud()))
        leased.cleanUp()
        self.assertEqual(['cmp1'], seen)
        self.assert_given_back()

    def test_given_back_whatever_request_is_cut_off(self):
        """As by Ctrl-C, before the cloud has seen the request or after."""
        for when in ('before', 'after'):
            number = 1
            while self._is_cut_off(number, when):
                self.assertEqual(self.before, self.cloud.traits,
                                 'cut off %s request %d: %s' % (
                                     when, number, self.cloud.calls()))
                self.assertEqual([], os.listdir(self.journals))
                number += 1
            self.assertGreater(number, 2)

    def _is_cut_off(self, cut_off, when):
        """Lease two hosts; tell whether a request was cut off."""
        self.cloud.requests.clear()
        leased = self.make()
        request = self.cloud.request

        def interrupted(*arguments, **settings):
            last = len(self.cloud.requests) == cut_off - 1
            if last and when == 'before':
                self.cloud.request = request
                raise KeyboardInterrupt()
            answer = request(*arguments, **settings)
            if last:
                self.cloud.request = request
                raise KeyboardInterrupt()
            return answer

        self.cloud.request = interrupted
        try:
            leased.lease(2)
        except KeyboardInterrupt:
            return True
        finally:
            self.cloud.request = request
            leased.cleanUp()
        return False
