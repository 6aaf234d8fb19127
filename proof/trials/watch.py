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

"""Readings of the cloud, one after the other, while a run goes on."""

import collections.abc
import concurrent.futures
import contextlib
import json
import threading
import time
import typing

from keystoneauth1 import exceptions as keystone_exceptions

# An API that is away, or a journal that is being written.
_AWAY = (keystone_exceptions.ClientException, OSError, json.JSONDecodeError)

# Seconds. A longer gap hides too much, because fences and leases last seconds.
_LONGEST_GAP = 10


@contextlib.contextmanager
def watching(read: collections.abc.Callable[[], typing.Any], pause: float
             ) -> collections.abc.Generator['Watch', None, None]:
    """Read in a thread for as long as the body lasts.

    A reading is left out if an API is away, or a journal is being written. Any
    other exception of ``read`` is raised after the body.

    :param read: returns a reading
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
    """Readings, and the longest time without a reading.

    :param read: returns a reading
    :param pause: seconds between two readings
    :ivar readings: what ``read`` returned, in order
    :ivar longest_gap: seconds between the begins of two readings, at most; the
        begin and the end of the watch count as readings
    """

    def __init__(self, read: collections.abc.Callable[[], typing.Any],
                 pause: float) -> None:
        self.readings: list[typing.Any] = []
        self.longest_gap = 0.0
        self._read = read
        self._pause = pause
        self._over = threading.Event()
        self._last = self._end = time.monotonic()

    def look(self) -> None:
        """Read, until ``end`` is called."""
        while not self._over.is_set():
            begin = time.monotonic()
            with contextlib.suppress(*_AWAY):
                self.readings.append(self._read())
                self._seen(begin)
            self._over.wait(self._pause)
        self._seen(self._end)

    def end(self) -> None:
        """Make ``look`` return after the reading that is under way."""
        self._end = time.monotonic()
        self._over.set()

    def _seen(self, moment):
        self.longest_gap = max(self.longest_gap, moment - self._last)
        self._last = moment

    def problems(self) -> list[str]:
        """Return a line for each reason why the readings prove nothing."""
        if not self.readings:
            return ['nothing was read']
        if self.longest_gap > _LONGEST_GAP:
            return [f'nothing was read for {self.longest_gap:.1f} s, and '
                    f'{_LONGEST_GAP} s are the limit']
        return []
