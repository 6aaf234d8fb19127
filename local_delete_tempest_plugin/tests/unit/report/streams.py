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

"""Streams of subunit, made by tests that really run."""

import datetime
import io
import json
import time

import subunit
from subunit import v2
from tempest.lib import decorators
import testtools
from testtools import content

from local_delete_tempest_plugin.common import timeline
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.scenario import known_bug

UUID = '11111111-1111-4111-8111-111111111111'
DEFECT = 'half-way-migration-leaked'
BEGAN = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
KNOWN_BUGS = 'auto takes the defects of 2025.1, because of that'
WORDS = 'VCPU before 0, during 1, after 1'


class Told(testtools.testcase.WithAttributes, testtools.TestCase):
    """Stories of no cloud, one for each way to end."""

    versions: dict[str, str] = {}

    def test_passes(self):
        self.addDetail("pythonlogging:''", content.text_content('logged'))

    @decorators.idempotent_id(UUID)
    def test_leaks(self):
        self.addDetail("pythonlogging:''", content.text_content('logged'))
        raise exceptions.LeakFound('the cloud holds more:\n' + WORDS)

    def test_breaks(self):
        raise ValueError('no answer')

    @known_bug.known_bug(DEFECT)
    def test_shows_a_defect(self):
        raise exceptions.LeakFound('the cloud holds more:\n' + WORDS)

    @known_bug.known_bug(DEFECT)
    def test_shows_no_defect(self):
        pass

    def test_has_a_timeline(self):
        attach_timeline(self)

    def test_leaks_on_a_timeline(self):
        attach_timeline(self, left=[{
            'what': '1 VCPU', 'where': 'cmp1', 'of': 'migration 7'}, {
            'what': '128 MEMORY_MB', 'where': 'cmp1', 'of': 'migration 7'}])
        raise exceptions.LeakFound('the cloud holds more:\n' + WORDS)

    def test_skips(self):
        self.skipTest('[local_delete] reclaims is False')

    def test_meets_a_defect(self):
        with known_bug.new_to_placement(self):
            raise exceptions.DeleteNotAccepted(
                '500 openstack.exceptions.NotSupported')


def attach_timeline(test, **fields):
    """Attach a timeline as a scenario does.

    :param test: The test.
    :param fields: Other fields than the usual ones.
    """
    now = time.time()
    test.addDetail(timeline.DETAIL, content.text_content(json.dumps(dict({
        'version': 1, 'story': 'A story.',
        'versions': {'compute microversion': '2.96',
                     'known_bugs': KNOWN_BUGS},
        'usages': [
            {'at': now + number / 1000, 'until': now + number / 1000,
             'when': when, 'project': {'VCPU': vcpus, 'DISK_GB': 0},
             'hosts': {'cmp1': {'VCPU': vcpus}}}
            for number, (when, vcpus) in enumerate((
                ('before', 0), ('during', 2), (None, 2), ('after', 1)))],
        'outages': [
            {'kind': kind, 'where': 'cmp1', 'is_out': kind == 'stopped',
             'begun': now, 'seen': now, 'returning': now, 'back': now + 61}
            for kind in ('stopped', 'disabled')],
        'steps': [{'kind': 'boot', 'at': now, 'seconds': .1}],
        'left': []}, **fields))))


def version_2(*tests):
    """Run tests as a runner does, which writes version 2."""
    stream = io.BytesIO()
    result = testtools.ExtendedToStreamDecorator(
        v2.StreamResultToBytes(stream))
    result.startTestRun()
    for test in tests:
        test.run(result)
    result.stopTestRun()
    return stream.getvalue()


def begun(test_id):
    """Write what is in a stream of a test whose process is killed."""
    stream = io.BytesIO()
    v2.StreamResultToBytes(stream).status(
        test_id=test_id, test_status='inprogress')
    return stream.getvalue()


def backwards(test_id):
    """Write a test during which the clock was set back."""
    stream = io.BytesIO()
    result = v2.StreamResultToBytes(stream)
    for status, hours in ('inprogress', 1), ('success', 0):
        result.status(test_id=test_id, test_status=status,
                      timestamp=BEGAN + datetime.timedelta(hours=hours))
    return stream.getvalue()


def version_1(*tests):
    """Run tests as the repository of stestr keeps them."""
    stream = io.BytesIO()
    result = subunit.TestProtocolClient(stream)
    for test in tests:
        result.time(BEGAN)
        test.run(result)
    return stream.getvalue()
