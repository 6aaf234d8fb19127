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

import contextlib
import dataclasses
import datetime
import gzip

import fixtures
import hypothesis
from hypothesis import strategies
import testtools
from testtools import content
from testtools import content_type

from local_delete_tempest_plugin.common import attachments
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.report import results
from local_delete_tempest_plugin.report import stream
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit.report import streams


class ResultsTest(base.TestCase):
    """Each way to end is told by both versions of subunit."""

    def setUp(self):
        super().setUp()
        self.config(known_bugs=[streams.DEFECT, 'api-new-to-placement'])

    def judge(self, *names, write=streams.version_2):
        return results.judge(stream.read(
            write(*map(streams.Told, names)), 'it'))

    def test_outcomes(self):
        for write in streams.version_1, streams.version_2:
            for name, outcome, code in (
                    ('test_passes', 'passed', 0),
                    ('test_leaks', 'failed', 1),
                    ('test_breaks', 'failed', 1),
                    ('test_shows_a_defect', 'known-defect', 3),
                    ('test_shows_no_defect', 'defect-gone', 1),
                    ('test_skips', 'skipped', 4),
                    ('test_meets_a_defect', 'known-defect', 3)):
                run = self.judge(name, write=write)
                test, = run.tests
                self.assertEqual((name, outcome, code), (
                    test.name.rpartition('.')[2], test.outcome.value,
                    run.exit_code()), write)

    def test_times_of_a_repository(self):
        """The first test has its own time too."""
        run = self.judge('test_passes', 'test_skips',
                         write=streams.version_1)
        self.assertEqual([streams.BEGAN] * 2,
                         [test.began for test in run.tests])

    def test_a_known_defect_is_named(self):
        test, = self.judge('test_shows_a_defect').tests
        self.assertEqual(streams.DEFECT, test.defect)
        self.assertEqual(
            'known defect %s: the cloud holds more: %s' % (
                streams.DEFECT, streams.WORDS), test.summary)
        test, = self.judge('test_meets_a_defect').tests
        self.assertEqual('api-new-to-placement', test.defect)
        self.assertIn('NotSupported', test.summary)

    def test_what_is_left_is_said_in_short(self):
        test, = self.judge('test_leaks_on_a_timeline').tests
        self.assertEqual(
            '1 VCPU, 128 MEMORY_MB left on cmp1 by migration 7', test.summary)

    def test_a_timeline_of_another_form_is_not_shown(self):
        """It may be of another release, or of somebody else."""
        for words in ('', '[]', '{"version": 2}', '{' * 100000,
                      '[' * 100000, '{"version": NaN}'):
            class Foreign(streams.Told):
                def test_it(self, words=words):
                    self.addDetail(
                        'timeline.json', content.text_content(words))

            test, = results.judge(stream.read(
                streams.version_2(Foreign('test_it')), 'it')).tests
            self.assertIsNone(test.timeline)

    def test_words_of_a_timeline_can_be_shown(self):
        class Hostile(streams.Told):
            def test_it(self):
                streams.attach_timeline(self, story='\x1b[2J\ud800')

        test, = results.judge(stream.read(
            streams.version_2(Hostile('test_it')), 'it')).tests
        self.assertEqual('\\x1b[2J\\ud800', test.timeline['story'])

    def test_a_defect_that_is_gone_is_named(self):
        test, = self.judge('test_shows_no_defect').tests
        self.assertIn('the known defect %s is not there' % streams.DEFECT,
                      test.summary)

    def test_a_failure_tells_its_words_only(self):
        test, = self.judge('test_leaks').tests
        self.assertEqual(results.Failure(
            'LeakFound', 'the cloud holds more:\n' + streams.WORDS),
            test.failure)
        self.assertEqual(streams.UUID, test.uuid)
        self.assertEqual('logged', test.log)
        test, = self.judge('test_passes').tests
        self.assertEqual('', test.log, 'nobody reads the log of a pass')

    def test_anything_new_outdoes_a_known_defect(self):
        self.assertEqual(1, self.judge(
            'test_shows_a_defect', 'test_breaks').exit_code())
        self.assertEqual(3, self.judge(
            'test_shows_a_defect', 'test_passes', 'test_skips').exit_code())
        self.assertEqual(0, self.judge(
            'test_passes', 'test_skips').exit_code())
        self.assertEqual(4, self.judge().exit_code())

    def test_known_defects_can_fail(self):
        known = self.judge('test_shows_a_defect')
        self.assertEqual(1, known.exit_code(fail_on_known=True))
        clean = self.judge('test_passes')
        self.assertEqual(0, clean.exit_code(fail_on_known=True))

    def test_names(self):
        for test_id, name in (
                ('%s.test_a.ATest.test_it[id-%s,slow]', 'test_it'),
                ('tearDownClass (%s.test_a.ATest)', 'tearDownClass'),
                ('setUpClass (%s.test_a.ATest)', 'setUpClass')):
            self.assertEqual('test_a.ATest.' + name, results.short_name(
                test_id.replace('%s', 'local_delete_tempest_plugin.scenario',
                                1).replace('%s', streams.UUID)))
        for test_id in 'process-returncode', 'a (b) c', '(b)', ' (b)':
            self.assertEqual(test_id, results.short_name(test_id))

    def test_a_name_without_an_end(self):
        """A search from each of its letters took many minutes."""
        name = 'a' * 300000 + ' (b'
        with fixtures.Timeout(60, gentle=True):
            self.assertEqual(name, results.short_name(name))

    def test_a_traceback_of_lines_without_words(self):
        with fixtures.Timeout(60, gentle=True):
            self.assertEqual('E: x', results.last_exception(
                '\n' * (1 << 21) + 'E: x'))

    def test_no_reason_is_told(self):
        """The stream of another runner may omit it."""
        for status in 'fail', 'skip':
            run = results.judge([stream.Result('a', status, None, None, {})])
            self.assertEqual('no reason is told', run.tests[0].summary)

    def test_a_clock_that_is_set_back(self):
        run = results.judge([stream.Result(
            'a', 'success', streams.BEGAN,
            streams.BEGAN - datetime.timedelta(hours=1), {})])
        self.assertEqual((None, None), (run.seconds, run.tests[0].seconds))

    def test_tests_of_others_prove_nothing(self):
        other = stream.Result('tempest.api.test_it', 'success', None, None, {})
        skip = stream.Result('local_delete_tempest_plugin.scenario.test_it',
                             'skip', None, None, {'reason': 'no host'})
        run = results.judge([other, skip])
        self.assertEqual(
            4, run.exit_code(), 'a run in which no scenario ran is clean')
        self.assertTrue(run.has_others)
        ours = dataclasses.replace(skip, status='success')
        self.assertEqual(0, results.judge([other, ours]).exit_code())
        failed = dataclasses.replace(other, status='fail')
        self.assertEqual(1, results.judge([failed, ours]).exit_code())

    def test_no_secret_is_shown(self):
        class Leaky(streams.Told):
            def test_it(self):
                words = ('{"adminPass": "SECRET"} https://joe:SECRET@test/ '
                         "{'X-Auth-Token': 'SECRET'}")
                self.addDetail("pythonlogging:''",
                               content.text_content(words))
                self.fail(words)

        test, = results.judge(stream.read(
            streams.version_2(Leaky('test_it')), 'it')).tests
        for words in test.log, test.failure.message, test.summary:
            self.assertNotIn('SECRET', words)
            self.assertIn('https://joe:***@test/', words)

    def test_skips_are_grouped(self):
        skips = self.judge('test_skips', 'test_skips', 'test_passes').skips
        self.assertEqual(
            {'[local_delete] reclaims is False': 2},
            {reason: len(tests) for reason, tests in skips.items()})

    def test_a_killed_run_is_unfinished(self):
        run = results.judge(stream.read(
            streams.version_2(streams.Told('test_passes'))
            + streams.begun('test_breaks'), 'it'))
        self.assertEqual(
            ['passed', 'unfinished'],
            [test.outcome.value for test in run.tests])
        self.assertEqual(1, run.exit_code())

    def test_a_failed_process_alone_counts(self):
        """Beside a failed test it says nothing new."""
        def process():
            return testtools.ErrorHolder(stream.PROCESS, _raised())

        for names, ended in ((['test_passes'], ['passed', 'failed']),
                             (['test_breaks'], ['failed'])):
            data = streams.version_2(*map(streams.Told, names), process())
            run = results.judge(stream.read(data, 'it'))
            self.assertEqual(
                ended, [test.outcome.value for test in run.tests])

    def test_long_details_are_cut(self):
        class Long(streams.Told):
            def test_long(self):
                self.addDetail("pythonlogging:''", content.text_content(
                    'x' * (1 << 21) + 'the end'))
                raise exceptions.LeakFound('y' * (1 << 21) + 'the end')

        test, = results.judge(stream.read(
            streams.version_2(Long('test_long')), 'it')).tests
        for text, longest in ((test.log, 1 << 17), (test.summary, 1100),
                              (test.failure.message, 1 << 21)):
            self.assertLess(len(text), longest)
            self.assertTrue(text.endswith('the end'), text[-50:])

    def log_of(self, data):
        """Judge a failed test whose packed log is given; return the log."""
        class Packed(streams.Told):
            def test_it(self):
                self.addDetail(attachments.LOG, content.Content(
                    content_type.ContentType('application', 'gzip'),
                    lambda: [data]))
                self.fail('left')

        test, = results.judge(stream.read(
            streams.version_2(Packed('test_it')), 'it')).tests
        return test.log

    def test_a_packed_log_is_cut_at_a_line(self):
        lines = ['line %d' % number for number in range(9999)]
        packed = attachments.pack_log(
            [content.text_content('\n'.join(lines))])
        words, *end = self.log_of(b''.join(packed.iter_bytes())).splitlines()
        self.assertRegex(words, r'^\(\d+ bytes are left out\.\)$')
        self.assertEqual(lines[-len(end):], end)
        self.assertGreater(len(end), 5000)

    def test_a_packed_log_of_somebody_else(self):
        bomb = gzip.compress(b'x' * (1 << 27))
        log = self.log_of(bomb)
        self.assertLess(len(log), 1 << 17)
        self.assertIn('(%d bytes' % ((1 << 26) - (1 << 16)), log,
                      'more of it was unpacked')
        for data in b'', b'?', gzip.compress(b'')[:-1]:
            self.assertIn(self.log_of(data), ('', '(The log cannot be read.)'))
        self.assertEqual('x' * 99, self.log_of(bomb[:400])[-99:])
        self.assertEqual('\\x1b[2J', self.log_of(gzip.compress(b'\x1b[2J')))


