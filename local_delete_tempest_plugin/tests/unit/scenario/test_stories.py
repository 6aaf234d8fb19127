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

import fixtures
from tempest.common import utils
from tempest.lib.common.utils import data_utils
from tempest.lib import decorators
import testtools
from testtools import content
from testtools.testresult import doubles

from local_delete_tempest_plugin.cloud import versions
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin import known_bugs
from local_delete_tempest_plugin.preflight import scenarios
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario import each_outage
from local_delete_tempest_plugin.scenario import known_bug
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import base as scenario_base
from local_delete_tempest_plugin.tests.unit import base

FORCED_DOWN = '11111111-1111-4111-8111-111111111111'
STOPPED = '22222222-2222-4222-8222-222222222222'

DEFECT = 'half-way-migration-leaked'

# What a defect of Nova can end in.
SHOWN = exceptions.DefectShown.__subclasses__()


class Told:
    """Stories of no cloud, in the place of scenarios."""

    def forced_down(self):
        return 'forced down'

    def compute_stopped(self):
        return 'stopped'

    @decorators.idempotent_id(FORCED_DOWN)
    @decorators.attr(type='slow')
    @each_outage.each_outage(STOPPED)
    @needs.needs(lambda: None)
    @utils.services('compute')
    def test_told(self, outage):
        """A story."""
        return outage()


each_outage.expand(Told)


def told_of_a_bug():
    """Make a test that fails where the process is dead, and nowhere else."""
    class ToldOfABug(testtools.TestCase):
        versions: dict[str, str] = {}

        def forced_down(self):
            pass

        def compute_stopped(self):
            raise exceptions.ServerNotGone()

        @decorators.idempotent_id(FORCED_DOWN)
        @each_outage.each_outage(STOPPED, stopped_bug=DEFECT)
        def test_told(self, outage):
            """A story."""
            outage()

    each_outage.expand(ToldOfABug)
    return ToldOfABug


class EachOutageTest(base.TestCase):

    def test_two_tests_of_one(self):
        self.config('service_available', nova=True)
        self.assertEqual({'test_told_forced_down', 'test_told_stopped'},
                         {name for name in dir(Told) if 'test_' in name})
        self.assertEqual('forced down', Told().test_told_forced_down())
        self.assertEqual('stopped', Told().test_told_stopped())

    def test_each_has_its_id_and_the_same_attributes(self):
        for name, its_id in (('test_told_forced_down', FORCED_DOWN),
                             ('test_told_stopped', STOPPED)):
            test = getattr(Told, name)
            self.assertEqual({'slow', 'compute', 'id-' + its_id},
                             getattr(test, '__testtools_attrs'))
            self.assertEqual('Test idempotent id: %s\n\nA story.' % its_id,
                             test.__doc__)

    def test_a_dead_process_needs_commands(self):
        self.assertIsNone(needs.missing(Told.test_told_forced_down))
        self.assertEqual('[local_delete] compute_stop_command, '
                         'compute_start_command: not set',
                         needs.missing(Told.test_told_stopped))

    def test_a_bug_of_a_dead_process_alone(self):
        self.config(known_bugs=[DEFECT])
        story = told_of_a_bug()
        for name, outcome in (
                ('test_told_forced_down', 'addSuccess'),
                ('test_told_stopped', 'addExpectedFailure')):
            result = doubles.ExtendedTestResult()
            story(name).run(result)
            self.assertIn(outcome, [event[0] for event in result._events])
        self.assertEqual('[local_delete] compute_stop_command, '
                         'compute_start_command: not set',
                         needs.missing(story.test_told_stopped))

    def test_no_two_scenarios_have_one_id(self):
        seen = {}
        for cls in scenarios.find_classes():
            for name in dir(cls):
                if not name.startswith('test_'):
                    continue
                where = '%s.%s' % (cls.__name__, name)
                its_id, = [
                    attribute for attribute in getattr(
                        getattr(cls, name), '__testtools_attrs')
                    if attribute.startswith('id-')]
                self.assertNotIn(its_id, seen, where)
                seen[its_id] = where

    def test_keystone_takes_the_name_of_each_class(self):
        """Tempest names projects after the class and the run.

        Keystone takes 64 characters, and Tempest adds two words and a number.
        """
        for cls in scenarios.find_classes():
            name = data_utils.rand_name('%s-%s' % (
                cls.__name__, run.Run().name), prefix='tempest')
            longest = len(name) + 10 - len(name.rpartition('-')[2])
            self.assertLessEqual(longest, 64, '%s has a long name' % cls)

    def test_every_class_of_scenarios_expands(self):
        class Scenario(scenario_base.BaseLocalDeleteTest):
            test_told = each_outage.each_outage(STOPPED)(
                decorators.idempotent_id(FORCED_DOWN)(
                    lambda self, outage: None))

        self.assertFalse(hasattr(Scenario, 'test_told'))
        self.assertTrue(hasattr(Scenario, 'test_told_stopped'))


