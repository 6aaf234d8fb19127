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

import functools
import io
import json
import logging
import sys
import types
from unittest import mock

import fixtures
from stestr import subunit_trace
import subunit
from tempest.lib.common import dynamic_creds
from tempest.lib import decorators
from tempest.lib import exceptions as lib_exc
from tempest import test
import testtools
from testtools import content
from testtools import content_type
from testtools.testresult import doubles

from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import timeline
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.report import results
from local_delete_tempest_plugin.report import stream
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import base as steps_base
from local_delete_tempest_plugin.scenario.steps import setup
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit.report import streams


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
            steps_base.BaseLocalDeleteTest.skip_checks)

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


class CredentialsTest(base.TestCase):

    def test_security_groups_of_other_projects_stay(self):
        """Though Neutron does not heed the project that it is asked for."""
        client = mock.Mock(**{'list_security_groups.return_value': {
            'security_groups': [{'id': 'ours', 'project_id': 'p'},
                                {'id': 'theirs', 'project_id': 'q'}]}})
        self.useFixture(fixtures.MockPatch(
            'tempest.common.credentials_factory.get_credentials_provider',
            lambda **options: dynamic_creds.DynamicCredentialProvider.__new__(
                dynamic_creds.DynamicCredentialProvider)))

        class Story(steps_base.BaseLocalDeleteTest):
            pass

        provider = Story._get_credentials_provider()
        provider.cleanup_default_secgroup(client, 'p')
        self.assertEqual([mock.call('ours')],
                         client.delete_security_group.call_args_list)

    def test_network_of_member_alone(self):
        with_network = []

        class Story(steps_base.BaseLocalDeleteTest):
            _creds_provider = types.SimpleNamespace()

            @classmethod
            def _get_credentials_provider(cls):
                return cls._creds_provider

        self.patch(test.BaseTestCase, 'get_client_manager',
                   lambda kind, **options: with_network.append(
                       (kind, Story._creds_provider.create_networks)))
        for isolated in (True, False):
            self.config(group='auth', create_isolated_networks=isolated)
            for kind in ('project_member', 'admin'):
                Story.get_client_manager(kind)
        self.assertEqual([('project_member', True), ('admin', False),
                          ('project_member', False), ('admin', False)],
                         with_network)


