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

"""What a class of scenarios has, without a class of Tempest."""

import contextlib
import io
import os
import signal
import threading
import time
from unittest import mock

import fixtures

from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import placement
from local_delete_tempest_plugin.outages import scheduler
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import servers
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario.steps import setup
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

RUN = run.Run('0123456789AB')
SERVER = servers.ServerChange('a name')
OUTAGES = (scheduler.SchedulerChange(['ctl1']),
           placement.PlacementChange('http-503'))


class SetupTest(base.TestCase):
    """A journal of a run that changes nothing."""

    def setUp(self):
        super().setUp()
        self.journals = self.useFixture(fixtures.TempDir()).path
        self.config(journal_dir=self.journals)
        self.config('oslo_concurrency',
                    lock_path=self.useFixture(fixtures.TempDir()).path)
        self.journal = journal.Journal(RUN.id)

    def written(self):
        """Read the journal, or '' where there is none."""
        path = os.path.join(self.journals, RUN.id + '.journal')
        if not os.path.exists(path):
            return ''
        with open(path) as file:
            return file.read()


class IntentsTest(SetupTest):

    def setUp(self):
        super().setUp()
        self.recovery = mock.Mock()
        self.intents = setup.Intents(self.journal, self.recovery)
        self.cleanups = []

    def write(self):
        self.intents.write(
            lambda undo, *arguments: self.cleanups.append(
                lambda: undo(*arguments)), SERVER)

    def test_written_before_it_is_registered(self):
        """Otherwise an undo could find nothing that says what to undo."""
        self.intents.write(
            lambda *arguments: self.cleanups.append(self.written()),
            SERVER)
        self.assertIn('"a name"', self.cleanups[0])
        self.recovery.undo.assert_not_called()

    def test_undone_and_completed(self):
        self.write()
        self.cleanups[0]()
        intent, = self.recovery.undo.call_args.args
        self.assertEqual(SERVER, intent.change)
        self.assertEqual('', self.written())

    def test_undone_again_if_it_is_made_late(self):
        """Nova may make a server after its client gave up on an answer."""
        transport._note_unanswered(90)
        until = transport.unanswered_until()
        ended = []
        self.recovery.undo.side_effect = lambda intent: ended.append(
            time.monotonic())
        self.write()
        self.cleanups[0]()
        self.assertGreater(len(ended), 2)
        self.assertGreaterEqual(ended[-1], until)
        self.assertEqual('', self.written())

    def test_an_undo_that_fails_stays_in_the_journal(self):
        self.recovery.undo.side_effect = ValueError()
        self.write()
        self.assertRaises(ValueError, self.cleanups[0])
        self.assertIn('"a name"', self.written())

    def test_what_is_left_to_the_operator_is_complete(self):
        self.recovery.undo.side_effect = exceptions.LeftToOperator(
            what='it', found='it is not ours')
        self.write()
        self.assertRaises(exceptions.LeftToOperator, self.cleanups[0])
        self.assertEqual('', self.written())

    def undone(self):
        return [call.args[0].change
                for call in self.recovery.undo.call_args_list]

    def test_outages_that_could_not_be_ended_are_tried_again(self):
        """At the end of their class. Its other changes are no outages."""
        self.write()
        for outage in OUTAGES:
            self.journal.intend(outage)
        self.recovery.undo.side_effect = ValueError()
        self.assertRaises(ValueError, self.intents.give_back_outages)
        self.assertEqual([*reversed(OUTAGES)], self.undone())
        self.assertIn('http-503', self.written())
        self.recovery.undo.side_effect = None
        self.intents.give_back_outages()
        self.assertEqual([SERVER], [
            intent.change for intent in self.journal.left()])

    def test_tried_for_a_last_time_at_exit(self):
        self.useFixture(fixtures.MockPatchObject(
            setup, 'JOURNAL', self.journal))
        self.useFixture(fixtures.MockPatch(
            'local_delete_tempest_plugin.recovery.undo.Recovery',
            return_value=self.recovery))
        log_in = self.useFixture(fixtures.MockPatch(
            'local_delete_tempest_plugin.cloud.accounts.log_in_admin')).mock
        self.write()
        setup.give_back_at_exit()
        log_in.assert_not_called()
        outage = self.journal.intend(OUTAGES[0])
        log_in.side_effect = exceptions.Unreachable(call='POST', problem='x')
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr):
            setup.give_back_at_exit()
        self.assertEqual('POST: x\n', stderr.getvalue())
        self.assertIn(outage, self.journal.left())
        log_in.side_effect = None
        setup.give_back_at_exit()
        self.assertEqual([OUTAGES[0]], self.undone())
        self.assertNotIn(outage, self.journal.left())

    def test_ctrl_c_waits_for_the_undo(self):
        # A shell lets what it starts in the background ignore SIGINT.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(
            signal.SIGINT, signal.default_int_handler))
        self.recovery.undo.side_effect = lambda intent: signal.raise_signal(
            signal.SIGINT)
        self.write()
        self.assertRaises(KeyboardInterrupt, self.cleanups[0])
        self.assertEqual('', self.written())