class SerialTest(base.TestCase):
    """Which classes of scenarios run alone."""

    def alone(self):
        return {cls for cls in scenarios.find_classes()
                if cls.is_serial_execution_requested()}

    def test_all_where_the_cloud_is_shared(self):
        self.assertEqual(set(scenarios.find_classes()), self.alone())

    def test_all_where_hosts_have_no_fence(self):
        self.config(serial=False, fence_host=False)
        self.assertEqual(set(scenarios.find_classes()), self.alone())

    def test_those_whose_outage_every_tenant_feels(self):
        """A story that needs such an outage is in such a class."""
        self.config(serial=False)
        felt = {'scheduler_away', 'conductor_away', 'unfenced_outage',
                'service_delete', 'PlacementAway'}
        needing = {
            cls for cls in scenarios.find_classes()
            for name in dir(cls) if name.startswith('test_')
            for need in getattr(getattr(cls, name), 'needs', ())
            if felt & {type(need).__name__, getattr(need, '__name__', '')}}
        self.assertEqual(needing, self.alone())

    def test_they_are_the_last_of_a_process(self):
        """A process that waits to be alone has no other class left."""
        self.config(serial=False)
        classes = sorted(scenarios.find_classes(),
                         key=lambda cls: (cls.__module__, cls.__name__))
        self.assertEqual(self.alone(), set(classes[-len(self.alone()):]))


class KnownBugTest(base.TestCase):

    def raising(self, failure):
        def story(test):
            raise failure
        return story

    def run_scenario(self, story, ceiling='2.103'):
        return [event[0] for event in self.events_of(story, ceiling)
                if event[0].startswith('add')]

    def events_of(self, story, ceiling='2.103'):
        class Scenario(testtools.TestCase):
            versions = {versions.COMPUTE: ceiling}

            @known_bug.known_bug(DEFECT)
            def test_it(self):
                story(self)

        result = doubles.ExtendedTestResult()
        Scenario('test_it').run(result)
        return result._events

    def test_the_release_of_the_cloud_tells_by_default(self):
        self.useFixture(fixtures.MockPatchObject(
            known_bugs, 'FOUND', {DEFECT: (False, False, True, False)}))
        for ceiling, outcome in (('2.103', 'addExpectedFailure'),
                                 ('2.100', 'addFailure'),
                                 (None, 'addFailure')):
            self.assertEqual([outcome], self.run_scenario(
                self.raising(exceptions.LeakFound('left')), ceiling))

    def test_a_bug_that_is_not_listed(self):
        self.config(known_bugs=[])
        self.assertEqual(['addFailure'], self.run_scenario(
            lambda test: test.fail('a leak')))
        self.assertEqual(['addSuccess'], self.run_scenario(
            lambda test: None))

    def test_a_listed_bug(self):
        self.config(known_bugs=['simultaneous-deletes', DEFECT])
        for failure in SHOWN:
            self.assertEqual(['addExpectedFailure'], self.run_scenario(
                self.raising(failure('whatever its words are'))))

    def test_a_failure_that_is_listed_nowhere_fails(self):
        """It is no error, and what a run attached is with it."""
        def story(test):
            test.addDetail('footprint', content.text_content('VCPU 1'))
            raise exceptions.LeakFound('left')

        self.config(known_bugs=[])
        for failure in SHOWN:
            self.assertEqual(['addFailure'], self.run_scenario(
                self.raising(failure('left'))))
        (_, _, details), = [event for event in self.events_of(story)
                            if event[0] == 'addFailure']
        self.assertEqual('VCPU 1', details['footprint'].as_text())
        self.assertIn('exceptions.LeakFound: left',
                      details['traceback'].as_text())

    def test_a_failure_of_another_kind_is_no_bug(self):
        """Not even where it is worded as a bug would be."""
        self.config(known_bugs=[DEFECT])
        for words in ('became ERROR instead of ACTIVE',
                      'its delete should have been accepted',
                      'server one answers 404', 'server one is SOFT_DELETED',
                      'the cloud does not hold what it held'):
            self.assertEqual(['addFailure'], self.run_scenario(
                self.raising(AssertionError(words))), words)

    def test_a_listed_bug_that_is_fixed(self):
        self.config(known_bugs=[DEFECT])
        self.assertEqual(['addUnexpectedSuccess'], self.run_scenario(
            lambda test: None))

    def test_an_error_or_a_skip_is_no_bug(self):
        self.config(known_bugs=[DEFECT])
        self.assertEqual(['addSkip'], self.run_scenario(
            lambda test: test.skipTest('why')))
        self.assertEqual(['addError'], self.run_scenario(
            lambda test: 1 / 0))
