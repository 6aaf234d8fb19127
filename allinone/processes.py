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

"""Finding and ending the processes of a deployment."""

import pathlib

import psutil

from allinone import errors

#: A variable that has the state directory as its value. supervisord has it,
#: and so have all processes that descend from it, even without their parents.
_MARKER = 'LOCAL_DELETE_ALLINONE'


def marked(state: pathlib.Path) -> dict[str, str]:
    """Return variables that make a process one of the deployment.

    :param state: the state directory
    """
    return {_MARKER: str(state),
            # A process that sets its title would write over its environment.
            'SPT_NOENV': '1'}


def belonging_to(state: pathlib.Path,
                 marker: str = _MARKER) -> list[psutil.Process]:
    """Return the running processes of the deployment in a state directory.

    :param marker: a variable that has the directory as its value
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(marker) == str(state):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            # It has ended, or another user owns it: not ours.
            continue
    return found


def end(state: pathlib.Path, limit: float = 10) -> int:
    """Kill all processes of the deployment in a state directory.

    They are not asked first, because the data goes with the cloud. They are
    looked for again, because a process may fork before it is killed.

    :param limit: seconds in which a killed process has to end
    :returns: How many processes were killed.
    :raises StepFailed: a killed process survives
    """
    ended = 0
    while found := belonging_to(state):
        ended += len(found)
        for process in found:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(found, timeout=limit)
        if alive:
            pids = ', '.join(str(process.pid) for process in alive)
            raise errors.StepFailed(f'Killed, but still there: {pids}')
    return ended
