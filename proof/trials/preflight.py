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

"""Show that preflight and configure only read.

``tempest local-delete configure`` and ``preflight --try-commands`` run through
a proxy that records each request and passes on only requests that read. They
run once with credentials that Tempest makes, and once with pre-provisioned
credentials. Preflight judges what configure has written. The exit code is 0 if
all of these are true:

- every request was a GET, a HEAD or the POST for a token;
- the proxy saw each request of Tempest's log;
- configure wrote tempest.conf, and preflight found no problem.

Tempest sends some requests for tokens past any proxy.
"""

import argparse
import collections
import re
from urllib import parse

from allinone import deployment
from allinone import files
from proof.trials import recording_proxy

# A front end may have Keystone below another path.
_TOKENS = '/v3/auth/tokens'

# A move needs two, and one other compute has to be up.
_TARGETS = 2

_LOGGED = re.compile(r'Request \(.*\): \d+ ([A-Z]+) (\S+)')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no options."""


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Run the trial, print its figures, and return the exit code."""
    recording_proxy.refuse_tls(cloud)
    folder = files.directory(cloud.state / 'trials' / 'preflight')
    problems = []
    for name in recording_proxy.CREDENTIALS:
        found, count = _try(cloud, folder, name)
        problems += [f'{name} credentials: {problem}' for problem in found]
        print(f'{name} credentials: {count} requests', flush=True)
    print('\n'.join(problems) or 'All of them only read')
    return 1 if problems else 0


def _try(cloud: deployment.Deployment, folder, name):
    """Run both once; return their problems, and their count of requests."""
    log = folder / f'{name}.log'
    log.unlink(missing_ok=True)
    codes = {}
    with recording_proxy.recording(_refusal) as (url, seen):
        workspace = recording_proxy.workspace(
            cloud, folder / 'workspace', name, url)
        for command, *options in (
                ('configure', '--replace', '--all-sections',
                 '--allow-outages', ','.join(cloud.hosts[:_TARGETS])),
                ('preflight', '--try-commands')):
            codes[command] = workspace.command(command, *options, log=log)
    sent = [(one.method, one.url) for one in seen]
    problems = [f'sent {method} {url}' for method, url in sent
                if not _only_reads(method, url)]
    problems += [f'{command} ended with {code}: see {log}'
                 for command, code in codes.items() if code]
    logged = collections.Counter(_LOGGED.findall(
        (workspace.directory / 'logs' / 'tempest.log').read_text()))
    if not sent or not logged:
        problems.append('the proxy or the log saw no request at all')
    past = logged - collections.Counter(sent)
    problems += [f'sent past the proxy: {method} {url}'
                 for method, url in past if not _is_for_token(method, url)]
    return problems, len(sent) + past.total()


def _refusal(method, url):
    return None if _only_reads(method, url) else recording_proxy.REFUSED


def _only_reads(method, url):
    return method in ('GET', 'HEAD') or _is_for_token(method, url)


def _is_for_token(method, url):
    return method == 'POST' and parse.urlsplit(
        url).path.endswith(_TOKENS)
