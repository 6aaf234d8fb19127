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

"""Defer the signals that would interrupt a restore."""

from collections.abc import Iterator
import contextlib
import signal
import threading
import types

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

# By default these end a process at once, and no clean-up runs.
_ENDING = (signal.SIGTERM, signal.SIGHUP)

# OS_TEST_TIMEOUT sends SIGALRM (fixtures.Timeout).
_DEFERRED = (signal.SIGALRM, signal.SIGINT, *_ENDING)


def end_as_ctrl_c_does() -> None:
    """Let SIGTERM and a lost terminal run the clean-ups, as Ctrl-C does.

    The function leaves a handler alone that somebody else has set. It does
    nothing outside the main thread.
    """
    if threading.current_thread() is threading.main_thread():
        for signum in _ENDING:
            if signal.getsignal(signum) is signal.SIG_DFL:
                signal.signal(signum, signal.default_int_handler)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Deliver time-outs, Ctrl-C and SIGTERM only after the body has ended.

    The function swaps the handlers. It does not block the signals for the
    whole body. A blocked signal would stay blocked in the commands that the
    body runs.

    :returns: A context manager. It changes nothing outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        # Python runs signal handlers only in the main thread.
        yield
        return
    arrived = []
    handlers = {}

    def note(signum: int, frame: types.FrameType | None) -> None:
        LOG.warning('%s waits until everything is given back',
                    signal.Signals(signum).name)
        arrived.append(signum)

    try:
        with _blocked():
            for signum in _DEFERRED:
                handlers[signum] = signal.signal(signum, note)
        yield
    finally:
        with _blocked():
            for signum, handler in handlers.items():
                signal.signal(signum, handler)
            # The signals are blocked here, so that they arrive together
            # afterwards. Otherwise the first handler that raises an exception
            # would be the last that is called.
            for number in arrived:
                signal.raise_signal(number)


@contextlib.contextmanager
def _blocked():
    """Block the signals while the body swaps their handlers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, _DEFERRED)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