class RequirePlacementTest(base.TestCase):

    def test_what_a_client_of_placement_sees(self):
        cloud = fake_cloud.FakeCloud()
        setup.require_placement(cloud.admin())
        for error, words in (
                (exceptions.Unreachable(call='x', problem='y'),
                 'connections are refused'),
                (fake_cloud.Answer(503), 'a proxy answers 503'),
                (fake_cloud.Answer(500), 'it answers 500'),
                (exceptions.RequestFailed(call='GET /', problem='late'),
                 'requests fail: GET /: late')):
            def fail(method, path, error=error):
                raise error

            cloud.before_answer = fail
            failed = self.assertRaises(
                exceptions.RequestFailed, setup.require_placement,
                cloud.admin())
            self.assertEqual(
                'GET http://placement.test/: Placement has to answer before a '
                'run changes anything, and a client of Placement sees: %s'
                % words, str(failed))


class ClassAccountsTest(SetupTest):

    def setUp(self):
        super().setUp()
        self.config('identity', uri_v3='https://keystone.test/v3')
        self.addCleanup(setup._require_placement_once.cache_clear)
        self.require_placement = self.useFixture(fixtures.MockPatchObject(
            setup, 'require_placement')).mock
        manager = mock.Mock(**{'auth_provider.auth_data': (
            'token', {'project': {'id': fake_cloud.PROJECT}})})
        self.useFixture(fixtures.MockPatchObject(
            setup.accounts, 'log_in_admin', lambda: manager))

    def abandon(self, run_id='BA9876543210'):
        """Leave the journal of an abandoned run."""
        abandoned = journal.Journal(run_id)
        abandoned.intend(SERVER)
        abandoned._file.close()

    def accounts(self):
        accounts = setup.ClassAccounts(RUN, self.journal)
        accounts.setUp()
        return accounts

    def test_an_abandoned_run_is_left_to_others_where_the_class_fails(self):
        """A process that keeps the journal would pass for that run."""
        self.abandon()
        accounts = self.accounts()
        accounts.begin()
        self.assertTrue(journal.is_alive('BA9876543210'))
        accounts.cleanUp()
        self.assertFalse(journal.is_alive('BA9876543210'))

    def test_a_project_that_keystone_makes_late_is_deleted(self):
        """Tempest has given up on the answer by then, and the class fails."""
        accounts = self.accounts()
        self.addCleanup(accounts.cleanUp)
        accounts.begin()
        transport._note_unanswered(90)
        until, ended = transport.unanswered_until(), []
        with fixtures.MockPatchObject(
                setup.undo.Recovery, 'undo', lambda recovery, intent:
                ended.append(time.monotonic())):
            accounts.undo()
        self.assertGreaterEqual(ended[-1], until)
        self.assertEqual('', self.written())

    def test_all_abandoned_runs_are_left_to_the_operator(self):
        """The first of them fails the class."""
        self.config(recover_on_start=False)
        runs = ('AA9876543210', 'BA9876543210')
        for run_id in runs:
            self.abandon(run_id)
        accounts = self.accounts()
        self.assertRaises(exceptions.JournalUnusable, accounts.begin)
        accounts.cleanUp()
        self.assertEqual([False, False], [*map(journal.is_alive, runs)])

    def test_nothing_is_made_while_placement_is_down(self):
        self.require_placement.side_effect = exceptions.RequestFailed(
            call='GET /', problem='connections are refused')
        for _ in range(2):
            accounts = self.accounts()
            self.assertRaises(exceptions.RequestFailed, accounts.begin)
            accounts.undo()
            accounts.cleanUp()
            self.assertEqual('', self.written())

    def test_placement_is_looked_at_once(self):
        for _ in range(2):
            accounts = self.accounts()
            accounts.begin()
            accounts.cleanUp()
        self.assertEqual(1, self.require_placement.call_count)

    def test_placement_may_be_what_an_abandoned_run_stopped(self):
        self.abandon()
        accounts = self.accounts()
        self.addCleanup(accounts.cleanUp)
        accounts.begin()
        self.assertFalse(self.require_placement.called)

    def test_tells_its_cloud_by_what_cannot_be_spelled_two_ways(self):
        """Another spelling of the address would hide the journal."""
        accounts = self.accounts()
        self.addCleanup(accounts.cleanUp)
        accounts.begin()
        self.config('identity', uri_v3='https://keystone.test:443/v3/')
        self.assertEqual(frozenset([fake_cloud.PROJECT]),
                         self.journal.cloud.ids)
        self.journal._file.close()
        left, = abandoned_runs.find_abandoned(self.journal.cloud)
        left.close(recovered=False)

    def test_no_class_begins_before_abandoned_runs_are_recovered(self):
        """Otherwise it would meet a Placement that is down, for example."""
        self.abandon()
        first, second = self.accounts(), self.accounts()
        self.addCleanup(first.cleanUp)
        self.addCleanup(second.cleanUp)
        first.begin()
        other = threading.Thread(target=second.begin)
        other.start()
        other.join(0.2)
        waited = other.is_alive()
        first.end_recovery()
        other.join()
        self.assertTrue(waited)

    def test_classes_begin_side_by_side_where_no_run_was_abandoned(self):
        for accounts in (self.accounts(), self.accounts()):
            self.addCleanup(accounts.cleanUp)
            accounts.begin()


