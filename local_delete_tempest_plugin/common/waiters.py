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

"""Waits that end, and that say what they saw when they end in vain."""

from collections.abc import Callable
import time
from typing import NoReturn
from typing import TypeVar

import tenacity

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import exceptions

CONF = config.CONF

_GROWTH = 1.5

_T = TypeVar('_T')


def wait_until(read: Callable[[], _T], accept: Callable[[_T], object],
               awaited: str, limit: float) -> _T:
    """Call ``read`` until ``accept`` agrees with what it returned.

    The pauses start at ``[local_delete] poll_interval_start`` seconds and
    grow to ``poll_interval_max``; the last look begins at the limit or
    after it, so a cloud that is slow to answer is never judged by an early
    look alone.

    :param read: Callable without arguments; what it raises ends the wait.
    :param accept: Callable of what ``read`` returned; true ends the wait.
    :param awaited: What is awaited, in words for the failure message.
    :param limit: Seconds.
    :returns: What ``read`` returned last.
    :raises TimedOut: ``accept`` did not agree within ``limit``.
    """
    backoff = tenacity.wait_exponential(
        multiplier=CONF.local_delete.poll_interval_start,
        exp_base=_GROWTH, max=CONF.local_delete.poll_interval_max)
    started = time.monotonic()
    began = 0.0

    def look() -> _T:
        nonlocal began
        began = time.monotonic() - started
        return read()

    def pause(state: tenacity.RetryCallState) -> float:
        left = limit - (time.monotonic() - started)
        return max(0.0, min(backoff(state), left))

    def give_up(state: tenacity.RetryCallState) -> NoReturn:
        raise exceptions.TimedOut(
            problem='waited %.1f s (limit %d s) until %s; last seen: %s' % (
                time.monotonic() - started, limit, awaited,
                state.outcome and state.outcome.result()))

    return tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda seen: not accept(seen)),
        wait=pause,
        # Not stop_after_delay: a look that took longer than the limit would
        # be the last one, though it began when nothing could be expected.
        stop=lambda state: began >= limit,
        retry_error_callback=give_up)(look)


def expect(read: Callable[[], _T], accept: Callable[[_T], object],
           awaited: str, limit: float,
           failure: type[AssertionError] = AssertionError) -> _T:
    """Wait for what the cloud owes; it is a failure if it never comes.

    :param read: As for ``wait_until``; so are ``accept``, ``awaited`` and
        ``limit``.
    :param failure: The type of the failure.
    :returns: What ``read`` returned last.
    :raises AssertionError: ``accept`` did not agree within ``limit``; it is
        of the type ``failure``.
    """
    try:
        return wait_until(read, accept, awaited, limit)
    except lib_exc.TimeoutException as error:
        raise failure(exceptions.one_line(error)) from error
