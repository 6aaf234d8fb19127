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

import datetime
from html import parser
import re
import time
import types

from testtools import content

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.report import charts
from local_delete_tempest_plugin.report import page
from local_delete_tempest_plugin.report import results
from local_delete_tempest_plugin.report import stream
from local_delete_tempest_plugin.scenario import known_bug
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit.report import streams

# Elements without an end.
_VOID = ('meta',)

HOSTILE = ('</p></style><script>alert(1)</script>"\' onload=alert(1) '
           '{{7*7}}&<!--')


class Page(parser.HTMLParser):
    """What a browser sees of a page."""

    def __init__(self, text):
        super().__init__()
        self.words = []
        self.tags = []
        self.attributes = []
        self.hidden = []
        self._open = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if self._open.pop() != tag:
            raise AssertionError('</%s> closes no such element' % tag)

    def handle_data(self, data):
        if 'style' not in self._open:
            self.words.append(data)
            if 'details' in self._open and 'summary' not in self._open:
                self.hidden.append(data)

    def close(self):
        super().close()
        if self._open:
            raise AssertionError('%s are not closed' % self._open)

    @property
    def text(self):
        return ''.join(self.words)

    @property
    def links_away(self):
        """The addresses of links that leave the page."""
        return [value for name, value in self.attributes
                if name == 'href' and not value.startswith('#')]

    @property
    def flat(self):
        """The words, with one space between any two."""
        return ' '.join(' '.join(self.words).split())


class PageTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.config(known_bugs=[streams.DEFECT])

    def write(self, *tests, **options):
        run = results.judge(stream.read(streams.version_2(*tests), 'it'))
        return page.as_html(run, **options)

    def page(self, *names, **options):
        return Page(self.write(*map(streams.Told, names), **options))

    def test_the_verdict_comes_first(self):
        for names, words in (
                (['test_passes'], 'Nothing is left behind'),
                (['test_passes', 'test_leaks'], 'Something new was found'),
                (['test_passes', 'test_shows_a_defect'],
                 'Only known defects of Nova were found'),
                (['test_skips'], 'Nothing ran, so nothing is proven')):
            found = self.page(*names)
            text = found.text[found.text.index('report'):].split()
            self.assertEqual(
                words.split(), text[1:1 + len(words.split())], names)

    def test_the_message_is_above_the_log(self):
        found = self.page('test_passes', 'test_leaks')
        self.assertIn(streams.WORDS, found.text)
        self.assertNotIn(streams.WORDS, ''.join(found.hidden))
        self.assertEqual(1, ''.join(found.hidden).count('logged'))
        self.assertLess(found.text.index(streams.WORDS),
                        found.text.index('logged'))

    def test_what_is_left_comes_first(self):
        found = self.page('test_leaks_on_a_timeline')
        places = [found.text.index(words) for words in (
            '1 VCPU, 128 MEMORY_MB left on cmp1 by migration 7',
            streams.WORDS)]
        self.assertEqual(sorted(places), places)

    def test_a_known_defect_is_named_and_linked(self):
        found = self.page('test_shows_a_defect')
        self.assertIn(streams.DEFECT, found.text)
        self.assertEqual([], found.links_away)
        found = self.page('test_shows_a_defect',
                          findings='https://docs.test/findings.html')
        self.assertEqual(
            ['https://docs.test/findings.html#' + streams.DEFECT],
            found.links_away)

    def test_the_message_of_a_known_defect_is_folded_away(self):
        class Known(streams.Told):
            @known_bug.known_bug(streams.DEFECT)
            def test_it(self):
                self.test_leaks_on_a_timeline()

        found = Page(self.write(Known('test_it')))
        left = '1 VCPU, 128 MEMORY_MB left on cmp1 by migration 7'
        self.assertIn(left, found.text)
        self.assertNotIn(left, ''.join(found.hidden))
        self.assertIn(streams.WORDS, ''.join(found.hidden))

    def test_each_part_of_the_page_has_a_link(self):
        found = self.page('test_leaks', 'test_has_a_timeline', 'test_skips',
                          'test_shows_a_defect')
        links = [value[1:] for name, value in found.attributes
                 if name == 'href']
        self.assertEqual(['new', 'known', 'ran', 'out', 'skipped',
                          'versions'], links)
        ids = [value for name, value in found.attributes if name == 'id']
        self.assertEqual(links, ids)
        self.assertNotIn('#new', dict(self.page('test_passes').attributes))

    def test_skips_are_grouped_by_reason(self):
        found = self.page('test_skips', 'test_skips')
        self.assertEqual(
            1, found.text.count('[local_delete] reclaims is False'))
        self.assertIn('2 skipped', found.text)

    def test_usage_is_drawn(self):
        found = self.page('test_has_a_timeline', 'test_passes')
        self.assertEqual(1, found.tags.count('svg'))
        self.assertIn('VCPU, at most 2', found.text)
        self.assertNotIn('DISK_GB, at most', found.text)
        classes = [value for name, value in found.attributes
                   if name == 'class']
        for name in 'curve', 'band', 'axis', 'step boot':
            self.assertEqual(1, classes.count(name), name)
        self.assertIn('A story.', found.text)
        self.assertIn('cmp1: stopped, out for 1 min 01 s', found.text)
        self.assertIn('cmp1: disabled\n', found.text)

    def test_a_curve_is_as_long_as_its_changes(self):
        class Steady(streams.Told):
            def test_it(self):
                streams.attach_timeline(self, usages=[{
                    'at': 1, 'until': 1, 'when': None, 'hosts': {},
                    'project': {'VCPU': 1}}] * 300)

        curve, = re.findall('<path d="([^"]*)" class="curve"',
                            self.write(Steady('test_it')))
        self.assertLess(len(curve), 50)

    def test_amounts_are_a_table(self):
        found = self.page('test_has_a_timeline')
        self.assertIn('project VCPU 0 2 1 cmp1 VCPU 0 2 1', found.flat)

    def test_steps_are_a_table_in_their_order(self):
        class Steps(streams.Told):
            def test_it(self):
                now = time.time()
                outage = {'where': 'cmp1', 'is_out': True, 'seen': now,
                          'returning': now}
                streams.attach_timeline(self, steps=[
                    {'kind': 'delete', 'at': now + 20, 'seconds': 3},
                    {'kind': 'boot', 'at': now + 5, 'seconds': 4},
                    {'kind': 'take away', 'at': now + 9, 'seconds': 1}],
                    outages=[dict(outage, kind=kind, begun=now + begun,
                                  back=now + begun + 30)
                             for kind, begun in (('forced-down', 12),
                                                 ('unnoticed', 10))])

        found = Page(self.write(Steps('test_it')))
        self.assertRegex(
            found.flat, r'After Step [\d.]+ s create, 4\.0 s '
            r'[\d.]+ s cmp1: killed, out for 30\.0 s '
            r'[\d.]+ s cmp1: forced down, out for 30\.0 s '
            r'[\d.]+ s delete, 3\.0 s')
        self.assertNotIn('take away', found.text)

    def draw(self, seconds, *outages):
        """Draw a scenario; return the places of the names of its outages."""
        drawn = charts.draw(types.SimpleNamespace(
            began=streams.BEGAN, seconds=seconds,
            ended=streams.BEGAN + datetime.timedelta(seconds=seconds),
            timeline={'usages': [{'at': 0, 'project': {}}], 'steps': [],
                      'outages': [{
                          'where': where, 'kind': 'stopped', 'is_out': True,
                          'begun': streams.BEGAN.timestamp() + begun,
                          'back': None} for where, begun in outages]}))
        return drawn, {words: (float(x), float(y)) for x, y, words in (
            re.findall('<text x="([^"]*)" y="([^"]*)"[^>]*>([^<]*)', drawn))}

    def test_names_of_outages_do_not_cover_each_other(self):
        _, places = self.draw(100, ('a' * 20, 10), ('b' * 20, 20),
                              ('c' * 20, 99))
        first, second, third = (
            place for words, place in places.items() if 'stopped' in words)
        self.assertEqual(first[1], third[1])
        self.assertGreater(abs(first[1] - second[1]), 10)
        # Chromium needs 7.2 pixels for a bold character of a host's name.
        self.assertLess(third[0] + 7.5 * len('c' * 20 + ' stopped'), 720,
                        'it ends outside of the drawing')

    def test_the_last_mark_of_the_axis_is_whole(self):
        drawn, places = self.draw(140)
        self.assertEqual(720, places['140 s'][0])
        self.assertIn('text-anchor="end"', drawn)
        _, places = self.draw(138)
        self.assertLess(places['120 s'][0], 700)

    def test_how_long_hosts_were_out(self):
        found = self.page('test_has_a_timeline', 'test_has_a_timeline')
        self.assertIn('cmp1 2 2 min 02 s 1 min 01 s', found.flat)

    def test_versions(self):
        found = self.page('test_has_a_timeline', 'test_has_a_timeline')
        self.assertIn('Versions compute microversion 2.96', found.flat)

    def test_an_outage_without_an_end(self):
        class Open(streams.Told):
            def test_it(self):
                streams.attach_timeline(self, outages=[{
                    'kind': 'stopped', 'where': 'cmp1', 'is_out': True,
                    'begun': 1.0, 'seen': None, 'returning': None,
                    'back': None}])

        found = Page(self.write(Open('test_it')))
        self.assertIn('band open', [value for _, value in found.attributes])
        self.assertIn('nobody saw it come back', found.text)
        self.assertIn('1 without an end', found.text)

    def test_hostile_timeline(self):
        class Hostile(streams.Told):
            def test_it(self):
                amounts = {HOSTILE: 10 ** 15, 'VCPU': 0}
                outage = {'kind': HOSTILE, 'where': HOSTILE, 'is_out': True,
                          'begun': 0, 'seen': 1e11, 'returning': 1e11,
                          'back': 0}
                usage = {'at': 1e11, 'until': 0, 'when': 'after',
                         'project': amounts, 'hosts': {HOSTILE: amounts}}
                streams.attach_timeline(
                    self, story=HOSTILE, outages=[outage],
                    usages=[usage, dict(usage, at=0)],
                    left=[{'what': HOSTILE, 'where': HOSTILE, 'of': ''}])
                self.fail('left')

        found = Page(self.write(Hostile('test_it')))
        self.assertNotIn('script', found.tags)
        self.assertEqual(1, found.tags.count('svg'))
        self.assertGreaterEqual(found.text.count(HOSTILE), 5)

    def test_hostile_words(self):
        class Hostile(streams.Told):
            def id(self):
                return 'module.Class.test_' + HOSTILE

            def test_fails(self):
                self.addDetail("pythonlogging:''",
                               content.text_content(HOSTILE))
                self.fail(HOSTILE)

            def test_skips(self):
                self.skipTest(HOSTILE)

            def test_known(self):
                self.addDetail('known-defect', content.text_content(HOSTILE))
                self.skipTest(HOSTILE)

        text = self.write(*map(Hostile, (
            'test_fails', 'test_skips', 'test_known')),
            findings='https://docs.test/')
        found = Page(text)
        self.assertNotIn('script', found.tags)
        self.assertEqual([], [name for name, _ in found.attributes
                              if name.startswith('on')])
        self.assertGreaterEqual(found.text.count(HOSTILE), 6)

    def test_it_loads_nothing(self):
        text = self.write(*map(streams.Told, (
            'test_passes', 'test_leaks', 'test_skips',
            'test_has_a_timeline')))
        found = Page(text)
        self.assertEqual(set(), {'script', 'link', 'img', 'iframe', 'object',
                                 'base', 'form'} & set(found.tags))
        self.assertEqual(set(), {'src', 'style', 'action'}
                         & {name for name, _ in found.attributes})
        self.assertEqual([], found.links_away)
        # The names of the languages of a drawing are loaded by nobody.
        text = re.sub(' xmlns(:xlink)?="[^"]*"', '', text)
        for words in ('url(', '@import', 'http://', 'https://', 'xlink'):
            self.assertNotIn(words, text)
        self.assertIn("default-src 'none'", text)

    def test_tests_of_others_prove_nothing(self):
        class Other(streams.Told):
            def id(self):
                return 'tempest.api.test_it'

        self.assertIn('No scenario ran, so nothing is proven',
                      Page(self.write(Other('test_passes'))).text)

    def test_a_clock_that_is_set_back(self):
        run = results.judge([stream.Result(
            'a.b', 'success', streams.BEGAN,
            streams.BEGAN - datetime.timedelta(hours=1), {})])
        text = Page(page.as_html(run)).text
        self.assertNotIn('-3600', text)
        self.assertIn('unknown', text)

    def test_ninety_long_reasons_are_below_2_mb(self):
        text = page.as_html(results.judge([
            stream.Result('a.b', 'skip', None, None, {
                'reason': '%d%s the end' % (number, '"' * 50000)})
            for number in range(90)]))
        self.assertLess(len(text.encode()), 2 * 10 ** 6)
        self.assertEqual(90, Page(text).text.count('the end'))

    @base.slow
    def test_ninety_long_failures_are_below_2_mb(self):
        class Long(streams.Told):
            def test_long(self):
                self.addDetail("pythonlogging:''", content.text_content(
                    '<"%s">\n' % ('x' * 60) * 5000))
                raise exceptions.LeakFound('"' * 100000 + 'the end')

        text = self.write(*[Long('test_long')] * 90)
        self.assertLess(len(text.encode()), 2 * 10 ** 6)
        self.assertEqual(90, Page(text).text.count('"the end'))
