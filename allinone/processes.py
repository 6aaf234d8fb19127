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

#: Set to the state directory in the environment of supervisord, and so of
#: all that descends from it, also when the parents are long gone.
MARKER = 'LOCAL_DELETE_ALLINONE'


def belonging_to(state):
    """Return the running processes of the deployment in `state`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == str(state):
                found.append(process)
        except psutil.ZombieProcess:
            continue
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            # Gone meanwhile, or another user's: not ours either way.
            continue
    return found


def end(found, grace):
    """End the processes: politely, and after `grace` seconds for good.

    :returns: those that are still there, which only a kernel can explain
    """
    for process in found:
        _signal(process, 'terminate')
    _, alive = psutil.wait_procs(found, timeout=grace)
    for process in alive:
        _signal(process, 'kill')
    _, alive = psutil.wait_procs(alive, timeout=5)
    return alive


def _signal(process, how):
    try:
        getattr(process, how)()
    except psutil.NoSuchProcess:
        return
