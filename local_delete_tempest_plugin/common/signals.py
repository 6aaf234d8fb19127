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

from collections.abc import Iterator
import contextlib
import signal
import threading

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

# What ends a process at once by default, so that no clean-up would run.
_ENDING = (signal.SIGTERM, signal.SIGHUP)

# SIGALRM is how OS_TEST_TIMEOUT strikes (fixtures.Timeout).
_HELD_BACK = (signal.SIGALRM, signal.SIGINT, *_ENDING)


def end_as_ctrl_c_does() -> None:
    """Let SIGTERM and a lost terminal run the clean-ups, as Ctrl-C does.

    A handler that somebody else has set is left alone.
    """
    if threading.current_thread() is threading.main_thread():
        for signum in _ENDING:
            if signal.getsignal(signum) is signal.SIG_DFL:
                signal.signal(signum, signal.default_int_handler)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Deliver time-outs, Ctrl-C and SIGTERM only after the body has ended.

    Handlers are swapped rather than signals blocked for the whole body,
    because a blocked signal stays blocked in the commands that it runs.
    """
    if threading.current_thread() is not threading.main_thread():
        # Python runs signal handlers in the main thread alone.
        yield
        return
    struck = []
    handlers = {}

    def note(signum, frame):
        LOG.warning('%s waits until everything is given back',
                    signal.Signals(signum).name)
        struck.append(signum)

    try:
        with _blocked():
            for held in _HELD_BACK:
                handlers[held] = signal.signal(held, note)
        yield
    finally:
        with _blocked():
            for held, handler in handlers.items():
                signal.signal(held, handler)
            # They arrive together when they are no longer blocked: were they
            # raised one by one, then the first handler that raises an
            # exception would be the last one that is called.
            for signum in struck:
                signal.raise_signal(signum)


@contextlib.contextmanager
def _blocked():
    """Block the signals while their handlers are swapped, and no longer."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
