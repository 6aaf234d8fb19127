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

"""Processes of a cloud in between, and what "up" prints."""

import collections
import contextlib
import io
from unittest import mock

from allinone import lifecycle
from allinone.tests import base


class StartTest(base.TestCase):

    @mock.patch('allinone.supervision.running', autospec=True,
                return_value=True)
    @mock.patch('allinone.supervision.client', autospec=True)
    @mock.patch('allinone.supervision.info', autospec=True)
    @mock.patch('allinone.readiness.listening', autospec=True)
    def test_a_start_waits_until_the_port_is_free(
            self, listening, info, client, _):
        """A worker of the killed process may hold the port a moment longer."""
        events = []
        state = collections.defaultdict(lambda: {'statename': 'EXITED'})
        info.return_value = state

        def start(name, *_):
            events.append(f'start {name}')
            state[name] = {'statename': 'RUNNING'}

        def listens(port):
            held = len(events) < 2
            events.append(f'port {port} held' if held else
                          f'port {port} asked')
            return held or 'start glance-api' in events

        client.return_value.startProcess.side_effect = start
        listening.side_effect = listens
        lifecycle.start(self.cloud, ['glance-api'])
        port = self.cloud.ports['glance-api']
        self.assertEqual(
            [f'port {port} held', f'port {port} held', f'port {port} asked',
             'start glance-api', f'port {port} asked'], events[:5],
            'glance-api was started while its port was held')

    @mock.patch('allinone.supervision.running', autospec=True,
                return_value=True)
    @mock.patch('allinone.supervision.client', autospec=True)
    @mock.patch('allinone.supervision.info', autospec=True)
    def test_a_start_waits_for_the_end_of_a_stop(self, info, client, _):
        """supervisord would take the process for one that runs already."""
        states = ['STOPPING', 'STOPPING', 'STOPPING', 'STOPPED']
        seen = []

        def tell(state):
            seen.append(states.pop(0) if states[1:] else states[0])
            return {'nova-compute-compute1': {'statename': seen[-1]}}

        def start(name, *_):
            self.assertEqual('STOPPED', seen[-1],
                             f'{name} was started in mid-stop')

        info.side_effect = tell
        client.return_value.startProcess.side_effect = start
        lifecycle.start(self.cloud, ['nova-compute-compute1'])
        client.return_value.startProcess.assert_called_once()


class ReportTest(base.TestCase):

    def test_steps_under_way_are_named(self):
        report = lifecycle._Report()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            for name, seconds in (('a', None), ('b', None), ('c', None),
                                  ('b', 1.0), ('c', 2.0), ('a', 3.0)):
                report(name, seconds)
        self.assertEqual(
            ['b (1.0 s); awaited: a, c', 'c (2.0 s); awaited: a',
             'a (3.0 s)'],
            [line.partition('] ')[2]
             for line in printed.getvalue().splitlines()])
