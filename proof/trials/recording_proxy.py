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

"""A proxy that records every request, for Tempest's option proxy_url."""

import collections.abc
import contextlib
import dataclasses
import http
import http.client
import http.server
import pathlib
import threading
from urllib import parse

from allinone import deployment
from allinone import errors
from proof.trials import runs

_TIMEOUT = 60


#: The kinds of credentials that a run may have.
CREDENTIALS = ('dynamic', 'provisioned')

_PROVISIONED = """
[auth]
use_dynamic_credentials = False
test_accounts_file = {}
"""


@dataclasses.dataclass(frozen=True)
class Exchange:
    """A request, and its answer if it was passed on and answered."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    answer_headers: dict[str, str] = dataclasses.field(default_factory=dict)
    answer: bytes = b''


def refuse_tls(cloud: deployment.Deployment) -> None:
    """Refuse a cloud whose requests no proxy can read.

    :raises BadInput: the endpoints are https
    """
    if cloud.tls:
        raise errors.BadInput(
            'No proxy can read what TLS encrypts: run "up" without --tls')


def workspace(cloud: deployment.Deployment, directory: pathlib.Path,
              credentials: str, url: str) -> runs.Workspace:
    """Make a workspace whose runs go through a proxy.

    :param directory: directory of the workspace; old files there are removed
    :param credentials: one of ``CREDENTIALS``
    :param url: URL of the proxy
    """
    made = runs.another(cloud, directory)
    if credentials == 'provisioned':
        provision(made)
    send_through(made, url)
    return made


def provision(workspace: runs.Workspace) -> None:
    """Let runs use the accounts of a file, and make none."""
    _append(workspace, _PROVISIONED.format(
        workspace.directory / 'etc' / 'accounts.yaml'))


def send_through(workspace: runs.Workspace, url: str) -> None:
    """Let the requests of runs go through a proxy."""
    _append(workspace, f'\n[service-clients]\nproxy_url = {url}\n')


def _append(workspace, text):
    with workspace.configuration.open('a') as configuration:
        configuration.write(text)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the proxy answers in the place of a service."""

    status: int
    body: str = ''
    kind: str = 'application/json'
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


#: The answer to a request that is not let through.
REFUSED = Answer(http.HTTPStatus.FORBIDDEN)


@contextlib.contextmanager
def recording(answers: collections.abc.Callable[[str, str], Answer | None]
              = lambda method, url: None) -> collections.abc.Generator[
                  tuple[str, list[Exchange]], None, None]:
    """Run the proxy for as long as the body lasts.

    :param answers: gives by method and URL the answer to a request; a request
        without an answer is passed on
    :returns: A context manager that gives the proxy's URL, and a list that
        gets an ``Exchange`` for each request.
    """
    seen: list[Exchange] = []
    server = http.server.ThreadingHTTPServer(
        ('127.0.0.1', 0), type('Recorder', (_Proxy,), {
            'seen': seen, 'answers': staticmethod(answers)}))
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield f'http://127.0.0.1:{server.server_port}', seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Proxy(http.server.BaseHTTPRequestHandler):

    def _handle(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        exchange = Exchange(self.command, self.path, dict(self.headers), body)
        instead = self.answers(self.command, self.path)
        if instead:
            self.seen.append(exchange)
            self._answer(instead)
            return
        try:
            answer, content = self._pass_on(exchange)
        except (OSError, http.client.HTTPException):
            # The client of a service that is away sees a broken connection.
            self.seen.append(exchange)
            return
        self.seen.append(dataclasses.replace(
            exchange, answer_headers=dict(answer.getheaders()),
            answer=content))
        # A client may not wait for its answer.
        with contextlib.suppress(OSError):
            self._give_back(answer, content)

    def _pass_on(self, exchange):
        target = parse.urlsplit(exchange.url)
        with contextlib.closing(http.client.HTTPConnection(
                target.netloc, timeout=_TIMEOUT)) as upstream:
            upstream.request(
                exchange.method,
                target._replace(scheme='', netloc='').geturl(),
                exchange.body, exchange.headers)
            answer = upstream.getresponse()
            return answer, answer.read()

    def _answer(self, answer):
        content = answer.body.encode()
        # A client may not wait for its answer.
        with contextlib.suppress(OSError):
            self.send_response_only(answer.status)
            for name, value in {**answer.headers, 'Content-Type': answer.kind,
                                'Content-Length': str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    def _give_back(self, answer, content):
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ('transfer-encoding', 'content-length'):
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def log_message(self, *_):
        """Leave stderr alone."""
