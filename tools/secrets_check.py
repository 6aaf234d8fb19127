#!/usr/bin/env python3
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

"""Is a password or a token in anything that a whole debug run writes?

Runs the scenarios and the commands against the all-in-one with debug logs, all
requests through a proxy that notes every password and token that is sent or
received, and then looks for each of them in what was written and in the list
of processes:

    python -m allinone --state DIR up
    tools/secrets_check.py --state DIR

What holds secrets because it has to, tempest.conf and accounts.yaml, is left
out. The exit code is 1 where a secret is found, and 2 where nothing can be
concluded. To show that it can fail, a secret is planted at the end, and has to
be found.

Through a proxy a Placement that refuses connections looks like one that
breaks them, so the scenario of that story skips.
"""

import argparse
import contextlib
import http.client
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
from urllib import parse

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent

_HEADERS = ('X-Auth-Token', 'X-Subject-Token', 'X-Service-Token')
_KEYS = ('password', 'adminPass', 'original_password', 'secret')

# Shorter ones would be found by chance.
_SHORTEST = 8


class Secrets:
    """Every password and token that is known."""

    def __init__(self):
        self._known = {}

    def __len__(self):
        return len(self._known)

    def note(self, value, kind):
        if isinstance(value, str) and len(value) >= _SHORTEST:
            self._known.setdefault(value.encode(), kind)

    def note_body(self, body):
        with contextlib.suppress(ValueError):
            self._walk(json.loads(body))

    def _walk(self, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in _KEYS:
                    self.note(inner, key)
                self._walk(inner)
        elif isinstance(value, list):
            for inner in value:
                self._walk(inner)

    def find(self, data):
        """Name the kinds of secrets that are in bytes."""
        return sorted({kind for secret, kind in self._known.items()
                       if secret in data})

    def kinds(self):
        return sorted(self._known.values())

    def any(self):
        return next(iter(self._known))


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests on, and notes the secrets in them."""

    daemon_threads = True

    def __init__(self, secrets):
        super().__init__(('127.0.0.1', 0), Handler)
        self.secrets = secrets


class Handler(http.server.BaseHTTPRequestHandler):

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self._note(self.headers, body)
        target = parse.urlsplit(self.path)
        connection = http.client.HTTPConnection(target.netloc)
        self.close_connection = True
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request(
                self.command, target._replace(scheme='', netloc='').geturl(),
                body, dict(self.headers))
            answer = connection.getresponse()
            data = answer.read()
            self._note(answer.headers, data)
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ('transfer-encoding', 'connection',
                                        'content-length', 'server', 'date'):
                    self.send_header(name, value)
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def _note(self, headers, body):
        for name in _HEADERS:
            self.server.secrets.note(headers.get(name), name)
        self.server.secrets.note_body(body)

    def log_message(self, *args):
        """Say nothing on stderr."""


class ProcessList(threading.Thread):
    """Reads the command lines of all processes, again and again."""

    def __init__(self):
        super().__init__(daemon=True)
        self._end = threading.Event()
        self.seen = set()

    def run(self):
        while not self._end.wait(0.2):
            for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
                with contextlib.suppress(OSError):
                    self.seen.add(path.read_bytes())

    def end(self):
        self._end.set()
        self.join()


def configure(state, name, proxy):
    """Make a tempest.conf that goes through the proxy, and logs it all."""
    etc = state / 'tempest' / 'etc'
    path = etc / ('secrets-check-' + name)
    path.touch(mode=0o600)
    path.write_text((etc / name).read_text() + (
        '\n[service-clients]\nproxy_url = http://127.0.0.1:%d\n'
        % proxy.server_address[1]))
    return path


def commands(state):
    """List what is run: the scenarios, and what an operator runs."""
    tempest = pathlib.Path(sys.executable).with_name('tempest')
    yield [sys.executable, '-m', 'allinone', '--state', str(state), 'tempest',
           '--serial', '--regex', r'^local_delete_tempest_plugin\.']
    yield [tempest, '--debug', 'local-delete', 'preflight']
    yield [tempest, '--debug', 'local-delete', 'recover']
    yield [tempest, '--debug', 'local-delete', 'recover', '--dry-run',
           '--run', '0123456789AB']


def run(state, name, proxy, said):
    """Run everything with one tempest.conf; give back the exit codes."""
    conf = configure(state, name, proxy)
    environment = dict(
        PATH='%s:/usr/bin:/bin' % pathlib.Path(sys.executable).parent,
        HOME=str(said), TEMPEST_CONFIG_DIR=str(conf.parent),
        TEMPEST_CONFIG=conf.name)
    codes = []
    try:
        for number, command in enumerate(commands(state)):
            with open(said / ('%s-%d' % (name, number)), 'wb') as output:
                codes.append(subprocess.run(
                    command, cwd=CHECKOUT, env=environment,
                    stdin=subprocess.DEVNULL, stdout=output,
                    stderr=subprocess.STDOUT).returncode)
    finally:
        conf.unlink()
    return codes


def files(*folders):
    """List the files that may hold no secret."""
    for folder in folders:
        for path in sorted(folder.rglob('*')):
            if path.is_file() and path.parent != folder / 'etc':
                yield path


def search(secrets, paths):
    """Say what was found where.

    :returns: A list of str; it names kinds of secrets, and no secret.
    """
    found = []
    for path in paths:
        kinds = secrets.find(path.read_bytes())
        if kinds:
            found.append('%s: %s' % (path, ', '.join(kinds)))
    return found


def check(state, said):
    secrets = Secrets()
    stored = json.loads((state / 'deployment.json').read_text())
    for name, password in stored['passwords'].items():
        secrets.note(password, 'the password of ' + name)
    proxy, processes = Proxy(secrets), ProcessList()
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    processes.start()
    of_the_cloud = len(secrets)
    for name in ('tempest.conf', 'tempest-accounts.conf'):
        print(name, 'exit codes', *run(state, name, proxy, said), flush=True)
    processes.end()
    proxy.shutdown()
    paths = list(files(state / 'tempest', said, CHECKOUT / 'results'))
    found = search(secrets, paths)
    found += ['the list of processes: ' + ', '.join(kinds) for kinds in map(
        secrets.find, processes.seen) if kinds]
    print('%d secrets (%d of them seen on the wire) looked for in %d files, '
          '%d bytes, and %d command lines' % (
              len(secrets), len(secrets) - of_the_cloud, len(paths),
              sum(path.stat().st_size for path in paths),
              len(processes.seen)))
    print(*found, sep='\n')
    planted = said / 'planted'
    planted.write_bytes(b'{"password": "' + secrets.any() + b'"}')
    if not search(secrets, [planted]) or len(secrets) == of_the_cloud:
        print('nothing was noted, or what was planted was not found')
        return 2
    return 1 if found else 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0])
    parser.add_argument('--state', type=pathlib.Path, metavar='DIR',
                        default=CHECKOUT / '.allinone',
                        help="the all-in-one's state directory")
    state = parser.parse_args().state.absolute()
    if not (state / 'tempest' / 'etc' / 'tempest.conf').is_file():
        parser.error('no all-in-one is in %s' % state)
    with tempfile.TemporaryDirectory() as said:
        return check(state, pathlib.Path(said))


if __name__ == '__main__':
    sys.exit(main())