class BrokenStreamTest(base.TestCase):

    def test_time_that_no_clock_shows(self):
        for time in '0001-01-01 00:00:00+12:00', '9999-12-31 23:00:00-12:00':
            found, = stream.read(
                b'time: %s\ntest: a\nsuccess: a\n' % time.encode(), 'here')
            self.assertEqual((None, None), (found.began, found.ended))
        found, = stream.read(b'time: 2026-01-01 12:00:00+12:00\ntest: a\n'
                             b'success: a\n', 'here')
        self.assertEqual(streams.BEGAN, found.began)

    def test_no_stream(self):
        for data in b'hello\n', b'\x00\xff' * 9, b'\xb3':
            error = self.assertRaises(
                exceptions.ReportFailed, stream.read, data, 'here')
            self.assertIn('here is no subunit stream', str(error))

    def test_a_log_before_the_stream(self):
        """Some runners print there."""
        for write in streams.version_1, streams.version_2:
            run = results.judge(stream.read(
                b'INFO reading tempest.conf\n'
                + write(streams.Told('test_passes')), 'here'))
            self.assertEqual(0, run.exit_code())

    def test_damage_is_a_failure(self):
        good = streams.version_2(streams.Told('test_passes'))
        for data in good + b'\xb3\x29\x01\x00', good + good[:-3]:
            run = results.judge(stream.read(data, 'here'))
            self.assertEqual(1, run.exit_code())
            self.assertIn('damaged', run.tests[-1].summary)

    def test_version_1_that_is_cut_off(self):
        good = streams.version_1(streams.Told('test_breaks'))
        run = results.judge(stream.read(good[:-20], 'here'))
        self.assertEqual(1, run.exit_code())

    @base.slow
    @hypothesis.settings(
        deadline=None, max_examples=100,
        suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(
        strategies.sampled_from([streams.version_1, streams.version_2]),
        strategies.lists(strategies.tuples(
            strategies.floats(0, 1, exclude_max=True),
            strategies.integers(0, 255)), min_size=1, max_size=4))
    def test_no_bytes_break_it(self, write, changes):
        data = bytearray(write(*map(streams.Told, (
            'test_leaks', 'test_skips'))))
        for place, byte in changes:
            data[int(place * len(data))] = byte
        with contextlib.suppress(exceptions.ReportFailed):
            results.judge(stream.read(bytes(data), 'here'))


def _raised():
    try:
        raise RuntimeError('exit code 1')
    except RuntimeError as error:
        return (type(error), error, error.__traceback__)
