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

"""Where the seconds of a run go, as lines of Tempest's debug log.

A span is a part of a run that has a name, a beginning and an end. Lines are
written for programs. At its end: ``MARK``, a space, and an object of JSON with
the fields ``kind`` and ``seconds``. At its beginning: ``BEGUN``, a space, and
an object with the field ``kind``. Spans may lie within others.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import json
import time

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: The first word of each line.
MARK = 'local-delete-span'
BEGUN = 'local-delete-begun'

SCENARIO = 'scenario'
LEASE = 'lease'
BOOT = 'boot'
STATE = 'server state'
DELETE = 'delete'
FOOTPRINT = 'footprint'
AWAY = 'take away'
COMMAND = 'command'
SEEN_DOWN = 'seen down'
BACK = 'give back'
HEARTBEATS = 'heartbeats'
UNDO = 'undo'
WAIT = 'wait'

#: Each is called with the kind and the seconds of a span that ends.
listeners: list[Callable[[str, float], None]] = []


def begin(kind: str, **fields: str) -> Callable[[], None]:
    """Begin a span.

    :param kind: One of the kinds above.
    :param fields: Further fields of the line.
    :returns: What ends the span, to be called once without arguments.
    """
    started = time.monotonic()
    LOG.debug('%s %s', BEGUN, json.dumps({'kind': kind}))
    return lambda: log(kind, time.monotonic() - started, **fields)


@contextlib.contextmanager
def span(kind: str) -> Iterator[None]:
    """Make a span of the body of a ``with``, or of a function.

    :param kind: One of the kinds above.
    :returns: A context manager, which is a decorator too.
    """
    end = begin(kind)
    try:
        yield
    finally:
        end()


def log(kind: str, seconds: float, **fields: object) -> None:
    """Write the line of a span that ends now.

    :param kind: One of the kinds above.
    :param seconds: How long the span took.
    :param fields: Further fields of the line.
    """
    LOG.debug('%s %s', MARK, json.dumps(
        dict(fields, kind=kind, seconds=round(seconds, 3))))
    for listener in list(listeners):
        listener(kind, seconds)
