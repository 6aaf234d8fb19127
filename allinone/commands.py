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

from allinone import deployment
from allinone import processes


def run(cloud: deployment.Deployment, *arguments: str | os.PathLike,
        stdin: str | None = None, **environment: str) -> None:
    """Run a command to its end, as a process of the deployment.

    :param arguments: the program, and its arguments
    :param stdin: what the command reads
    :param environment: variables, beside those of this process
    :raises subprocess.CalledProcessError: the command failed; the error has
        what it printed
    """
    subprocess.run(
        [str(argument) for argument in arguments], input=stdin,
        stdin=None if stdin else subprocess.DEVNULL, check=True,
        capture_output=True, text=True,
        env={**os.environ, **environment,
             **processes.marked(cloud.state)})


def describe(error: subprocess.CalledProcessError) -> str:
    """Say in a line how a command of ``run`` failed."""
    lines = (error.stderr or error.stdout or '').strip().splitlines()
    return (f'{error.cmd[0]} ended with {error.returncode}: '
            f'{lines[-1] if lines else "no output"}')


def manage(cloud: deployment.Deployment, program: str,
           configuration: str | tuple[str, ...],
           *arguments: str | os.PathLike, **environment: str) -> None:
    """Run a program of the services' environment, as ``run`` does.

    :param program: name of the program
    :param configuration: its configuration file or files, below the
        deployment's etc
    :param arguments: further arguments
    :param environment: variables, beside those of this process
    :raises subprocess.CalledProcessError: the program failed
    """
    names = ((configuration,) if isinstance(configuration, str)
             else configuration)
    run(cloud, cloud.environment / 'bin' / program,
        *(part for name in names
          for part in ('--config-file', cloud.etc / name)),
        *arguments, **environment)