class ReportTest(base.TestCase):
    """What a scenario reports can be shown on any terminal."""

    def test_escapes_words_of_others(self):
        words = '\x1b[2J\x07\u202ename\x9b'

        class Story(steps_base.BaseLocalDeleteTest):
            def test_it(self):
                pass

        def traceback_of(words):
            try:
                self.fail(words)
            except AssertionError:
                return content.TracebackContent(sys.exc_info(), self)

        for detail in (content.text_content(words), traceback_of(words),
                       traceback_of(words + '\nis left\ud800')):
            story = Story('test_it')
            story.addDetail('words', detail)
            text = story.getDetails()['words'].as_text()
            self.assertIn('\\x1b[2J\\x07\\u202ename', text)
            self.assertTrue(text.replace('\n', '').isprintable(),
                            ascii(text))

    def test_keeps_the_parts_of_a_traceback(self):
        """stestr indents each, and so do those who read what it prints."""
        try:
            self.fail('a leak')
        except AssertionError:
            detail = content.TracebackContent(sys.exc_info(), self)
        story = steps_base.BaseLocalDeleteTest('addDetail')
        story.addDetail('traceback', detail)
        self.assertEqual(list(detail.iter_text()),
                         list(story.getDetails()['traceback'].iter_text()))

    def fail_with(self, words, log):
        """Run a scenario that really fails; return its stream of bytes."""
        class Story(steps_base.BaseLocalDeleteTest):
            versions = {}

            def setUp(self):
                testtools.TestCase.setUp(self)
                self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
                self._begin_timeline(self.test_it)
                self.addDetail('footprint', content.text_content('VCPU 0'))

            def test_it(self):
                """Tell how a failure looks."""
                for line in log:
                    logging.getLogger('it').debug(line)
                raise exceptions.LeakFound(words)

            def tearDown(self):
                testtools.TestCase.tearDown(self)

        return streams.version_2(Story('test_it'))

    def test_a_failure_is_printed_first_and_its_log_never(self):
        # The traceback also has the line that raises.
        words = ' '.join(['1 VCPU', 'is left'])
        data = self.fail_with(words, ['line %d' % number
                                      for number in range(9999)])
        for binary in False, True:
            # "tempest run" has stestr print what is no text, too.
            printed = io.StringIO()
            shown = testtools.StreamToDict(functools.partial(
                subunit_trace.show_outcome, printed,
                show_binary_attachments=binary))
            shown.startTestRun()
            subunit.ByteStreamToStreamResult(io.BytesIO(data)).run(shown)
            shown.stopTestRun()
            printed = printed.getvalue()
            self.assertEqual(0, printed.count('line 9998'),
                             'the log is printed')
            self.assertEqual(1, printed.count(words), printed)
            places = [printed.index(one) for one in (
                words, 'VCPU 0', 'timeline.json', 'log.gz')]
            self.assertEqual(sorted(places), places, printed)
            self.assertLess(len(printed), 5000, 'all of this is printed')

    def test_each_stream_has_the_log(self):
        lines = ['line %d' % number for number in range(99)]
        second = io.BytesIO(self.fail_with('left', lines))
        first = io.BytesIO()
        writer = testtools.StreamToExtendedDecorator(
            subunit.TestProtocolClient(first))
        writer.startTestRun()
        subunit.ByteStreamToStreamResult(second).run(writer)
        writer.stopTestRun()
        for data in second.getvalue(), first.getvalue():
            test, = results.judge(stream.read(data, 'it')).tests
            self.assertEqual(lines, test.log.splitlines())
            self.assertEqual('Tell how a failure looks.',
                             test.timeline['story'])

    def test_leaves_what_is_no_text(self):
        story = steps_base.BaseLocalDeleteTest('addDetail')
        detail = content.Content(
            content_type.ContentType('image', 'png'), lambda: [b'\x1b'])
        story.addDetail('picture', detail)
        self.assertIs(detail, story.getDetails()['picture'])


class TimelineTest(base.TestCase):
    """Each scenario attaches its timeline, however it ends."""

    def attached_by(self, body):
        class Story(testtools.TestCase):
            versions = {'tempest': '42'}
            _begin_timeline = steps_base.BaseLocalDeleteTest._begin_timeline
            outage = steps_base.BaseLocalDeleteTest.outage
            assert_given_back = (
                steps_base.BaseLocalDeleteTest.assert_given_back)

            def setUp(self):
                super().setUp()
                self._begin_timeline(type(self).test)

            @decorators.idempotent_id('11111111-1111-4111-8111-111111111111')
            def test(self):
                """A story.

                And more of it.
                """
                body(self)

        result = doubles.ExtendedTestResult()
        Story('test').run(result)
        (_, _, details), = [event for event in result._events
                            if event[0].startswith('add')
                            and len(event) > 2] or [(0, 0, {})]
        self.assertEqual([], spans.listeners)
        return json.loads(b''.join(details['timeline.json'].iter_bytes()))

    def test_a_failure(self):
        def body(story):
            with spans.span(spans.BOOT):
                story.fail('left')

        found = self.attached_by(body)
        self.assertEqual('A story.', found['story'])
        self.assertEqual({'tempest': '42'}, found['versions'])
        self.assertEqual(['boot'], [one['kind'] for one in found['steps']])

    def test_an_outage_that_a_failure_ends(self):
        """It is attached after the clean-up that gives the service back."""
        def body(story):
            with story.outage(Away()):
                story.fail('left')

        outage, = self.attached_by(body)['outages']
        self.assertEqual(('away', 'cmp1'), (outage['kind'], outage['where']))
        times = [outage[name]
                 for name in ('begun', 'seen', 'returning', 'back')]
        self.assertNotIn(None, times)
        self.assertEqual(sorted(times), times)

    def test_an_outage_that_does_not_end(self):
        def body(story):
            with story.outage(Away(problem=exceptions.RestoreFailed(
                    what='cmp1', problem='it is dead', remedy='start it'))):
                pass

        outage, = self.attached_by(body)['outages']
        self.assertIsNotNone(outage['returning'])
        self.assertIsNone(outage['back'])


