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

"""The proxy that shows that preflight only reads."""

import http.server
import threading
import urllib.error
import urllib.request

from allinone.tests import base
from proof.trials import preflight
from proof.trials import recording_proxy


class _Api(http.server.BaseHTTPRequestHandler):
    """Answers everything, and remembers it."""

    def _handle(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.asked.append((self.command, self.path, body))
        self.send_response(201)
        self.send_header('X-Subject-Token', 'token')
        self.end_headers()
        self.wfile.write(b'content')

    do_GET = do_POST = do_PUT = _handle

    def log_message(self, *_):
        """Leave stderr alone."""


class RecordingTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.asked = []
        server = http.server.HTTPServer(
            ('127.0.0.1', 0), type('Api', (_Api,), {'asked': self.asked}))
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.url = f'http://127.0.0.1:{server.server_port}'

    def send(self, proxy, method, path, body=None):
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({'http': proxy}))
        return opener.open(urllib.request.Request(
            self.url + path, data=body, method=method))

    def test_what_reads_passes_and_is_written_down(self):
        with recording_proxy.recording(preflight._refusal) as (url, seen):
            with self.send(url, 'GET', '/v2.1/servers?a=b') as answer:
                self.assertEqual((201, b'content'),
                                 (answer.status, answer.read()))
            with self.send(url, 'POST', '/v3/auth/tokens', b'{}') as answer:
                self.assertEqual('token', answer.headers['X-Subject-Token'])
        self.assertEqual([('GET', '/v2.1/servers?a=b', b''),
                          ('POST', '/v3/auth/tokens', b'{}')], self.asked)
        self.assertEqual(
            [('GET', self.url + '/v2.1/servers?a=b'),
             ('POST', self.url + '/v3/auth/tokens')],
            [(one.method, one.url) for one in seen])
        self.assertEqual(
            [b'content'] * 2, [one.answer for one in seen])

    def test_what_changes_is_refused_and_written_down(self):
        with recording_proxy.recording(preflight._refusal) as (url, seen):
            for method, path in (('PUT', '/v3/auth/tokens'),
                                 ('POST', '/v2.1/servers')):
                refusal = self.assertRaises(
                    urllib.error.HTTPError, self.send, url, method, path,
                    b'{}')
                self.assertEqual(403, refusal.code)
                refusal.close()
        self.assertEqual([], self.asked)
        self.assertEqual([False, False], [
            preflight._only_reads(one.method, one.url) for one in seen])
