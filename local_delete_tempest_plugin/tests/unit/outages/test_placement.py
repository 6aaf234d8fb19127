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
import http.server
import os
import socket
import threading
import types

import testtools

from local_delete_tempest_plugin.cloud import transport as edge
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.services import placement
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit import outage_case


class PlacementStoppedTest(outage_case.OutageTest):

    def setUp(self):
        super().setUp()
        self.config(allow_placement_outage=True)

    def build_cloud(self):
        super().build_cloud()
        self.cloud.before_answer = self.answer
        self.seen = fake_cloud.Answer(503, '')

    def answer(self, method, path):
        if self.is_stopped('placement'):
            raise self.seen

    def make(self, answer=placement_outage.PlacementStopped.UNAVAILABLE):
        admin, run_journal, _, _ = self.arguments()
        return placement_outage.PlacementStopped(admin, run_journal, answer)

    def assert_as_before(self, message=''):
        self.assertFalse(self.is_stopped('placement'), message)
        self.assertEqual([], os.listdir(self.journals), message)

    def test_stopped_and_started(self):
        with self.make() as away:
            away.begin()
            self.assertTrue(self.is_stopped('placement'))
        self.assert_as_before()

    def test_given_back_whenever_the_test_times_out(self):
        self.assert_survives_time_outs(self.make)

    def test_another_story(self):
        error = self.assertRaises(
            exceptions.OutageRefused, self.use,
            self.make(placement_outage.PlacementStopped.REFUSED))
        self.assertEqual(exceptions.Refusal.OTHER_OUTAGE, error.code)
        for detail in ('[local_delete] placement_stop_command',
                       placement_outage.PlacementStopped.UNAVAILABLE,
                       placement_outage.PlacementStopped.REFUSED):
            self.assertIn(detail, str(error))
        self.assert_as_before()

    def test_needs_the_proxys_commands_for_its_own_story(self):
        placement_commands = ('placement_stop_command',
                              'placement_start_command')
        stories = placement_outage.PlacementStopped
        for answer in (stories.REFUSED, stories.UNAVAILABLE):
            self.assertEqual(placement_commands, stories.needs(answer))
        self.config(placement_proxy_stop_command='stop')
        self.assertEqual(placement_commands,
                         stories.needs(stories.UNAVAILABLE))
        self.assertEqual(('placement_proxy_stop_command',
                          'placement_proxy_start_command'),
                         stories.needs(stories.REFUSED))

    def test_not_started_again(self):
        with testtools.ExpectedException(exceptions.RestoreFailed):
            with self.make() as away:
                away.begin()
                self.config(placement_start_command='true')
        error = self.assertRaises(exceptions.RestoreFailed, away.restore)
        self.assertIn('Placement was not given back: ', str(error))
        self.assertIn('until Placement answers; last seen: a proxy answers '
                      '503', str(error))
        self.assertIn('To put it right: true', str(error))

    def test_a_stop_takes_effect_after_the_start(self):
        with self.make() as away:
            away.begin()
            self.config(placement_start_command=self.start_at_the_second_try(
                'placement'))
        self.assert_as_before()

    def test_a_stop_that_was_cut_off_takes_effect_much_later(self):
        self.assert_stays(self.make, 'placement_stop_command', 'placement')

    def test_a_stop_that_returned_at_once_takes_effect_much_later(self):
        """As with "systemctl --no-block", or a SIGTERM."""
        self.assert_stays(self.make, 'placement_stop_command', 'placement',
                          code=0, error=exceptions.TimedOut)

    @base.slow
    def test_a_stop_whose_run_was_killed(self):
        self.assert_stays_after_a_kill(
            self.make, 'placement_stop_command', 'placement')

    def test_start_command_fails_though_it_answers(self):
        """As where the stop failed, and nothing is there to be started."""
        with self.make() as away:
            away.begin()
            os.unlink(self.stopped.join('placement'))
        self.assert_as_before()

    def test_stopped_only_if_it_can_be_started(self):
        for command in (None, 'systemctl start "placement'):
            self.config(placement_start_command=command)
            self.assertRaises(exceptions.CommandFailed, self.use, self.make())
            self.assert_as_before()

    def test_stopped_only_if_the_operator_allows_it(self):
        self.config(allow_placement_outage=False)
        error = self.assertRaises(exceptions.OutageRefused, self.use,
                                  self.make())
        self.assertEqual(exceptions.Refusal.OPTION_OFF, error.code)
        self.assertIn('[local_delete] allow_placement_outage', str(error))
        self.assertEqual([], self.cloud.requests)


class Handler(http.server.BaseHTTPRequestHandler):

    def do_GET(self):
        self.send_response(self.server.status)
        self.send_header('Content-Length', '16')
        self.end_headers()
        self.wfile.write(b'{"versions": []}')

    def log_message(self, *args):
        """Say nothing on stderr."""


class ProbeTest(base.TestCase):
    """What a client of Placement sees, over real connections."""

    def setUp(self):
        super().setUp()
        self.useFixture(edge.BoundedFixture())

    def probe(self, address):
        url = 'http://127.0.0.1:%d/placement' % address[1]
        client = placement.PlacementClient(
            types.SimpleNamespace(base_url=lambda filters: url),
            'placement', 'RegionOne', http_timeout=20)
        return placement_outage.PlacementStopped(
            types.SimpleNamespace(placement=client, renew_token=None), None,
            placement_outage.PlacementStopped.REFUSED).probe()

    def test_connection_refused(self):
        with socket.socket() as bound:
            # It is bound, so nobody else listens there; nor does it.
            bound.bind(('127.0.0.1', 0))
            self.assertEqual(placement_outage.PlacementStopped.REFUSED,
                             self.probe(bound.getsockname()))

    def test_connection_reset(self):
        with socket.create_server(('127.0.0.1', 0)) as server:
            def serve():
                with contextlib.suppress(OSError):
                    while True:
                        server.accept()[0].close()

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            seen = self.probe(server.getsockname())
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
        self.assertEqual('requests fail: ', seen[:15])

    def test_status(self):
        stories = placement_outage.PlacementStopped
        server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        for status, seen in ((200, stories.ANSWERS), (401, stories.ANSWERS),
                             (404, 'it answers 404'),
                             (429, 'it answers 429'),
                             (500, 'it answers 500'),
                             (502, stories.UNAVAILABLE),
                             (503, stories.UNAVAILABLE),
                             (504, stories.UNAVAILABLE)):
            server.status = status
            self.assertEqual(seen, self.probe(server.server_address))
