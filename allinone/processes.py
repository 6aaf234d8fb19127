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

"""Finding and ending what belongs to a deployment, whoever started it."""

import psutil

from allinone import errors

#: Set to the state directory in the environment of supervisord, and so of
#: all that descends from it, also when the parents are long gone.
_MARKER = 'LOCAL_DELETE_ALLINONE'


def marked(state):
    """Return what makes a process belong to the deployment in `state`."""
    return {_MARKER: str(state),
            # A process that sets its title must not do so over its
            # environment, where the mark is.
            'SPT_NOENV': '1'}


def belonging_to(state):
    """Return the running processes of the deployment in `state`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(_MARKER) == str(state):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            # Gone meanwhile (or a zombie), or another user's: not ours.
            continue
    return found


def end(state, limit=10):
    """Kill all that belongs to the deployment; return how many they were.

    They are not asked first: the data goes with the cloud, so that there is
    nothing to put in order. Looked for again, since a process may have been
    forking meanwhile.

    :param limit: seconds for which a killed process may linger
    :raises StepFailed: something survives, which only the kernel can explain
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
