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

import types
from unittest import mock

import fixtures
from tempest.lib import exceptions as lib_exc
import testtools

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.scenario.steps import concurrent_deletes
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import port_bandwidth
from local_delete_tempest_plugin.scenario.steps import servers as scenario_base
from local_delete_tempest_plugin.tests.unit import base


class SkipChecksTest(base.TestCase):
    """What a cloud must have, and how an operator hears of it."""

    def setUp(self):
        super().setUp()
        self.allow_all()

    def allow_all(self):
        self.config('service_available', nova=True)
        self.config('compute', image_ref='image', flavor_ref='flavor',
                    min_microversion='2.1', max_microversion='2.96')
        self.config('placement', min_microversion=None, max_microversion=None)
        self.config(allow_outages=True, target_hosts=['cmp1'])

    def missing(self):
        return self.skip_reason(
            scenario_base.BaseLocalDeleteTest.skip_checks)

    def test_nothing_missing(self):
        self.assertEqual('no skip', self.missing())
        self.config('compute', max_microversion='latest')
        self.assertEqual('no skip', self.missing())
        self.config('placement', min_microversion='1.0',
                    max_microversion='1.28')
        self.assertEqual('no skip', self.missing())

    def test_defaults_skip_everything(self):
        for option in ('allow_outages', 'target_hosts'):
            self.conf.conf.clear_override(option, group='local_delete')
        self.assertIn('[local_delete] allow_outages', self.missing())

    def test_skip_names_the_option(self):
        for group, options, named in (
                ('service_available', {'nova': False},
                 '[service_available] nova'),
                ('local_delete', {'allow_outages': False},
                 '[local_delete] allow_outages'),
                ('local_delete', {'target_hosts': []},
                 '[local_delete] target_hosts'),
                ('compute', {'max_microversion': None},
                 '[compute] min_microversion = 2.1, max_microversion = None'),
                ('compute', {'max_microversion': '2.52'},
                 'max_microversion = 2.52'),
                ('compute', {'min_microversion': '2.60'},
                 'min_microversion = 2.60'),
                ('placement', {'min_microversion': '1.0',
                               'max_microversion': '1.27'},
                 '[placement] min_microversion = 1.0, '
                 'max_microversion = 1.27')):
            self.allow_all()
            self.config(group, **options)
            self.assertIn(named, self.missing(), options)

    def test_image_and_flavor_are_needed(self):
        for option in ('image_ref', 'flavor_ref'):
            self.allow_all()
            self.config('compute', **{option: None})
            error = self.assertRaises(
                lib_exc.InvalidConfiguration, self.missing)
            self.assertIn('[compute] %s' % option, str(error))


class AlikeTest(base.TestCase):

    def test_no_server_moves_between_two_kinds_of_hypervisor(self):
        story = mock.Mock()
        story.services.hypervisor_types.return_value = {
            'a': 'QEMU', 'b': 'fake', 'c': 'fake'}
        hosts = [compute_services.TargetHost(name, name, name)
                 for name in 'abc']
        for names, alike in (('a', True), ('bc', True), ('ab', False),
                             ('abc', False)):
            targets = [host for host in hosts if host.host in names]
            self.assertEqual(alike, scenario_base.BaseLocalDeleteTest._alike(
                story, targets), names)


class AttemptsTest(base.TestCase):

    def test_skips_after_the_last(self):
        story = mock.Mock()
        story.skipTest = self.skipTest
        attempts = scenario_base.BaseLocalDeleteTest.attempts_before_noticed(
            story, 'before its time')
        self.assertEqual(1, next(attempts))
        self.assertEqual('5 times Nova saw a compute down before its time',
                         self.skip_reason(list, attempts))


class LateTest(base.TestCase):

    def attempts(self, *lateness):
        story = mock.Mock()
        attempts = scenario_base.BaseLocalDeleteTest.attempts_while_late(story)
        count = 0
        for count, _ in enumerate(attempts, 1):
            story.watch.was_late = lateness[count - 1]
        return count

    def test_told_again_while_late(self):
        self.assertEqual(1, self.attempts(False))
        self.assertEqual(2, self.attempts(True, False))
        self.assertEqual(3, self.attempts(True, True, True))


