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

"""Things that are slow to make, kept under the user's cache directory.

An entry is made in a directory of its own, and gets its name last. So an entry
that exists is whole. Locks keep two makers of one entry apart.
"""

import collections
import collections.abc
import hashlib
import os
import pathlib
import shutil
import threading

import fasteners
import platformdirs

HERE = pathlib.Path(__file__).parent

# {entry: its lock}. A lock file keeps processes apart, and not their threads.
_OF_THREADS: dict[pathlib.Path, threading.Lock] = collections.defaultdict(
    threading.Lock)


def root() -> pathlib.Path:
    """Return the directory of all entries."""
    return platformdirs.user_cache_path('local-delete-allinone')


def key(*paths: str | os.PathLike, extra: str = '') -> str:
    """Return a short hash of the contents of files, and of a text."""
    digest = hashlib.sha256(extra.encode())
    for path in paths:
        digest.update(pathlib.Path(path).read_bytes())
    return digest.hexdigest()[:16]


def has(kind: str, name: str) -> bool:
    """Tell whether an entry exists."""
    return (root() / kind / name).exists()


def provide(kind: str, name: str,
            make: collections.abc.Callable[[pathlib.Path], object]
            ) -> pathlib.Path:
    """Return the path of an entry, and make the entry if it is missing.

    :param kind: directory of the entries of its kind
    :param name: what the entry depends on, such as a ``key``
    :param make: fills an empty directory, which becomes the entry
    """
    entry = root() / kind / name
    if entry.exists():
        return entry
    entry.parent.mkdir(parents=True, exist_ok=True)
    with _OF_THREADS[entry], fasteners.InterProcessLock(
            entry.with_suffix('.lock')):
        if not entry.exists():
            unfinished = entry.with_suffix('.unfinished')
            if unfinished.exists():
                shutil.rmtree(unfinished)
            unfinished.mkdir(mode=0o700)
            make(unfinished)
            unfinished.rename(entry)
    return entry
