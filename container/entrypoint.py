#!/usr/bin/env python3
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

"""Run tempest as the first process of a container.

A container ends when its first process does, and all others are then killed.
On SIGTERM "tempest run" ends at once. Its workers first give back what they
have changed. So this process ends only after all others have. It passes the
signals on to all of them.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys

# From linux/prctl.h: orphans become children of this process. They do so
# anyway where it is the first process, and it is not in a pod whose containers
# share their processes.
_PR_SET_CHILD_SUBREAPER = 36


_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> int:
    """Run tempest with the arguments, and return its exit code."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # A signal that comes before the handlers are there waits for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    tempest = subprocess.Popen(
        ['tempest', *sys.argv[1:]], start_new_session=True,
        preexec_fn=lambda: signal.pthread_sigmask(
            signal.SIG_UNBLOCK, _PASSED_ON))

    def pass_on(signum, frame):
        # What is left may be in a session of its own, such as a command that
        # starts a compute again.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(tempest.pid, signum)

    for signum in _PASSED_ON:
        signal.signal(signum, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    code = 0
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            return code
        if pid == tempest.pid:
            code = os.waitstatus_to_exitcode(status)
            # As a shell tells that a signal has ended a process.
            code = code if code >= 0 else 128 - code


if __name__ == '__main__':
    sys.exit(main())
