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

import itertools
import json
import types

import jsonschema

from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import timeline
from local_delete_tempest_plugin.tests.unit import base


class TimelineTest(base.TestCase):

    def setUp(self):
        super().setUp()
        seconds = itertools.count(1000)
        self.timeline = timeline.Timeline(
            'A story.', {'tempest': '42'}, lambda: next(seconds))

    def attached(self):
        found = json.loads(
            b''.join(self.timeline.as_content().iter_bytes()))
        jsonschema.validate(found, timeline.SCHEMA)
        return found

    def outage(self, **moments):
        return types.SimpleNamespace(
            name='forced-down', where='cmp1', is_out=True,
            moments=timeline.Moments(**moments))

    def test_nothing_happened(self):
        found = self.attached()
        self.assertEqual('A story.', found['story'])
        self.assertEqual({'tempest': '42'}, found['versions'])
        for name in 'usages', 'outages', 'steps', 'left':
            self.assertEqual([], found[name])

    def test_equal_readings_are_one(self):
        for amount in 1, 1, 1, 2:
            self.timeline.note_usage({'VCPU': amount}, {})
        self.timeline.note_usage({'VCPU': 2}, {}, 'after')
        self.assertEqual(
            [(1000, 1002, 1, None), (1003, 1003, 2, None),
             (1004, 1004, 2, 'after')],
            [(one['at'], one['until'], one['project']['VCPU'], one['when'])
             for one in self.attached()['usages']])

    def test_outages_are_read_at_the_end(self):
        away = self.outage()
        self.timeline.note_outage(away)
        self.assertEqual([], self.attached()['outages'], 'it has not begun')
        away.moments.begun, away.moments.back = 5, 9
        self.assertEqual(
            [{'kind': 'forced-down', 'where': 'cmp1', 'is_out': True,
              'begun': 5, 'seen': None, 'returning': None, 'back': 9}],
            self.attached()['outages'])

    def test_steps_are_spans(self):
        spans.listeners.append(self.timeline.note_span)
        self.addCleanup(spans.listeners.remove, self.timeline.note_span)
        for kind in spans.DELETE, spans.WAIT:
            with spans.span(kind):
                pass
        self.assertEqual(
            ['delete'], [one['kind'] for one in self.attached()['steps']])

    def test_what_is_left(self):
        self.timeline.note_left('1 VCPU', 'cmp1', 'migration 7')
        self.assertEqual(
            [{'what': '1 VCPU', 'where': 'cmp1', 'of': 'migration 7'}],
            self.attached()['left'])

    def test_it_stays_small(self):
        """However long a story waits, and whatever names are given."""
        for number in range(5000):
            self.timeline.note_usage({'VCPU': number}, {'cmp1': {}})
            self.timeline.note_span(spans.BOOT, 1)
            self.timeline.note_left('x' * 5000, 'y' * 5000, 'z' * 5000)
        usages = self.attached()['usages']
        self.assertEqual(500, len(usages))
        self.assertEqual((0, 4999), (usages[0]['project']['VCPU'],
                                     usages[-1]['project']['VCPU']))
