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

"""Delete things that another recover may be deleting too."""

from collections.abc import Callable
from typing import Any

from oslo_log import log as logging
from tempest import config
from tempest.lib.common.utils import test_utils
from tempest.lib import exceptions as lib_exc
import tenacity

from local_delete_tempest_plugin import exceptions

CONF = config.CONF
LOG = logging.getLogger(__name__)


def delete(do: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Delete something, or see that it is gone.

    A conflict passes when that is gone which uses the thing, or when another
    process has deleted the thing.

    :param do: Deletes it. It may be called again.
    :param arguments: Arguments of ``do``.
    :param options: Arguments of ``do`` by name.
    :raises StillInUse: it is in use for longer than ``[local_delete]
        cleanup_timeout``. This is no error of an API that may pass, so
        whoever retries these gives up.
    """
    limit = CONF.local_delete.cleanup_timeout
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(lib_exc.Conflict),
        wait=tenacity.wait_exponential(
            multiplier=CONF.local_delete.poll_interval_start,
            max=CONF.local_delete.poll_interval_max),
        before_sleep=tenacity.before_sleep_log(LOG, logging.INFO),
        stop=tenacity.stop_after_delay(limit), reraise=True)
    try:
        retrying(test_utils.call_and_ignore_notfound_exc, do, *arguments,
                 **options)
    except lib_exc.Conflict as error:
        raise exceptions.StillInUse(
            problem=exceptions.one_line(error), limit=limit) from error
