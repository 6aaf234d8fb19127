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

"""Waiting until something really works."""

import collections.abc
import errno
import operator
import pathlib
import socket
import typing

import tenacity

from allinone import errors

_Answer = typing.TypeVar('_Answer')


def wait(what: str, ready: collections.abc.Callable[[], _Answer],
         limit: float, longest: float = 0.5) -> _Answer:
    """Wait until ``ready()`` is true. Ask often at first, then less often.

    :param what: what is awaited, for the message of the error
    :param ready: asked again and again; an exception of it ends the wait
    :param limit: seconds
    :param longest: seconds between two questions, at most
    :returns: The last answer of ``ready``.
    :raises StepFailed: the limit has passed
    """
    try:
        return tenacity.Retrying(
            retry=tenacity.retry_if_result(operator.not_),
            wait=tenacity.wait_exponential(0.05, max=longest, exp_base=1.3),
            stop=tenacity.stop_after_delay(limit))(ready)
    except tenacity.RetryError:
        raise errors.StepFailed(f'{what}: not after {limit} s') from None


def listening(port: int) -> bool:
    """Tell whether a process accepts connections on a TCP port."""
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=1):
            return True
    except OSError:
        return False


def accepting(path: pathlib.Path) -> bool:
    """Tell whether a process accepts connections on a Unix socket.

    A process that was killed leaves the socket behind. A plain file is ready
    when it is there.
    """
    if path.is_file():
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError as error:
            # A fork server's socket has another type.
            return error.errno == errno.EPROTOTYPE
    return True
