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

"""Running the commands that set a service up."""

import os
import subprocess

import psutil

from allinone import deployment
from allinone import errors
from allinone import processes

# A variable of the commands that are to run to their end.
_MARKER = 'LOCAL_DELETE_ALLINONE_COMMAND'

# In seconds. A migration of a small cloud takes less than one minute.
_LIMIT = 600


def run(cloud: deployment.Deployment, *arguments: str | os.PathLike,
        stdin: str | None = None, to_its_end: bool = False,
        **environment: str) -> None:
    """Run a command to its end, as a process of the deployment.

    :param arguments: the program, and its arguments
    :param stdin: what the command reads
    :param to_its_end: whether Ctrl-C does not end it, and ``await_left`` waits
        for it if this process is killed
    :param environment: variables, beside those of this process
    :raises subprocess.CalledProcessError: the command failed; the error has
        what it printed
    """
    subprocess.run(
        [str(argument) for argument in arguments], input=stdin,
        stdin=None if stdin else subprocess.DEVNULL, check=True,
        capture_output=True, text=True, start_new_session=to_its_end,
        env={**os.environ, **environment,
             **processes.marked(cloud.state),
             **({_MARKER: str(cloud.state)} if to_its_end else {})})


def await_left(cloud: deployment.Deployment) -> None:
    """Wait for the commands that a killed process has left running.

    :raises StepFailed: one does not end
    """
    left = processes.belonging_to(cloud.state, _MARKER)
    _, alive = psutil.wait_procs(left, timeout=_LIMIT)
    if alive:
        pids = ', '.join(str(process.pid) for process in alive)
        raise errors.StepFailed(
            f'An upgrade was killed, and its commands still run: {pids}')


def describe(error: subprocess.CalledProcessError) -> str:
    """Say in a line how a command of ``run`` failed."""
    lines = (error.stderr or error.stdout or '').strip().splitlines()
    return (f'{error.cmd[0]} ended with {error.returncode}: '
            f'{lines[-1] if lines else "no output"}')


def manage(cloud: deployment.Deployment, program: str,
           configuration: str | tuple[str, ...],
           *arguments: str | os.PathLike, to_its_end: bool = False,
           **environment: str) -> None:
    """Run a program of the services' environment, as ``run`` does.

    :param program: name of the program
    :param configuration: its configuration file or files, below the
        deployment's etc
    :param arguments: further arguments
    :param to_its_end: as for ``run``
    :param environment: variables, beside those of this process
    :raises subprocess.CalledProcessError: the program failed
    """
    names = ((configuration,) if isinstance(configuration, str)
             else configuration)
    run(cloud, cloud.environment / 'bin' / program,
        *(part for name in names
          for part in ('--config-file', cloud.etc / name)),
        *arguments, to_its_end=to_its_end, **environment)