class ExpectTest(base.TestCase):
    """The type of a failure tells what the cloud did not do."""

    def setUp(self):
        super().setUp()
        self.config(poll_interval_start=0.01)
        self.story = object.__new__(scenario_base.BaseLocalDeleteTest)

    def test_a_failure_says_nothing_of_a_defect(self):
        failure = self.assertRaises(
            AssertionError, self.story.expect, lambda: None, bool,
            'a server has a migration', 0)
        self.assertNotIsInstance(failure, exceptions.DefectShown)

    def test_the_caller_names_the_type(self):
        self.assertRaises(
            exceptions.ServerNotGone, self.story.expect, lambda: 'ACTIVE',
            lambda state: not state, 'server gone', 0,
            exceptions.ServerNotGone)

    def test_what_is_left_is_a_leak(self):
        self.story.__dict__.update(
            watch=mock.Mock(), _read=mock.Mock(), _attach=mock.Mock(),
            _find_leaks=lambda reading: ['VCPU 1'],
            _words_for=lambda found, waited: str(found))
        failure = self.assertRaises(
            exceptions.LeakFound, self.story.assert_nothing_left, 0)
        self.assertEqual("['VCPU 1']", str(failure))


class RequestTest(base.TestCase):
    """A port that asks for bandwidth, of Neutrons with and without that."""

    def bring(self, **port):
        story = mock.Mock(skipTest=self.skipTest)
        story.bring_port.return_value = ('port', 'its id')
        story.admin.manager.ports_client.show_port.return_value = {
            'port': port}
        port_bandwidth.RequestingTest.bring_port_with_request(story)
        return story.request_groups

    def test_without_the_extension(self):
        for port in ({}, {'resource_request': None},
                     {'resource_request': {'required': [], 'resources': {}}}):
            self.assertIn('request_groups',
                          self.skip_reason(self.bring, **port))

    def test_with_it(self):
        groups = [{'id': 'g', 'required': [], 'resources': {}}]
        self.assertEqual(groups, self.bring(
            resource_request={'request_groups': groups}))


class LostHost(fixtures.Fixture):
    """An outage that nothing can end.

    :ivar tries: How often it was given back in vain.
    """

    tries = 0

    def _setUp(self):
        self.addCleanup(self.restore)

    def begin(self):
        """It is away."""

    def restore(self):
        self.tries += 1
        raise exceptions.RestoreFailed(
            what='host cmp1', problem='it burnt', remedy='buy another')


class OutageTest(base.TestCase):

    def problems_of(self, body):
        """Run a story on a lost host; return (its problems, tries)."""
        away = LostHost()

        class Story(testtools.TestCase):
            outage = scenario_base.BaseLocalDeleteTest.outage
            assert_given_back = (
                scenario_base.BaseLocalDeleteTest.assert_given_back)

            def test(self):
                with self.outage(away):
                    body(self)

        result = testtools.TestResult()
        Story('test').run(result)
        return result.failures + result.errors, away.tries

    def test_given_back_when_the_story_fails(self):
        problems, tries = self.problems_of(lambda story: story.fail('leak'))
        self.assertEqual(1, tries)
        self.assertIn('leak', problems[0][1])
        self.assertIn('buy another', problems[0][1])

    def test_a_lost_host_is_waited_for_once_more_and_not_oftener(self):
        problems, tries = self.problems_of(lambda story: None)
        self.assertEqual(2, tries)
        self.assertIn('AssertionError', problems[0][1])
        self.assertIn('buy another', problems[0][1])


class FlippingTest(base.TestCase):
    """Deletes of which each meets a flag that moves."""

    def setUp(self):
        super().setUp()
        self.config(request_timeout=1)
        self.story, self.away = mock.Mock(), mock.Mock()

    def delete(self, servers, flips):
        concurrent_deletes.AtOnceTest.delete_between_flips(
            self.story, servers, flips)

    def flipping(self):
        return concurrent_deletes.AtOnceTest.flipping(self.story, self.away)

    def test_a_whole_flip_for_each_delete(self):
        sent = []
        self.story.request_delete = lambda server: sent.append(
            self.away.flip.call_count)
        with self.flipping() as flips:
            self.delete(range(3), flips)
        sent.append(self.away.flip.call_count)
        for before, after in zip(sent, sent[1:]):
            self.assertGreaterEqual(after - before, 2)
        # It was down, and is so again.
        self.away.flip.assert_called_with(True)

    def test_a_flag_that_does_not_move(self):
        error = self.assertRaises(exceptions.TimedOut, self.delete,
                                  ['server'], lambda: 3)
        self.assertIn('the flag has been lifted and set again since the '
                      'delete of server was sent; last seen: 3', str(error))

    def test_a_flip_that_fails_is_told(self):
        self.away.flip.side_effect = ValueError('refused')

        def story():
            with self.flipping() as flips:
                self.delete(['server'], flips)

        self.assertEqual('refused', str(self.assertRaises(ValueError, story)))


