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

"""What scenarios attach to their results for programs.

Each attachment is a detail of a test, so the stream of any runner has it.
``report`` reads the attachments again.
"""

from collections.abc import Callable
from collections.abc import Iterable
import gzip
import io
import zlib

from testtools import content
from testtools import content_type

#: The name of a defect of Nova that the scenario has met, as in
#: doc/source/findings.rst. The text is the name alone.
KNOWN_DEFECT = 'known-defect'

#: The name of the log of a scenario, packed by gzip.
LOG = 'log.gz'

# The begin of the name under which Tempest captures a log, as text.
_CAPTURED = 'pythonlogging'

# A scenario logs half a megabyte. A reader needs the end of it.
_LONGEST_LOG = 1 << 16

# What is unpacked of a log, which somebody else may have packed.
_LONGEST_UNPACKED = 1 << 26

Attach = Callable[[str, content.Content], None]


def attach_known_defect(attach: Attach, name: str) -> None:
    """Tell which known defect of Nova a scenario shows.

    :param attach: The ``addDetail`` of the test.
    :param name: Name of the defect.
    """
    attach(KNOWN_DEFECT, content.text_content(name))


def is_captured_log(name: str) -> bool:
    """Tell whether a detail is a log as Tempest captures it.

    :param name: Name of the detail.
    """
    return name.startswith(_CAPTURED)


def is_log(name: str) -> bool:
    """Tell whether a detail is a log, packed or not.

    :param name: Name of the detail.
    """
    return name == LOG or is_captured_log(name)


def pack_log(logs: Iterable[content.Content]) -> content.Content:
    """Make a detail of logs that runners keep, and do not print.

    Runners print the text of a failed test.

    :param logs: The logs, in their order.
    :returns: A detail for the name ``LOG``.
    """
    packed = gzip.compress(b''.join(
        part for log in logs for part in log.iter_bytes()), mtime=0)
    return content.Content(
        content_type.ContentType('application', 'gzip'), lambda: [packed])


def end_of_log(name: str, data: bytes) -> bytes:
    """Read the end of a log.

    :param name: Name of the detail, which tells whether the log is packed.
    :param data: The bytes of the detail, which anybody may have made.
    :returns: The last lines; above them how much is left out, if anything is.
    """
    log = io.BytesIO(data)
    end, size = b'', 0
    try:
        with gzip.GzipFile(fileobj=log) if name == LOG else log as unpacked:
            while size < _LONGEST_UNPACKED and (
                    part := unpacked.read(_LONGEST_LOG)):
                end = (end + part)[-_LONGEST_LOG:]
                size += len(part)
    except (OSError, EOFError, zlib.error):
        # It may be cut off.
        end = end or b'(The log cannot be read.)'
    if size <= _LONGEST_LOG:
        return end
    end = end.partition(b'\n')[2] or end
    return b'(%d bytes are left out.)\n%s' % (size - len(end), end)
