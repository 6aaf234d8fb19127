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

"""The supervisor: one supervisord for one deployment.

supervisor, since it needs neither root nor an init system, starts and stops
any single process by name, over a Unix socket in the state directory, and
leaves a process that died dead when told so: an outage must last. systemd's
user units would do the same, but not in a container, nor in CI.
"""

import http.client
import os
import pathlib
import shlex
import subprocess
import sys
import xmlrpc.client

from supervisor import xmlrpc as supervisor_xmlrpc

from allinone import cache
from allinone import files
from allinone import processes
from allinone import readiness


def tool(name):
    """Path of a program of the environment that we run in."""
    return pathlib.Path(sys.executable).with_name(name)


def socket_path(state):
    return state / 'run' / 'supervisor.sock'


def configuration(state):
    return state / 'supervisord.conf'


def configure(cloud, programs):
    """Write supervisord's configuration of all processes."""
    files.directory(cloud.run)
    files.directory(cloud.logs)
    files.write(configuration(cloud.state), files.render(
        'supervisord.conf', cloud, programs=programs,
        command=lambda program: _command(cloud, program),
        socket=socket_path(cloud.state)))


def _command(cloud, program):
    arguments = list(program.command)
    if program.drops_root and cloud.uid is not None:
        arguments = ['setpriv', f'--reuid={cloud.uid}', f'--regid={cloud.uid}',
                     '--clear-groups', '--no-new-privs', *arguments]
    return shlex.join(arguments).replace('%', '%%')


def start(state):
    """Start supervisord and wait until it answers.

    :raises StepFailed: it does not answer within ten seconds
    """
    environment = {**os.environ, **processes.marked(state),
                   # Spares each service the import of a resolver that no
                   # address here needs.
                   'EVENTLET_NO_GREENDNS': 'yes',
                   # Where the services note which plugins are installed.
                   'XDG_CACHE_HOME': str(cache.root())}
    for name in ('PYTHONPATH', 'PYTHONHOME'):
        environment.pop(name, None)
    subprocess.run(
        [tool('supervisord'), '-c', configuration(state)], check=True,
        env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        text=True)
    readiness.wait('supervisord', lambda: running(state), 10)


def running(state):
    """True when supervisord answers."""
    try:
        return bool(client(state).getPID())
    except (OSError, http.client.HTTPException):
        return False


def client(state):
    """Return a proxy of supervisord's interface."""
    transport = supervisor_xmlrpc.SupervisorTransport(
        None, None, f'unix://{socket_path(state)}')
    return xmlrpc.client.ServerProxy('http://localhost', transport).supervisor


def info(state):
    """Return supervisord's account of each process, by name."""
    return {one['name']: one for one in client(state).getAllProcessInfo()}
