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

import contextlib
import threading
import time


@contextlib.contextmanager
def watching(read, pause):
    """Read in a thread for as long as the body lasts.

    :param read: callable without arguments; one that raises is taken for an
        API that is away at the moment, and is called again
    :param pause: seconds between two readings
    :returns: A context manager that gives a ``Watch``.
    """
    watch = Watch(read, pause)
    watch.start()
    try:
        yield watch
    finally:
        watch.end()


class Watch:
    """What was read, and how long nobody looked.

    :ivar readings: what ``read`` returned, in order
    :ivar longest_gap: seconds between the begins of two readings, at most
    """

    def __init__(self, read, pause):
        self.readings = []
        self.longest_gap = 0
        self._read = read
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.start = self._thread.start

    def _look(self):
        last = None
        while not self._over.is_set():
            begin = time.monotonic()
            with contextlib.suppress(Exception):
                self.readings.append(self._read())
                if last is not None:
                    self.longest_gap = max(self.longest_gap, begin - last)
                last = begin
            self._over.wait(self._pause)

    def end(self):
        """Stop looking, and wait until the last look has ended."""
        self._over.set()
        self._thread.join()