class Away(outage_base.Outage):
    """An outage of no cloud.

    :param problem: Why it cannot be given back, or None.
    """

    name = 'away'
    where = 'cmp1'

    def __init__(self, problem=None):
        super().__init__(mock.Mock(), mock.Mock())
        self._problem = problem

    def _change(self):
        return mock.Mock()

    def _take_away(self):
        pass

    def _give_back(self):
        if self._problem:
            raise self._problem


class AttemptsTest(base.TestCase):

    def test_skips_after_the_last(self):
        story = mock.Mock()
        story.skipTest = self.skipTest
        attempts = steps_base.BaseLocalDeleteTest.attempts_before_noticed(
            story, 'before its time')
        self.assertEqual(1, next(attempts))
        self.assertEqual('5 times Nova saw a compute down before its time',
                         self.skip_reason(list, attempts))


class LateTest(base.TestCase):

    def attempts(self, *lateness):
        story = mock.Mock()
        attempts = steps_base.BaseLocalDeleteTest.attempts_while_late(story)
        count = 0
        for count, _ in enumerate(attempts, 1):
            story.watch.was_late = lateness[count - 1]
        return count

    def test_told_again_while_late(self):
        self.assertEqual(1, self.attempts(False))
        self.assertEqual(2, self.attempts(True, False))
        self.assertEqual(3, self.attempts(True, True, True))


class LostHost(fixtures.Fixture):
    """An outage that nothing can end.

    :ivar tries: How often the restore was tried, and failed.
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
            versions: dict[str, str] = {}
            timeline = timeline.Timeline()
            outage = steps_base.BaseLocalDeleteTest.outage
            assert_given_back = (
                steps_base.BaseLocalDeleteTest.assert_given_back)

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


class FakeOutage(fixtures.Fixture):
    """Placement, which shows a refused connection, or a proxy's 503."""

    begun = 0
    REFUSED = placement_outage.PlacementStopped.REFUSED

    def __init__(self, admin, run_journal, answer):
        super().__init__()
        self.answer = answer

    def begin(self):
        type(self).begun += 1
        if self.answer != self.REFUSED:
            raise exceptions.OutageRefused(
                exceptions.Refusal.OTHER_OUTAGE, 'clients see a refusal')

    def restore(self):
        """It is back."""


