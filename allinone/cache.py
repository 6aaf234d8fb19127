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

"""Things that are dear to make, kept under the user's cache directory.

An entry is made in a directory of its own and takes its name last, so that
one that exists is whole, whatever was interrupted; a lock file keeps two
makers of one entry apart.
"""

import hashlib
import pathlib
import shutil

import fasteners
import platformdirs

HERE = pathlib.Path(__file__).parent


def root():
    return platformdirs.user_cache_path('local-delete-allinone')


def key(*paths, extra=''):
    """Return a short hash of the files' contents, and of `extra`."""
    digest = hashlib.sha256(extra.encode())
    for path in paths:
        digest.update(pathlib.Path(path).read_bytes())
    return digest.hexdigest()[:16]


def has(kind, name):
    return (root() / kind / name).exists()


def provide(kind, name, make):
    """Return the path of an entry; `make(path)` fills it when missing.

    :param make: is given an empty directory, which becomes the entry
    """
    entry = root() / kind / name
    if entry.exists():
        return entry
    entry.parent.mkdir(parents=True, exist_ok=True)
    with fasteners.InterProcessLock(entry.with_suffix('.lock')):
        if not entry.exists():
            unfinished = entry.with_suffix('.unfinished')
            if unfinished.exists():
                shutil.rmtree(unfinished)
            unfinished.mkdir(mode=0o700)
            make(unfinished)
            unfinished.rename(entry)
    return entry
