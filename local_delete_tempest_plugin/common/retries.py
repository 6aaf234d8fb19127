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

"""Retries, because what was changed must go back when an API fails."""

from collections.abc import Callable
import time
from typing import TypeVar

from oslo_log import log as logging
from tempest import config
from tempest.lib import exceptions as lib_exc
import tenacity
import urllib3

from local_delete_tempest_plugin import exceptions

CONF = config.CONF
LOG = logging.getLogger(__name__)

_FAILURES = (urllib3.exceptions.HTTPError, lib_exc.ServerRestClientException,
             lib_exc.InvalidHTTPResponseBody,
             lib_exc.InvalidHTTPResponseHeader, lib_exc.IdentityError,
             # Keystone's, which has no status.
             lib_exc.Unauthorized,
             exceptions.RequestFailed, exceptions.InvalidAnswer)

# A proxy, an ingress or a limiter of rates answers so for a while. So does an
# API whose own identity service or database is away. A 404 is here because
# only what was there is given back. If an undo may find something gone, it
# handles its 404 itself.
_STATUSES = (401, 403, 404, 408, 409, 429)

# Seconds that a Retry-After may make a restore wait for its next try.
_LONGEST_PAUSE = 60


_T = TypeVar('_T')


class Retrier:
    """Repeats a call that fails, as long as the cause may pass.

    An API that came back has the whole limit again the next time. An API that
    has stayed away that long gets one try a call from then on. So the limits
    of many calls do not add up.

    :param renew_token: Callable without arguments that makes the next request
        get a new token.
    """

    def __init__(self, renew_token: Callable[[], None]
                 ) -> None:
        self._renew_token = renew_token
        self._failing_since: float | None = None

    def call(self, do: Callable[[], _T]) -> _T:
        """Call ``do`` until it raises nothing that may pass.

        :param do: Callable without arguments that may be called again.
        :returns: What it returned.
        :raises Exception: what it raised last, where that will not pass or
            has not passed within ``[local_delete] api_timeout``.
        """
        backoff = tenacity.wait_exponential(
            multiplier=CONF.local_delete.poll_interval_start,
            max=CONF.local_delete.poll_interval_max)
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(may_pass),
            wait=lambda state: max(backoff(state), _retry_after(state)),
            stop=self._is_over, reraise=True)(self._try, do)

    def _try(self, do: Callable[[], _T]) -> _T:
        try:
            answer = self._with_a_valid_token(do)
        except Exception as error:
            if not may_pass(error):
                self._failing_since = None
            else:
                self._failing_since = self._failing_since or time.monotonic()
                LOG.warning('An API fails, and something has to be given '
                            'back: %s', error)
            raise
        self._failing_since = None
        return answer

    def _with_a_valid_token(self, do: Callable[[], _T]
                            ) -> _T:
        try:
            return do()
        except lib_exc.Unauthorized:
            # Tempest renews a token that is over by this machine's clock. It
            # goes on to use one that was revoked, or is over by Keystone's.
            self._renew_token()
            return do()

    def _is_over(self, state: tenacity.RetryCallState) -> bool:
        return self._failing_since is not None and bool(
            time.monotonic() - self._failing_since
            >= CONF.local_delete.api_timeout)


def _retry_after(state: tenacity.RetryCallState) -> float:
    """Read how long an API asks its clients to wait: seconds, not a date."""
    error = state.outcome and state.outcome.exception()
    asked = (getattr(error, 'resp', None) or {}).get('retry-after', '')
    # No more digits than an int may have.
    return min(int(asked[:9]), _LONGEST_PAUSE) if asked.isdecimal() else 0


def may_pass(error: BaseException) -> bool:
    """Tell whether a request that failed so may succeed a moment later.

    It is for giving back only. There the host had one service, and the admin
    had the right to change it.

    :param error: An exception.
    :returns: A bool.
    """
    status = getattr(getattr(error, 'resp', None), 'status', 0)
    # A cell whose database is away has no services.
    return (isinstance(error, _FAILURES) or status in _STATUSES
            or status >= 500 or getattr(error, 'code', None) is
            exceptions.Refusal.NOT_ONE_SERVICE)
