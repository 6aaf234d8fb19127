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

"""Print where lines cannot be encoded, or where the reader goes away."""

from collections.abc import Iterator
import contextlib
import io
import os
from typing import Any
from typing import TextIO


def open_for(app: Any) -> None:
    """Let a command print, although its standard output is closed.

    :param app: The application of cliff.
    """
    for name in 'stdout', 'stderr':
        if getattr(app, name) is None:
            setattr(app, name, open(os.devnull, 'w'))


@contextlib.contextmanager
def printing(stream: TextIO) -> Iterator[None]:
    """Let nothing about a stream change how a command ends.

    The command has done its work when it prints, so its exit code stays. A
    character that the stream cannot encode is escaped. A reader such as
    ``head`` may go away.

    :param stream: Where the block prints.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors='backslashreplace')
    try:
        yield
        stream.flush()
    except BrokenPipeError:
        # Otherwise Python prints the rest again at its end, and ends with 120.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
