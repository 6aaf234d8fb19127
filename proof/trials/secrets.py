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

"""Look for every password and token of a run in all that it wrote.

The scenarios and the commands run with debug logs, on both kinds of
credentials. A proxy notes the secrets in their requests and in the answers.
Then the trial looks for each secret in all written files and printed text. It
also looks in the command lines of all processes. The exit code is 1 if a
secret is found. tempest.conf and accounts.yaml have to hold secrets, so the
trial leaves them out. To show that the search works, a planted secret has to
be found each time.

Through a proxy, a Placement that refuses connections looks like a Placement
that breaks them. So the scenario that needs the former skips.
"""

import argparse
import contextlib
import json
import shutil
import subprocess
import sys

import psutil

from allinone import deployment
from allinone import files
from proof.trials import recording_proxy
from proof.trials import runs
from proof.trials import watch

_HEADERS = ('x-auth-token', 'x-subject-token', 'x-service-token')
_KEYS = ('password', 'adminPass', 'original_password', 'secret')

# Shorter ones would be found by chance.
_SHORTEST = 8

_PLANTED = 'planted-where-it-has-to-be-found'

# In the workspace.
_STAGE = 'stage.json'

_COMMANDS = (('configure', '--replace', '--all-sections', '--dry-run'),
             ('preflight',), ('recover',),
             ('recover', '--dry-run', '--run', '0123456789AB'))

_OF_STAGE = (('stage', _STAGE), ('verify', '--keep', _STAGE),
             ('verify', _STAGE))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the trial."""
    parser.add_argument('--regex', default=runs.SCENARIOS,
                        help='which scenarios to run (default: all)')
    parser.add_argument('--no-stage', action='store_true',
                        help='leave out stage and verify, which take minutes')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Run the trial, print its figures, and return the exit code."""
    recording_proxy.refuse_tls(cloud)
    folder = cloud.state / 'trials' / 'secrets'
    shutil.rmtree(folder, ignore_errors=True)
    files.directory(folder)
    secrets = {password: f'the password of {name}'
               for name, password in cloud.passwords.items()}
    problems = []
    secrets[_PLANTED] = 'what was planted'
    (folder / 'planted').write_text(_PLANTED)
    lines = set()
    commands = _COMMANDS if arguments.no_stage else _COMMANDS + _OF_STAGE
    with watch.watching(
            lambda: lines.update(_command_lines()), 0.2) as seen, \
            _running_with(_PLANTED):
        for credentials in recording_proxy.CREDENTIALS:
            problems += _try(cloud, folder / credentials, credentials,
                             arguments.regex, commands, secrets)
    problems += seen.problems()
    written = _written(folder)
    found = {line for path in written
             for line in _find(secrets, path.read_bytes(), path)}
    found.update(line for command in lines for line in _find(
        secrets, command.encode(), 'the list of processes'))
    problems += _judge(found, folder)
    print(f'{len(secrets)} secrets looked for in {len(written)} files, '
          f'{sum(path.stat().st_size for path in written)} bytes, and '
          f'{len(lines)} command lines')
    print('\n'.join(problems) or 'None was found')
    return 1 if problems else 0


def _try(cloud: deployment.Deployment, directory, credentials, regex,
         commands, secrets):
    """Run everything once, and add its secrets; return the problems."""
    log = directory / 'printed.log'
    with recording_proxy.recording() as (url, seen):
        workspace = recording_proxy.workspace(
            cloud, directory, credentials, url)
        with workspace.running(regex, log) as process:
            codes = {'run': process.wait()}
        for command in commands:
            codes[' '.join(command)] = workspace.command(
                *command, log=log, debug=True)
    noted = _secrets_of(seen)
    secrets.update(noted)
    problems = [f'{command} ended with {code}: see {log}'
                for command, code in codes.items() if code]
    if not runs.counts(log)['passed']:
        problems.append(f'no scenario passed: see {log}')
    if not noted:
        problems.append('no secret was seen on the wire')
    return problems


def _judge(found, folder):
    """Return the lines of real secrets, and of planted secrets not found."""
    planted = {f'{where} has what was planted' for where in (
        folder / 'planted', 'the list of processes')}
    return [*sorted(found - planted), *(
        f'not found, so nothing is shown: {line}'
        for line in sorted(planted - found))]


@contextlib.contextmanager
def _running_with(argument):
    """Run a process that has the argument in its command line."""
    process = subprocess.Popen(
        [sys.executable, '-c', 'input()', argument], stdin=subprocess.PIPE)
    try:
        yield
    finally:
        process.communicate(b'\n')


def _secrets_of(exchanges):
    """Return {secret of a request or an answer: its kind}."""
    found = {}
    for one in exchanges:
        for headers in (one.headers, one.answer_headers):
            found.update((value, name) for name, value in headers.items()
                         if name.lower() in _HEADERS)
        for body in (one.body, one.answer):
            with contextlib.suppress(ValueError):
                found.update(_secrets_in(json.loads(body)))
    return {secret: name for secret, name in found.items()
            if len(secret) >= _SHORTEST}


def _secrets_in(value):
    if isinstance(value, list):
        for inner in value:
            yield from _secrets_in(inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in _KEYS and isinstance(inner, str):
                yield inner, key
            yield from _secrets_in(inner)


def _written(folder):
    return [path for path in sorted(folder.rglob('*'))
            if path.is_file() and path.parent.name != 'etc']


def _find(secrets, data, where):
    """Name the kinds of the secrets that bytes hold, and not the secrets."""
    kinds = sorted({kind for secret, kind in secrets.items()
                    if secret.encode() in data})
    return [f'{where} has {", ".join(kinds)}'] if kinds else []


def _command_lines():
    """Yield the command lines of all processes."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            yield ' '.join(process.cmdline())
