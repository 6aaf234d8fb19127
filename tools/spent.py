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

"""Run a command; write its wall time and its CPU time, in seconds.

    python tools/spent.py FILE NAME COMMAND...

A line "NAME WALL CPU" is added to FILE. The CPU time is that of the command
and of all its descendants, whether they have ended or still run. So it does
not depend on what else the machine does. The exit code is the command's.
"""

import ctypes
import os
import sys
import time

import psutil

_PR_SET_CHILD_SUBREAPER = 36


def _running() -> float:
    """Return the CPU time of all descendants that still run."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += (times.user + times.system + times.children_user +
                  times.children_system)
    return total


def main() -> int:
    """Run the command of the command line, and return its exit code."""
    _, path, name, *command = sys.argv
    # A daemon falls to this process when its parent ends.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    began = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    pid, cpu = 0, 0.0
    while pid != child:
        pid, status, usage = os.wait4(-1, 0)
        cpu += usage.ru_utime + usage.ru_stime
    wall = time.monotonic() - began
    with open(path, 'a') as results:
        print(name, f'{wall:.2f} {cpu + _running():.2f}', file=results)
    return os.waitstatus_to_exitcode(status)


if __name__ == '__main__':
    sys.exit(main())
