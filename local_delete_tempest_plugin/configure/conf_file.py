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

"""Put options into the text of a tempest.conf, and lose nothing of it."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
import os
import pathlib
import re
import stat
import tempfile
import textwrap

from local_delete_tempest_plugin.configure import settings
from local_delete_tempest_plugin import exceptions

# As oslo.config reads a line. One that begins with a blank continues the
# value of the line before.
_HEADER = re.compile(r'\[(.+)\]\s*\Z')
_OPTION = re.compile(r'([^\s#;\[=:][^=:]*?)\s*[=:]')

_COMMENT = '# '
_WIDTH = 79
_ONLY_OWNER = 0o600


def merge(text: str, choices: Iterable[settings.Choice]) -> str:
    """Add options to the text of a file.

    A line that sets such an option already becomes a comment.

    :param text: The text of tempest.conf.
    :param choices: The options.
    :returns: The new text.
    """
    sections: dict[str, list[str]] = {}
    written = set()
    for choice in choices:
        sections.setdefault(choice.group, []).extend(_lines(choice))
        if choice.replaces:
            written.add((choice.group, choice.option))
    merged: list[str] = []
    for line in _without(written, text):
        merged.append(line)
        header = _HEADER.match(line)
        merged += sections.pop(_name(header), ()) if header else ()
    while merged and not merged[-1]:
        merged.pop()
    for group, lines in sections.items():
        merged += ['', '[%s]' % group, *lines]
    return '\n'.join(merged).lstrip('\n') + '\n'


def _lines(choice: settings.Choice) -> Iterator[str]:
    yield from textwrap.wrap(
        exceptions.one_line(choice.why), _WIDTH, initial_indent=_COMMENT,
        subsequent_indent=_COMMENT, break_long_words=False,
        break_on_hyphens=False)
    yield '%s%s = %s' % (_COMMENT if choice.is_comment else '',
                         choice.option, as_value(choice.value))


def _without(written: Collection[settings.Name], text: str) -> Iterator[str]:
    """Make comments of the lines that set an option."""
    section, is_replaced = 'DEFAULT', False
    for line in text.rstrip('\n').split('\n'):
        header, option = _HEADER.match(line), _OPTION.match(line)
        if header:
            section, is_replaced = _name(header), False
        elif option:
            is_replaced = (section, option[1]) in written
        elif not line.startswith((' ', '\t')):
            is_replaced = False
        yield _COMMENT + line if is_replaced and line.strip() else line


def _name(header):
    return header[1] if header[1] == 'DEFAULT' else header[1].lower()


def as_value(words: str) -> str:
    r"""Write a value so that oslo.config reads just that value.

    oslo.config takes off quotes, and replaces what follows a $. It takes \$
    for a $.

    :param words: The value, without control characters.
    """
    escaped = words.replace('$', r'\$')
    if words != words.strip() or words[:1] in ('"', "'"):
        return '"%s"' % escaped
    return escaped


def write(path: pathlib.Path, text: str, has_secret: bool) -> None:
    """Replace the text of a file, all of it or nothing.

    :param path: The file, which is there.
    :param text: Its new text.
    :param has_secret: Whether only its owner may read it.
    :raises OSError: it cannot be written.
    """
    path = path.resolve()
    before = path.stat()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with open(handle, 'w') as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.chown(name, before.st_uid, before.st_gid)
        os.chmod(name, _ONLY_OWNER if has_secret
                 else stat.S_IMODE(before.st_mode))
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
