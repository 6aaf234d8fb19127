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

"""No verdict hangs on the words of a message of the plugin."""

import dataclasses
import itertools
import os
import subprocess
import sys
from unittest import mock

import fixtures
from tempest.lib import exceptions as lib_exc
import testtools

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import leaks
from local_delete_tempest_plugin.outages import placement
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import run as plugin_run
from local_delete_tempest_plugin.scenario import known_bug
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import servers
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from proof.mutation import verdicts
from proof.tests import reworded
from proof.trials import marks
from proof.trials import noise

_DEFECT = 'half-way-migration-leaked'

# Tests that go by types and codes: they pass in any words.
_TESTS = (
    'proof.tests.test_reworded.JudgedTest',
    'proof.tests.test_trials',
    'proof.tests.test_mutants.VerdictsTest',
    *('local_delete_tempest_plugin.tests.unit.' + name for name in (
        'test_exceptions', 'safety.test_guard', 'safety.test_lease',
        'scenario.test_stories.KnownBugTest')))


class RewordedTest(testtools.testcase.WithAttributes, testtools.TestCase):

    @base.slow
    def test_the_same_in_other_words(self):
        ran = subprocess.run(
            [sys.executable, '-m', 'proof.tests.reworded', *_TESTS],
            env={**os.environ, 'REWORDED': '1'}, capture_output=True,
            text=True)
        self.assertEqual(0, ran.returncode, ran.stdout + ran.stderr)


class JudgedTest(base.TestCase):
    """A failure of a story, and a refusal, from their source to the verdict.

    It is run twice, the second time with each message in other words.
    """

    def setUp(self):
        super().setUp()
        # Each look at the clock takes a second, so that no wait takes one.
        self.useFixture(fixtures.MockPatch(
            'time.monotonic', itertools.count().__next__))

    def steps(self, client):
        """Make the steps of a story with servers, without a cloud.

        :param client: The member's, and the admin's.
        """
        return servers.MemberServers(
            client, mock.Mock(servers_client=client), testbed=mock.Mock(),
            leased=None, watch=mock.MagicMock(), add_cleanup=None)

    def leaking_watch(self):
        """Make a watch over a footprint in which a port is left."""
        before = leaks.Reading({}, {}, {}, {}, frozenset())
        watch = footprint.FootprintWatch(mock.Mock(
            provider_names={}, project_id='p', read=mock.Mock(
                return_value=before)), (), mock.Mock())
        watch.begin()
        watch.read = lambda: dataclasses.replace(
            before, resources={('port', 'id'): {'status': 'DOWN'}})
        return watch

    def judge(self, story, known):
        """Run a story of a defect; return the ``Verdict`` on a mutant."""
        class Scenario(testtools.TestCase):
            versions: dict[str, str] = {}

            @known_bug.known_bug(_DEFECT)
            def test_it(self):
                story()

        self.config(known_bugs=[_DEFECT] if known else [])
        found = []
        result = testtools.ExtendedToStreamDecorator(testtools.StreamToDict(
            lambda test: found.append(verdicts.judge(test))))
        result.startTestRun()
        Scenario('test_it').run(result)
        result.stopTestRun()
        verdict, = filter(None, found)
        return verdict

    def member(self, status):
        """Make a member who is shown a server in a status, and no other."""
        client = mock.Mock()
        client.show_server.return_value = {'server': {
            'status': status, 'OS-EXT-STS:task_state': None}}
        client.delete_server.side_effect = lib_exc.Conflict()
        return client

    def test_what_a_known_defect_shows(self):
        server = footprint.Server('id', 'name', 'cmp1', '')
        steps = self.steps(self.member('ACTIVE'))
        watch = self.leaking_watch()
        for story in (lambda: steps.request_delete(server),
                      lambda: steps.await_gone(server),
                      lambda: steps.await_soft_deleted(server),
                      lambda: watch.assert_nothing_left(0)):
            self.assertEqual(verdicts.SKIPPED, self.judge(story, True).outcome)
            verdict = self.judge(story, False)
            self.assertEqual(verdicts.KILLED, verdict.outcome)
            self.assert_words(verdict.message)

    def test_what_a_story_waits_for(self):
        """It comes at once, and is seen in any words."""
        server = footprint.Server('id', 'name', 'cmp1', '')
        self.steps(self.member('SOFT_DELETED')).await_soft_deleted(server)

    def test_what_no_known_defect_shows(self):
        server = footprint.Server('id', 'name', 'cmp1', '')
        steps = self.steps(self.member('ERROR'))
        for known in True, False:
            verdict = self.judge(
                lambda: steps.await_status(server, 'ACTIVE', 0), known)
            self.assertEqual(verdicts.KILLED, verdict.outcome)
            self.assert_words(verdict.message)

    def test_refusals(self):
        self.use_microversions()
        self.config(allow_outages=True, target_hosts=['cmp1', 'cmp2'])
        cloud = fake_cloud.FakeCloud()
        target = cloud.add_compute('cmp1', 11)
        cloud.add_compute('cmp2', 12)
        service = cloud.service_of('cmp1')
        for reason, lost, foreign in (
                ('broken fan', False, False),
                (plugin_run.Run().fence_reason, True, False),
                (None, True, True)):
            service.update(status='disabled' if reason else 'enabled',
                           disabled_reason=reason)
            cloud.hold(2, 11, VCPU=1)
            refusal = str(self.assertRaises(
                exceptions.OutageRefused,
                guard.Guard(plugin_run.Run(), cloud.admin()).check, target))
            self.assertEqual(lost, marks.is_lost(refusal), refusal)
            self.assertEqual(foreign, marks.is_foreign(refusal), refusal)
            self.assert_words(refusal)

    def test_scenarios_that_options_leave_out(self):
        for condition in (
                needs.PlacementAway(placement.PlacementStopped.UNAVAILABLE),
                needs.scheduler_away, needs.reclaims, needs.guests):
            self.assertTrue(noise.is_left_out(condition()), condition())
        self.assertFalse(noise.is_left_out(needs.service_delete()))

    def assert_words(self, message):
        self.assertEqual('REWORDED' in os.environ,
                         reworded.WORD in message, message)