class Member:
    """Nova's answers to a member, in the place of its client.

    :ivar states: {server id: its status, or its task where it has one}.
    """

    def __init__(self, deleted_to, **states):
        self.deleted_to = deleted_to
        self.states = states
        self.asked = []

    def show_server(self, server_id):
        state = self.states[server_id]
        if state is None:
            raise lib_exc.NotFound()
        task = state if state.islower() else None
        return {'server': {'status': 'ACTIVE' if task else state,
                           'OS-EXT-STS:task_state': task}}

    def delete_server(self, server_id):
        return self._answer('delete', server_id, self.deleted_to)

    def force_delete_server(self, server_id):
        return self._answer('force', server_id, None)

    def _answer(self, what, server_id, state):
        self.asked.append('%s %s' % (what, server_id))
        self.states[server_id] = state
        return types.SimpleNamespace(response={
            'x-openstack-request-id': self.asked[-1]})


class DeletesTest(base.TestCase):
    """How a delete is carried through, by what the cloud does with it."""

    def setUp(self):
        super().setUp()
        self.config(delete_timeout=1)

    def story_of(self, member):
        """Make a story without a cloud.

        :param member: A ``Member``.
        """
        story = object.__new__(concurrent_deletes.AtOnceTest)
        story.__dict__.update(
            servers_client=member,
            watch=types.SimpleNamespace(delete_requests=[]))
        return story

    def failure_of(self, step):
        """Return the type and the words of what a step fails with."""
        failure = self.assertRaises(self.failureException, step)
        return type(failure), str(failure)

    def servers(self, *names):
        return [footprint.Server(name, name, 'cmp1', '') for name in names]

    def test_kept_by_the_compute_and_then_forced(self):
        self.config(reclaims=True)
        member = Member('SOFT_DELETED', one='ACTIVE')
        story, (server,) = self.story_of(member), self.servers('one')
        self.assertEqual('force one', story.await_deleted_by_compute(
            server, story.request_delete(server)))
        self.assertEqual(['delete one', 'force one'], member.asked)

    def test_gone_without_more_ado(self):
        member = Member(None, one='ACTIVE')
        story, (server,) = self.story_of(member), self.servers('one')
        self.assertEqual('delete one', story.await_deleted_by_compute(
            server, story.request_delete(server)))

    def test_neither_of_the_two_clouds_does_what_the_other_owes(self):
        for reclaims, state, owed in (
                (True, None, exceptions.NotSoftDeleted),
                (True, 'soft-deleting', exceptions.NotSoftDeleted),
                (False, 'SOFT_DELETED', exceptions.ServerNotGone)):
            self.config(reclaims=reclaims)
            story = self.story_of(Member(state, one='ACTIVE'))
            server, = self.servers('one')
            failure, words = self.failure_of(
                lambda: story.await_deleted_by_compute(
                    server, story.request_delete(server)))
            self.assertIs(owed, failure)
            self.assertIn('delete one', words)

    def test_some_kept_and_some_gone(self):
        self.config(reclaims=True)
        member = Member(None, one='SOFT_DELETED', two=None)
        self.story_of(member).await_all_deleted(self.servers('one', 'two'))
        self.assertEqual(['force one'], member.asked)
        member = Member(None, one='SOFT_DELETED', two='soft-deleting')
        story = self.story_of(member)
        failure, words = self.failure_of(
            lambda: story.await_all_deleted(self.servers('one', 'two')))
        self.assertIs(exceptions.ServerNotGone, failure)
        self.assertIn('two', words)
        self.assertEqual([], member.asked)

    def test_a_delete_that_is_not_accepted(self):
        member, (server,) = mock.Mock(), self.servers('one')
        member.delete_server.side_effect = lib_exc.Conflict()
        story = self.story_of(member)
        story.addDetailUniqueName = mock.Mock()
        for step in (
                lambda: story.request_delete(server),
                lambda: story.assert_accepted(
                    story.delete_at_once([server]), 1)):
            failure, words = self.failure_of(step)
            self.assertIs(exceptions.DeleteNotAccepted, failure)
            self.assertIn('one', words)

    def test_a_delete_for_good(self):
        for reclaims, asked in ((False, 'delete one'), (True, 'force one')):
            self.config(reclaims=reclaims)
            member = Member(None, one='ACTIVE')
            server, = self.servers('one')
            self.story_of(member).try_delete_for_good(server)
            self.assertEqual([asked], member.asked)