class PlacementStoppedTest(base.TestCase):
    """Stories without Placement, some of which a cloud cannot show."""

    def setUp(self):
        super().setUp()
        self.config(allow_placement_outage=True,
                    placement_stop_command='x', placement_start_command='x')
        self.useFixture(fixtures.MockPatchObject(
            steps_base, '_other_answers', {}))
        self.useFixture(fixtures.MockPatchObject(FakeOutage, 'begun', 0))
        self.front = self.useFixture(fixtures.MockPatchObject(
            steps_base.front_end, 'find', return_value=None)).mock

    def tell(self, answer, body=lambda story: None):
        """Tell a story; return how it came out, and the words for that."""
        class Story(testtools.TestCase):
            versions: dict[str, str] = {}
            timeline = timeline.Timeline()
            admin = mock.Mock()
            outage = steps_base.BaseLocalDeleteTest.outage
            placement_stopped = (
                steps_base.BaseLocalDeleteTest.placement_stopped)
            assert_given_back = (
                steps_base.BaseLocalDeleteTest.assert_given_back)
            _placement_would_not_show = (
                steps_base.BaseLocalDeleteTest._placement_would_not_show)

            @needs.needs(needs.PlacementAway(answer))
            def test(self):
                words = self._placement_would_not_show(type(self).test)
                if words:
                    self.skipTest(words)
                with fixtures.MockPatchObject(
                        placement_outage, 'PlacementStopped', FakeOutage):
                    with self.placement_stopped(answer):
                        body(self)

        result = doubles.ExtendedTestResult()
        Story('test').run(result)
        (outcome, _, *details), = [event for event in result._events
                                   if event[0].startswith('add')]
        parts = details[0].values() if details else ()
        return outcome, ''.join(part.as_text() for part in parts)

    def test_taken_away_once_to_see_the_same(self):
        for _ in range(2):
            outcome, words = self.tell(
                placement_outage.PlacementStopped.UNAVAILABLE)
            self.assertEqual('addSkip', outcome)
            self.assertIn('clients see a refusal', words)
            self.assertEqual(1, FakeOutage.begun)
        self.assertEqual('addSuccess', self.tell(
            placement_outage.PlacementStopped.REFUSED)[0])
        self.assertEqual(2, FakeOutage.begun)

    def test_a_front_end_is_seen_before_anything_is_taken_away(self):
        self.front.return_value = 'http://cloud/x answered 404'
        refused = placement_outage.PlacementStopped.REFUSED
        outcome, words = self.tell(refused)
        self.assertEqual('addSkip', outcome)
        for part in ('http://cloud/x answered 404', '[other-outage]',
                     'placement_proxy_stop_command'):
            self.assertIn(part, words)
        self.assertEqual(0, FakeOutage.begun)
        self.tell(placement_outage.PlacementStopped.UNAVAILABLE)
        self.assertEqual(1, FakeOutage.begun)
        self.config(placement_proxy_stop_command='x',
                    placement_proxy_start_command='x')
        self.assertEqual('addSuccess', self.tell(refused)[0])

    def test_a_worker_that_never_spoke_to_placement(self):
        refused = placement_outage.PlacementStopped.REFUSED
        fault = {'computeFault': {'code': 500, 'message': (
            'Unexpected API Error.\n'
            "<class 'openstack.exceptions.NotSupported'>")}}
        other = {'computeFault': {'code': 500, 'message': 'a defect'}}
        for listed, outcome in ((['api-new-to-placement'], 'addSkip'),
                                ([], 'addFailure')):
            self.config(known_bugs=listed)
            for error in (
                    lib_exc.ServerFault(fault),
                    exceptions.DeleteNotAccepted('answered 500: %s' % fault)):
                def body(story, error=error):
                    raise error

                seen, words = self.tell(refused, body)
                self.assertEqual(outcome, seen)
                self.assertIn('(defect api-new-to-placement of Nova)', words)
                self.assertIn('openstack.exceptions.NotSupported', words)
            for error in (lib_exc.ServerFault(other),
                          exceptions.DeleteNotAccepted('answered 409'),
                          exceptions.LeakFound('NotSupported')):
                def body(story, error=error):
                    raise error

                self.assertIn(self.tell(refused, body)[0],
                              ('addFailure', 'addError'))


