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

"""Tables of reStructuredText, for the documents."""

import collections.abc
import textwrap

_WIDTH = 79


def as_rst(rows: collections.abc.Iterable[collections.abc.Sequence[str]],
           widths: collections.abc.Iterable[int]) -> str:
    """Return a table whose first row is its header.

    :param rows: the cells of each row
    :param widths: the width of each column, in parts of the whole
    """
    lines = ['.. list-table::', '   :header-rows: 1',
             f'   :widths: {" ".join(map(str, widths))}', '']
    for row in rows:
        for place, text in enumerate(row):
            mark = '   * -' if not place else '     -'
            lines += _wrap(text, f'{mark} ', ' ' * 7) or [mark]
    return '\n'.join(lines) + '\n'


def items(texts: collections.abc.Iterable[str]) -> str:
    """Return a list with an item for each text."""
    return ''.join(line + '\n' for text in texts
                   for line in _wrap(text, '- ', '  '))


def escape(text: str) -> str:
    """Return text that others have written, so that it means only itself."""
    for special in '\\*`|_':
        text = text.replace(special, f'\\{special}')
    return text


def _wrap(text, first, others):
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=others,
        break_long_words=False, break_on_hyphens=False)
