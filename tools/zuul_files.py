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

"""The configuration of Zuul in a tree: jobs, templates and the project."""

from collections.abc import Iterator
import dataclasses
import pathlib
from typing import Any

import yaml

#: The name of this project.
PROJECT = 'openstack/local-delete-tempest-plugin'


@dataclasses.dataclass(frozen=True)
class Item:
    """An item of a file of Zuul, such as a job.

    :ivar path: The file.
    :ivar kind: What the item is, such as ``job``.
    :ivar content: What the file says of it.
    """

    path: pathlib.Path
    kind: str
    content: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the item; a project of its own file has none."""
        return self.content.get('name', '')

    def __str__(self) -> str:
        return f'{self.path.name}: {self.kind} {self.name}'.rstrip()


def parse(path: pathlib.Path, text: str) -> Iterator[Item]:
    """Yield each item of a file.

    :param path: the file
    :param text: what is in the file
    :raises ValueError: the file is no list of items
    """
    items = yaml.load(text, Loader=_Loader) or []
    if not isinstance(items, list):
        raise ValueError(f'{path}: is no list of items')
    for item in items:
        if not isinstance(item, dict) or len(item) != 1:
            raise ValueError(f'{path}: {item!r} is not one item')
        [(kind, content)] = item.items()
        yield Item(path, kind, content)


def read(root: pathlib.Path) -> list[Item]:
    """Return all items of ``zuul.d`` of a tree."""
    return [item for path in sorted((root / 'zuul.d').glob('*.yaml'))
            for item in parse(path, path.read_text())]


class _Loader(yaml.SafeLoader):
    """Reads also the tags of Zuul, such as that of a secret."""


_Loader.add_multi_constructor('!', lambda loader, tag, node: None)
