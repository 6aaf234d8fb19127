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

"""Servers that answer as no service should, over real connections."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time

import fixtures

HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'


def answer(data):
    """Make a story: send these bytes, and close."""
    return lambda connection: connection.sendall(data)


def redirect(status, location):
    """Make a story: send the client elsewhere."""
    return answer(b'HTTP/1.1 %d Elsewhere\r\nContent-Length: 0\r\n'
                  b'Location: %s\r\n\r\n' % (status, location.encode()))


def trickle(start, drop=b'x'):
    """Make a story: send a drop from time to time, without an end.

    :param start: Bytes that are sent first.
    :param drop: Bytes that follow again and again.
    """
    def tell(connection):
        connection.sendall(start)
        while True:
            connection.sendall(drop)
            # Far below any limit of a single read.
            time.sleep(0.02)
    return tell


def silence(connection):
    """Say nothing, and wait until the client goes away."""
    while connection.recv(1024):
        pass


def flood(connection):
    """Send an answer that never ends, as fast as it is read."""
    connection.sendall(HEAD + b'\r\n')
    while True:
        connection.sendall(b' ' * 65536)


class RudeServer(fixtures.Fixture):
    """Tells one story to each client.

    :param story: Callable of a connection whose request's head was read.
    :param tls: Whether to speak TLS, with a certificate of its own making.
    :ivar seen: What the clients sent, as bytes.
    """

    def __init__(self, story, tls=False):
        super().__init__()
        self._story = story
        self._tls = tls
        self.seen = []

    def _setUp(self):
        self._context = self._make_context() if self._tls else None
        self._server = socket.create_server(('127.0.0.1', 0))
        self.port = self._server.getsockname()[1]
        self.url = '%s://127.0.0.1:%d' % (
            'https' if self._tls else 'http', self.port)
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        self.addCleanup(self._server.close)
        # What waits in accept is not woken by a close.
        self.addCleanup(self._server.shutdown, socket.SHUT_RDWR)

    def _make_context(self):
        folder = self.useFixture(fixtures.TempDir())
        key, certificate = folder.join('key.pem'), folder.join('cert.pem')
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
             'ec_paramgen_curve:prime256v1', '-nodes',
             '-keyout', key, '-out', certificate, '-days', '1', '-subj',
             '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
            check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                # Clients do not wait for a client that keeps its connection.
                threading.Thread(target=self._tell, args=[connection],
                                 daemon=True).start()

    def _tell(self, connection):
        # A client that has heard enough hangs up.
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            if self._context:
                connection = stack.enter_context(self._context.wrap_socket(
                    connection, server_side=True))
            self.seen.append(connection.recv(65536))
            self._story(connection)
            # A close with something unread would look like a crash.
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
