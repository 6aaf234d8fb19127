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

"""Waiting until something really works."""

import socket
import time

from allinone import errors


def wait(what, ready, limit, check=lambda: None):
    """Wait until `ready()` is true: asked often at first, then less so.

    :param what: names in the error what was awaited
    :param limit: seconds
    :param check: called now and then; ends the wait by raising
    :raises StepFailed: the limit has passed
    """
    begin = time.monotonic()
    pause = 0.05
    while not ready():
        check()
        if time.monotonic() - begin > limit:
            raise errors.StepFailed(f'{what}: not after {limit:.0f} s')
        time.sleep(pause)
        pause = min(pause * 1.3, 0.5)


def listening(port):
    """True when something accepts connections on the port."""
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=1):
            return True
    except OSError:
        return False