class TestbedTest(SetupTest):

    def setUp(self):
        super().setUp()
        self.config('compute', flavor_ref='small')
        self.config('service_available', neutron=False)
        self.calls = []
        self.admin = mock.Mock()
        flavors = self.admin.flavors_client
        flavors.show_flavor.side_effect = lambda model: {'flavor': {
            'id': model, 'ram': 1, 'vcpus': 2, 'disk': 3,
            'OS-FLV-EXT-DATA:ephemeral': 4}}
        flavors.list_flavor_extra_specs.return_value = {
            'extra_specs': {'hw:x': 'y'}}
        flavors.create_flavor.side_effect = self.create_flavor
        self.admin.placement.create_trait.side_effect = self.calls.append
        self.recovery = self.useFixture(fixtures.MockPatch(
            'local_delete_tempest_plugin.recovery.undo.Recovery')
        ).mock.return_value
        self.recovery.undo.side_effect = lambda intent: self.calls.append(
            'undo ' + intent.change.kind)
        self.member = mock.Mock()
        self.member.credentials.project_id = 'ours'
        self.testbed = setup.Testbed(RUN, self.journal, self.admin,
                                     self.member)
        self.testbed.setUp()
        self.require_placement = self.useFixture(fixtures.MockPatchObject(
            setup, 'require_placement')).mock

    def create_flavor(self, name, **fields):
        self.assertIn(name, self.written())
        self.assertFalse(fields['os-flavor-access:is_public'])
        self.calls.append('flavor')
        return {'flavor': {'id': 'flavor %d' % self.calls.count('flavor')}}

    def test_nothing_is_changed_before_begin(self):
        self.testbed.cleanUp()
        self.assertEqual([], self.calls)
        self.assertEqual('', self.written())

    def test_made_and_given_back_in_reverse(self):
        self.testbed.begin(['abandoned'])
        self.recovery.recover_all.assert_called_once_with(['abandoned'])
        self.assertEqual('flavor 1', self.testbed.flavor_id)
        self.testbed.flavor_like('large')
        self.testbed.cleanUp()
        self.assertEqual([RUN.trait, 'flavor', 'flavor', 'undo flavor',
                          'undo flavor', 'undo trait'], self.calls)
        self.assertEqual('', self.written())

    def test_nothing_is_made_while_placement_is_down(self):
        self.require_placement.side_effect = exceptions.RequestFailed(
            call='GET /', problem='connections are refused')
        self.assertRaises(exceptions.RequestFailed,
                          self.testbed.begin, ['abandoned'])
        self.recovery.recover_all.assert_called_once_with(['abandoned'])
        self.testbed.cleanUp()
        self.assertEqual(([], ''), (self.calls, self.written()))

    def test_a_flavor_is_bound_to_the_lease_and_made_once(self):
        for specs in ({}, {'resources:VCPU': '7'}):
            made = self.testbed.flavor_like('large', **specs)
            self.assertEqual(made, self.testbed.flavor_like('large', **specs))
            client = self.admin.flavors_client
            client.set_flavor_extra_spec.assert_called_with(
                made, **{'hw:x': 'y', 'trait:' + RUN.trait: 'required'},
                **specs)
            client.add_flavor_access.assert_called_with(made, 'ours')
        self.assertEqual(['flavor', 'flavor'], self.calls)

    def networks_of(self, network=None, *listed):
        self.member.networks_client.list_networks.return_value = {
            'networks': [{'id': found} for found in listed]}
        self.testbed.begin(network=network and {'id': network})
        return self.testbed.networks

    def test_networks(self):
        self.assertEqual('none', self.networks_of('made'))
        self.config('service_available', neutron=True)
        for expected, arguments in (
                ([{'uuid': 'made'}], ('made', 'other')),
                ([{'uuid': 'only'}], (None, 'only')),
                ('none', (None, 'one', 'two')), ('none', (None,))):
            self.assertEqual(expected, self.networks_of(*arguments))
