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

"""Preflight through a proxy that writes down, and lets only reading through.

``tempest local-delete preflight`` is run with credentials that Tempest makes
and with pre-provisioned ones, and --try-commands. The exit code is 1 unless
every request was a GET, a HEAD or the POST that gets a token, the proxy saw
each request that Tempest's log has (but for tokens, some of which Tempest gets
past any proxy), and preflight found nothing amiss.
"""

import collections
import contextlib
import http.client
import http.server
import re
import threading
from urllib import parse

from allinone import errors
from allinone import files
from allinone.trials import runs

_TOKENS = '/v3/auth/tokens'

_LOGGED = re.compile(r'Request \(.*\): \d+ ([A-Z]+) (\S+)')

_ACCOUNTS = '''
[auth]
use_dynamic_credentials = False
test_accounts_file = {}
'''


def add_arguments(parser):
    """Take none."""


def run(cloud, arguments):
    if cloud.tls:
        raise errors.BadInput(
            'What is sent over TLS cannot be written down: "up" without --tls')
    folder = files.directory(cloud.state / 'trials' / 'preflight')
    accounts = folder / 'workspace' / 'etc' / 'accounts.yaml'
    problems = []
    for name, settings in (('dynamic', ''),
                           ('provisioned', _ACCOUNTS.format(accounts))):
        found, count = _try(cloud, folder, name, settings)
        problems += [f'{name} credentials: {problem}' for problem in found]
        print(f'{name} credentials: {count} requests', flush=True)
    print('\n'.join(problems) or 'All of them only read')
    return 1 if problems else 0


def _try(cloud, folder, name, settings):
    """Run preflight once; return what is wrong, and how much it sent."""
    workspace = runs.another(cloud, folder / 'workspace')
    log = folder / f'{name}.log'
    log.unlink(missing_ok=True)
    with _recording() as (proxy, sent):
        with workspace.configuration.open('a') as configuration:
            configuration.write(
                f'{settings}\n[service-clients]\nproxy_url = {proxy}\n')
        code = workspace.command('preflight', '--try-commands', log=log)
    problems = [f'sent {method} {url}' for method, url in sent
                if not _only_reads(method, url)]
    if code:
        problems.append(f'ended with {code}: see {log}')
    logged = collections.Counter(_LOGGED.findall(
        (workspace.directory / 'logs' / 'tempest.log').read_text()))
    past = logged - collections.Counter(sent)
    problems += [f'sent past the proxy: {method} {url}'
                 for method, url in past if not _is_for_token(method, url)]
    return problems, len(sent) + past.total()


def _only_reads(method, url):
    return method in ('GET', 'HEAD') or _is_for_token(method, url)


def _is_for_token(method, url):
    return method == 'POST' and parse.urlsplit(url).path == _TOKENS


@contextlib.contextmanager
def _recording():
    """Run the proxy for the body.

    :returns: A context manager that gives the proxy's URL, and the list that
        gets (method, URL) of each request.
    """
    sent = []
    server = http.server.ThreadingHTTPServer(
        ('127.0.0.1', 0), type('Recorder', (_Proxy,), {'sent': sent}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f'http://127.0.0.1:{server.server_port}', sent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Proxy(http.server.BaseHTTPRequestHandler):
    """Forwards what only reads, and refuses all else."""

    def _handle(self):
        self.sent.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if not _only_reads(self.command, self.path):
            self.send_error(403)
            return
        target = parse.urlsplit(self.path)
        with contextlib.closing(http.client.HTTPConnection(
                target.netloc, timeout=60)) as upstream:
            upstream.request(
                self.command, target._replace(scheme='', netloc='').geturl(),
                body, dict(self.headers))
            answer = upstream.getresponse()
            content = answer.read()
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
