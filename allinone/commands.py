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

from allinone import processes


def run(cloud, *arguments, stdin=None, **environment):
    """Run a command to its end; it belongs to the deployment meanwhile.

    :raises subprocess.CalledProcessError: it failed; with what it printed
    """
    subprocess.run(
        [str(argument) for argument in arguments], input=stdin,
        stdin=None if stdin else subprocess.DEVNULL, check=True,
        capture_output=True, text=True,
        env={**os.environ, **environment,
             **processes.marked(cloud.state)})


def describe(error):
    """Say in a line how a command failed.

    :param error: a subprocess.CalledProcessError of `run`
    """
    lines = (error.stderr or error.stdout or '').strip().splitlines()
    return (f'{error.cmd[0]} ended with {error.returncode}: '
            f'{lines[-1] if lines else "no output"}')


def manage(cloud, program, configuration, *arguments, **environment):
    """Run a program of the services' environment, as `run` does.

    :param configuration: configuration files, below the deployment's `etc`
    """
    files = [word for name in configuration
             for word in ('--config-file', cloud.etc / name)]
    run(cloud, cloud.environment / 'bin' / program, *files, *arguments,
        **environment)
