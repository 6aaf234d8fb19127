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


"""Looking at the cloud again and again while something else goes on."""

import concurrent.futures
import contextlib
import json
import threading
import time

from keystoneauth1 import exceptions as keystone_exceptions

# An API that is away, or a journal that is being written.
_AWAY = (keystone_exceptions.ClientException, OSError, json.JSONDecodeError)

# Longer ones hide too much; the fences and leases themselves last seconds.
_LONGEST_GAP = 10


@contextlib.contextmanager
def watching(read, pause):
    """Read in a thread for as long as the body lasts.

    Whatever ``read`` raises, other than for an API that is away at the moment
    or a journal that is being written, is raised after the body.

    :param read: callable without arguments
    :param pause: seconds between two readings
    :returns: A context manager that gives a ``Watch``.
    """
    watch = Watch(read, pause)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        looking = pool.submit(watch.look)
        try:
            yield watch
        finally:
            watch.end()
        looking.result()


class Watch:
    """What was read, and how long nobody looked.

    :ivar readings: what ``read`` returned, in order
    :ivar longest_gap: seconds between the begins of two readings, at most;
        begin and end of it all count as readings
    """

    def __init__(self, read, pause):
        self.readings = []
        self.longest_gap = 0
        self._read = read
        self._pause = pause
        self._over = threading.Event()
        self._last = self._end = time.monotonic()

    def look(self):
        """Read, until it is over."""
        while not self._over.is_set():
            begin = time.monotonic()
            with contextlib.suppress(*_AWAY):
                self.readings.append(self._read())
                self._seen(begin)
            self._over.wait(self._pause)
        self._seen(self._end)

    def end(self):
        """Make ``look`` return, once the look that is under way has ended."""
        self._end = time.monotonic()
        self._over.set()

    def _seen(self, moment):
        self.longest_gap = max(self.longest_gap, moment - self._last)
        self._last = moment

    def problems(self):
        """Return a line for whatever makes the readings worth nothing."""
        if not self.readings:
            return ['nothing was read meanwhile']
        if self.longest_gap > _LONGEST_GAP:
            return [f'nothing was read for {self.longest_gap:.1f} s, and '
                    f'{_LONGEST_GAP} s are the limit']
        return []
