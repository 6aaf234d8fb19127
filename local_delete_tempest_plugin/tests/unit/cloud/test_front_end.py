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

import types

from local_delete_tempest_plugin.cloud import front_end
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin.services import placement
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import rude_server


def answer(status, body, kind=b'text/html'):
    return rude_server.answer(
        b'HTTP/1.1 %d x\r\nServer: Apache\x1b/2.4\r\nContent-Type: %s\r\n'
        b'Content-Length: %d\r\n\r\n%s' % (status, kind, len(body), body))


class FrontEndTest(base.TestCase):
    """Who would answer if the service of a URL were stopped?"""

    def setUp(self):
        super().setUp()
        self.useFixture(transport.BoundedFixture())
        self.config(request_timeout=60)

    def find(self, url):
        return front_end.find(placement.PlacementClient(
            types.SimpleNamespace(
                base_url=lambda filters: url, auth_request=lambda method, path,
                headers, body, filters: (url, {'X-Auth-Token': 't'}, body)),
            'placement', 'RegionOne'))

    def test_found(self):
        """As DevStack has it: Apache, and /placement behind it."""
        for status in (403, 404):
            server = self.useFixture(rude_server.RudeServer(
                answer(status, b'<html>')))
            self.assertEqual(
                '%s/local-delete-no-such-path answered %d (Server: '
                'Apache\\x1b/2.4)' % (server.url, status),
                self.find(server.url + '/placement/'))
            self.assertIn(b'GET /local-delete-no-such-path ', server.seen[0])
            self.assertNotIn(b'auth-token', server.seen[0].lower())

    def test_nobody_can_tell(self):
        """What listens may be Placement itself, or pass everything to it."""
        served = self.useFixture(rude_server.RudeServer(
            answer(404, b'{"errors": []}', b'application/json')))
        self.assertIsNone(self.find(served.url + '/placement'))
        silent = self.useFixture(rude_server.RudeServer(
            rude_server.answer(b'')))
        self.assertIsNone(self.find(silent.url + '/placement'))

    def test_a_url_without_a_path(self):
        server = self.useFixture(rude_server.RudeServer(
            answer(404, b'<html>')))
        for end in ('', '/'):
            self.assertIsNone(self.find(server.url + end))
        self.assertEqual([], server.seen)