class FootprintUnchangedTest(base.TestCase):
    """What a story leases and watches, on a cloud in memory."""

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.config('service_available', neutron=False, cinder=False)
        self.config(
            allow_outages=True, target_hosts=['*'], min_other_hosts=0,
            cleanup_timeout=1,
            journal_dir=self.useFixture(fixtures.TempDir()).path)
        self.config('oslo_concurrency',
                    lock_path=self.useFixture(fixtures.TempDir()).path)
        self.cloud = fake_cloud.FakeCloud()
        for number in (1, 2):
            self.cloud.add_compute('cmp%d' % number, number)
        self.before = dict(self.cloud.traits)
        self.seen = []

    def outcome_of(self, test):
        """Run a story; return how it came out, and the words for that."""
        admin, member = self.cloud.admin(), self.cloud.member()
        member.credentials = mock.Mock(project_id='ours')
        this_run = run.Run()
        self.cloud.flavors.append('%s-1' % this_run.name)

        class Story(testtools.TestCase):
            versions: dict[str, str] = {}
            timeline = timeline.Timeline()
            footprint_unchanged = (
                steps_base.BaseLocalDeleteTest.footprint_unchanged)
            assert_nothing_left = (
                steps_base.BaseLocalDeleteTest.assert_nothing_left)
            _lease_hosts = steps_base.BaseLocalDeleteTest._lease_hosts

            def setUp(self):
                super().setUp()
                self.admin, self.member = admin, member
                self.testbed = setup.Testbed(
                    this_run, journal.Journal(this_run.id), admin, member)
                self.brought, self.hosts = set(), None
                self.last_look = mock.Mock()

            def test_it(self):
                test(self)

        result = doubles.ExtendedTestResult()
        Story('test_it').run(result)
        (outcome, _, *details), = [event for event in result._events
                                   if event[0].startswith('add')]
        parts = details[0].values() if details else ()
        return outcome, ''.join(part.as_text() for part in parts)

    def leased(self):
        return [name for name, traits in sorted(self.cloud.traits.items())
                if any(trait.startswith(run.TRAIT_PREFIX)
                       for trait in traits)]

    def hold(self):
        self.cloud.hold(7, 1, VCPU=1)

    def test_hosts_are_leased_once_and_given_back_at_the_end(self):
        def story(test):
            for _ in range(2):
                with test.footprint_unchanged(hosts=2) as watch:
                    self.seen.append((test.hosts, watch))
                    self.assertIs(watch, test.watch)
                self.assertEqual(2, len(self.leased()))

        self.assertEqual('addSuccess', self.outcome_of(story)[0])
        (first, watch), (second, another) = self.seen
        self.assertIs(first, second)
        self.assertIsNot(watch, another)
        self.assertEqual(self.before, self.cloud.traits)

    def test_what_is_left_at_the_end_fails(self):
        def story(test):
            with test.footprint_unchanged():
                self.hold()

        outcome, words = self.outcome_of(story)
        self.assertEqual('addFailure', outcome)
        self.assertIn('LeakFound', words)
        self.assertIn('VCPU before 0', words)
        self.assertEqual(self.before, self.cloud.traits)

    def test_a_body_that_fails_is_all_that_is_told(self):
        def story(test):
            with test.footprint_unchanged():
                self.hold()
                test.fail('it was refused')

        outcome, words = self.outcome_of(story)
        self.assertEqual('addFailure', outcome)
        self.assertIn('it was refused', words)
        self.assertNotIn('VCPU before 0', words)
        self.assertEqual([], self.leased())

    def test_no_host_to_lease_is_a_skip(self):
        def refuse(target):
            raise exceptions.OutageRefused(
                exceptions.Refusal.NO_GUESTS, 'no guests')

        def story(test):
            with test.footprint_unchanged(accept=refuse):
                self.seen.append(test)

        outcome, words = self.outcome_of(story)
        self.assertEqual('addSkip', outcome)
        self.assertEqual([], self.seen)

    def test_what_was_brought_is_watched(self):
        group = 'server group', fake_cloud.uuid(70)
        self.cloud.server_groups.append({'id': group[1], 'members': []})

        def story(test):
            test.brought.add(group)
            with test.footprint_unchanged():
                self.cloud.server_groups.clear()

        outcome, words = self.outcome_of(story)
        self.assertEqual('addFailure', outcome)
        self.assertIn('server group %s is gone' % group[1], words)
