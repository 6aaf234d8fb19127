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

"""Hold back what would interrupt a restore."""

import contextlib
import signal
import threading

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

# SIGALRM is how OS_TEST_TIMEOUT strikes (fixtures.Timeout).
_HELD_BACK = (signal.SIGALRM, signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def held_back():
    """Deliver time-outs, Ctrl-C and SIGTERM only after the body has ended.

    Handlers are swapped rather than signals blocked, because a blocked signal
    stays blocked in the commands that a restore runs.
    """
    if threading.current_thread() is not threading.main_thread():
        # Python runs signal handlers in the main thread alone.
        yield
        return
    struck = []

    def note(signum, frame):
        LOG.warning('%s waits until everything is given back',
                    signal.Signals(signum).name)
        struck.append(signum)

    handlers = {held: signal.signal(held, note) for held in _HELD_BACK}
    try:
        yield
    finally:
        for held, handler in handlers.items():
            signal.signal(held, handler)
        for signum in dict.fromkeys(struck):
            signal.raise_signal(signum)
