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

"""Waits that end, and that tell what they saw when they time out."""

from collections.abc import Callable
import time
from typing import NoReturn
from typing import TypeVar

from tempest import config
from tempest.lib import exceptions as lib_exc
import tenacity

from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin import exceptions

CONF = config.CONF

# A pause is this part of the wait so far. So the end of a wait is seen late by
# a tenth of the wait at most. A long wait asks little more than a short wait.
_SHARE = 0.1

_Seen = TypeVar('_Seen')


def wait_until(read: Callable[[], _Seen], accept: Callable[[_Seen], object],
               awaited: str, limit: float) -> _Seen:
    """Call ``read`` until ``accept`` agrees with the result.

    The pauses start at ``[local_delete] poll_interval_start`` seconds and
    grow to ``poll_interval_max``. The last call begins at the limit or later.
    So a cloud that answers slowly is never judged by an early answer alone.
    The log gets a span with the number of calls, and with the seconds until
    the first call had returned.

    :param read: Called without arguments. An exception of it ends the wait.
    :param accept: Called with the result of ``read``. A true value ends the
        wait.
    :param awaited: The words that follow "until" in the failure message.
    :param limit: Seconds.
    :returns: The last result of ``read``.
    :raises TimedOut: ``accept`` did not agree within ``limit``.
    """
    started = time.monotonic()
    began = 0.0
    ends: list[float] = []

    def waited() -> float:
        return time.monotonic() - started

    def look() -> _Seen:
        nonlocal began
        began = waited()
        seen = read()
        ends.append(waited())
        return seen

    def pause(state: tenacity.RetryCallState) -> float:
        backoff = min(max(_SHARE * waited(),
                          CONF.local_delete.poll_interval_start),
                      CONF.local_delete.poll_interval_max)
        return max(0.0, min(backoff, limit - waited()))

    def give_up(state: tenacity.RetryCallState) -> NoReturn:
        raise exceptions.TimedOut(
            problem='waited %.1f s (limit %d s) until %s; last seen: %s' % (
                waited(), limit, awaited,
                state.outcome and state.outcome.result()))

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda seen: not accept(seen)),
        wait=pause,
        # Not stop_after_delay: the last look could then have begun before
        # anything could be expected, and have lasted longer than the limit.
        stop=lambda state: began >= limit,
        retry_error_callback=give_up)
    try:
        return retrying(look)
    finally:
        spans.log(spans.WAIT, waited(), awaited=awaited, looks=len(ends),
                  first=round([*ends, waited()][0], 3))


def expect(read: Callable[[], _Seen], accept: Callable[[_Seen], object],
           awaited: str, limit: float,
           failure: type[AssertionError] = AssertionError) -> _Seen:
    """Wait for what the cloud owes, and fail if it never comes.

    The parameters are those of ``wait_until``, and one more.

    :param failure: The type of the failure.
    :returns: The last result of ``read``.
    :raises AssertionError: ``accept`` did not agree within ``limit``. The
        error is of the type ``failure``.
    """
    try:
        return wait_until(read, accept, awaited, limit)
    except lib_exc.TimeoutException as error:
        raise failure(exceptions.one_line(error)) from error
