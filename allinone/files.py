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

"""Writing into the state directory."""

import functools
import os
import pathlib
import typing

import jinja2

from allinone import deployment


@functools.cache
def _templates():
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(
            pathlib.Path(__file__).with_name('templates')),
        undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True)


def render(template: str, cloud: deployment.Deployment,
           **values: typing.Any) -> str:
    """Return the text of a template.

    :param template: path of the template, below templates/
    :param values: what the template names, beside ``cloud``
    :raises jinja2.UndefinedError: the template names something else
    """
    return _templates().get_template(template).render(cloud=cloud, **values)


def write(path: pathlib.Path, text: str, uid: int | None = None) -> None:
    """Write a file that only its owner reads, because most hold a password.

    :param uid: id of the owner, or None for the user of this process
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
    give(path, uid)


def link(path: pathlib.Path, target: pathlib.Path) -> None:
    """Make a symbolic link, in place of any link that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def directory(path: pathlib.Path, uid: int | None = None) -> pathlib.Path:
    """Make a directory that only its owner enters, unless it exists.

    :param uid: id of the owner, or None for the user of this process
    :returns: The path.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    give(path, uid)
    return path


def give(path: pathlib.Path, uid: int | None) -> None:
    """Change the owner of a path, and of all below it.

    :param uid: id of the owner, or None to change nothing
    """
    if uid is None:
        return
    os.chown(path, uid, uid)
    for below in path.rglob('*') if path.is_dir() else ():
        os.chown(below, uid, uid, follow_symlinks=False)
