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

supervisor needs neither root nor an init system. It starts and stops each
process by name, over a Unix socket in the state directory. It leaves a process
dead that was killed, because an outage must last. systemd's user units would
do the same, only not in a container, nor in CI.
"""

import collections.abc
import functools
import http.client
import os
import pathlib
import shlex
import subprocess
import sys
import typing
import xmlrpc.client

import psutil
from supervisor import xmlrpc as supervisor_xmlrpc

from allinone import cache
from allinone import deployment
from allinone import files
from allinone import processes
from allinone import programs
from allinone import readiness


# Seconds, twice as many as supervisord gives a process to end.
_STOP_LIMIT = 180


def tool(name: str) -> pathlib.Path:
    """Return the path of a program of this process's own environment."""
    return pathlib.Path(sys.executable).with_name(name)


def socket_path(state: pathlib.Path) -> pathlib.Path:
    """Return supervisord's socket of a state directory."""
    return state / 'run' / 'supervisor.sock'


def configuration(state: pathlib.Path) -> pathlib.Path:
    """Return supervisord's configuration of a state directory."""
    return state / 'supervisord.conf'


def configure(cloud: deployment.Deployment,
              processes: collections.abc.Iterable[programs.Program]) -> None:
    """Write supervisord's configuration of all processes."""
    files.directory(cloud.run)
    files.directory(cloud.logs)
    files.write(configuration(cloud.state), files.render(
        'supervisord.conf', cloud, programs=processes,
        command=lambda program: _command(cloud, program),
        socket=socket_path(cloud.state)))


def _command(cloud, program):
    arguments = list(program.command)
    if program.drops_root and cloud.uid is not None:
        arguments = ['setpriv', f'--reuid={cloud.uid}', f'--regid={cloud.uid}',
                     '--clear-groups', '--no-new-privs', *arguments]
    return shlex.join(arguments).replace('%', '%%')


def start(state: pathlib.Path) -> None:
    """Start supervisord and wait until it answers.

    :param state: the state directory
    :raises subprocess.CalledProcessError: supervisord does not start
    :raises StepFailed: supervisord does not answer within ten seconds
    """
    environment = {**os.environ, **processes.marked(state),
                   # No address here needs the resolver whose import this
                   # saves.
                   'EVENTLET_NO_GREENDNS': 'yes',
                   # The services note there which plugins are installed.
                   'XDG_CACHE_HOME': str(cache.root())}
    for name in ('PYTHONPATH', 'PYTHONHOME'):
        environment.pop(name, None)
    subprocess.run(
        [sys.executable, '-m', 'allinone.supervisord', '-c',
         configuration(state)], check=True, cwd=cache.HERE.parent,
        env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        text=True)
    readiness.wait('supervisord', lambda: running(state), 10)


def replace(cloud: deployment.Deployment,
            processes: collections.abc.Mapping[str, programs.Program],
            names: collections.abc.Iterable[str]) -> None:
    """Let the supervisor know some processes by new configurations.

    All of them have to be stopped.

    :param processes: {name: process} of all processes
    :param names: names of those that are new, changed or gone
    """
    configure(cloud, processes.values())
    supervisor = client(cloud.state)
    supervisor.reloadConfig()
    known = info(cloud.state)
    for name in names:
        if name in known:
            supervisor.removeProcessGroup(name)
        if name in processes:
            supervisor.addProcessGroup(name)


def stop(state: pathlib.Path,
         names: collections.abc.Iterable[str]) -> None:
    """Stop processes as a service manager does, and wait for their end.

    :param state: the state directory
    :param names: names of the processes; those that do not run are left out
    """
    known = info(state)
    for name in names:
        if name in known and known[name]['statename'] == 'RUNNING':
            client(state).stopProcess(name)
        elif name in known:
            # A stop that another command began may still be under way.
            readiness.wait(f'the end of {name}', functools.partial(
                _has_ended, state, name), _STOP_LIMIT)


def _has_ended(state, name):
    return info(state)[name]['statename'] != 'STOPPING'


def running(state: pathlib.Path) -> bool:
    """Tell whether the supervisord of a state directory answers."""
    try:
        return bool(client(state).getPID())
    except (OSError, http.client.HTTPException):
        return False


def cpu_share(state: pathlib.Path, seconds: float = 3
              ) -> tuple[float, bool]:
    """Return how busy a running supervisord is.

    :param state: the state directory
    :param seconds: how long to look
    :returns: The part of a core that it uses, and whether it waits at all. On
        a busy machine also a process that never waits gets only a small part.
    """
    process = psutil.Process(client(state).getPID())
    before = process.num_ctx_switches().voluntary
    share = process.cpu_percent(seconds) / 100
    return share, process.num_ctx_switches().voluntary > before


def client(state: pathlib.Path) -> typing.Any:
    """Return a proxy of the interface of a state directory's supervisord."""
    transport = supervisor_xmlrpc.SupervisorTransport(
        None, None, f'unix://{socket_path(state)}')
    return xmlrpc.client.ServerProxy('http://localhost', transport).supervisor


def info(state: pathlib.Path) -> dict[str, dict[str, typing.Any]]:
    """Ask supervisord for each process.

    :returns: {name: what ``getProcessInfo`` of supervisor tells}.
    """
    return {one['name']: one for one in client(state).getAllProcessInfo()}
