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

import jinja2


@functools.cache
def _templates():
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(
            pathlib.Path(__file__).with_name('templates')),
        undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True)


def render(template, deployment, **values):
    """Return the text of a template; a name it lacks raises."""
    return _templates().get_template(template).render(
        cloud=deployment, **values)


def write(path, text, uid=None):
    """Write a file that its owner alone reads, since most hold a password."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
    give(path, uid)


def directory(path, uid=None):
    """Make a directory that its owner alone enters; return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    give(path, uid)
    return path


def give(path, uid):
    """Make a path, and what is below it, the user's; None: leave it ours."""
    if uid is None:
        return
    os.chown(path, uid, uid)
    for below in path.rglob('*') if path.is_dir() else ():
        os.chown(below, uid, uid, follow_symlinks=False)
