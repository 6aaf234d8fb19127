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

"""The file of a journal: where it is, whose it is, and who holds it.

The run holds a lock on its journal as long as it lives.
"""

from collections.abc import Callable
import contextlib
import errno
import fcntl
import io
import json
import os
import pathlib
import stat
from typing import Any

from oslo_concurrency import lockutils
from tempest import config

from local_delete_tempest_plugin import exceptions

CONF = config.CONF

_SUFFIX = '.journal'
_ASIDE = '.dismissed'


def directory() -> pathlib.Path:
    """Tell where the journals of this machine are.

    :returns: A ``pathlib.Path``.
    :raises JournalUnusable: that depends on the working directory.
    """
    # Tempest always sets a lock_path.
    folder = pathlib.Path(CONF.local_delete.journal_dir or os.path.join(
        str(lockutils.get_lock_path(CONF)), 'local-delete'))
    if not folder.is_absolute():
        raise exceptions.JournalUnusable(
            path=folder, problem='is a relative path, so each working '
            'directory has journals of its own: set [local_delete] '
            'journal_dir to a whole path')
    return folder


def path_of(run_id: str) -> pathlib.Path:
    """Tell where the journal of a run is.

    :param run_id: Id of the run.
    :returns: Its path. No file need be there.
    :raises JournalUnusable: see ``directory``.
    """
    return directory() / (run_id + _SUFFIX)


def make_directory() -> None:
    """Make the directory of the journals, where there is none.

    :raises JournalUnusable: others could forge or remove journals in it.
    :raises OSError: it cannot be made.
    """
    folder = directory()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_folder(folder)


def _check_folder(folder: pathlib.Path) -> None:
    """Refuse a directory in which others could forge or remove journals."""
    status = folder.stat()
    if not stat.S_ISDIR(status.st_mode):
        # The first journal finds that out, where one is written.
        return
    mode = stat.S_IMODE(status.st_mode)
    problem = ''
    if mode & 0o022:
        problem = 'has mode %o, so that others could forge or remove ' % mode
    elif status.st_uid not in (os.geteuid(), 0):
        problem = 'belongs to user id %d, who could forge or remove ' % (
            status.st_uid)
    if problem:
        raise exceptions.JournalUnusable(
            path=folder, problem='is a directory that %sjournals: set '
            '[local_delete] journal_dir to a directory that only you may '
            'write' % problem)


def journals() -> list[pathlib.Path]:
    """List the journals of this machine.

    :returns: Their paths, by name. Anything may have such a name.
    :raises JournalUnusable: others may write in the directory, or it cannot be
        read.
    """
    folder = directory()
    try:
        _check_folder(folder)
        # Path.glob shows a directory that cannot be read as an empty one.
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise exceptions.JournalUnusable(
            path=folder, problem='cannot be read (%s): see [local_delete] '
            'journal_dir' % error.strerror)
    return sorted(folder / name for name in names if name.endswith(_SUFFIX))


def create(path: pathlib.Path, head: dict[str, Any]) -> io.FileIO:
    """Make a journal, which is held.

    :param path: Its path.
    :param head: Its first line.
    :returns: The file.
    :raises OSError: it cannot be written. Then it is not there.
    """
    # Other processes of the run look for journals at any moment. So the file
    # gets its name when it is held and has its head.
    unnamed = path.with_suffix('.new')
    unnamed.unlink(missing_ok=True)
    file = open(unnamed, 'xb', buffering=0, opener=(
        lambda path, flags: os.open(
            path, flags | os.O_APPEND | os.O_NOFOLLOW, 0o600)))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        append(file, head)
        unnamed.rename(path)
        _sync_folder(path.parent)
    except OSError:
        # Without a head nobody could read what a later try writes.
        unnamed.unlink(missing_ok=True)
        remove(file, path)
        raise
    return file


def append(file: io.FileIO, line: dict[str, Any]) -> None:
    """Write a line, and wait until it is on disk.

    :param file: A journal that is held.
    :param line: The line.
    :raises OSError: it cannot be written. Then nothing of it is there.
    """
    data = (json.dumps(line) + '\n').encode()
    size = os.fstat(file.fileno()).st_size
    try:
        if file.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        # Half a line would spoil the next one.
        file.truncate(size)
        raise


def cut_off_half_a_line(file: io.FileIO) -> None:
    """Take off what a crash cut short, because it would spoil a new line.

    :param file: A journal that is held.
    :raises OSError: that cannot be done.
    """
    size = os.fstat(file.fileno()).st_size
    end = os.pread(file.fileno(), size, 0).rfind(b'\n') + 1
    if end < size:
        file.truncate(end)


def _open(path: pathlib.Path, flags: int) -> io.FileIO:
    """Open a journal, and nothing that only has the name of one.

    :raises FileNotFoundError: there is none.
    :raises JournalUnusable: it cannot be opened, or it is no plain file.
    """
    try:
        # Whoever opens a FIFO would wait for its other end.
        file = open(
            path, 'r+b' if flags & os.O_RDWR else 'rb', buffering=0,
            opener=lambda path, _: os.open(path, flags | os.O_CLOEXEC
                                           | os.O_NOFOLLOW | os.O_NONBLOCK))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise exceptions.JournalUnusable(
            path=path, problem='cannot be opened (%s)' % error.strerror)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise exceptions.JournalUnusable(
            path=path, problem='is no plain file')
    return file


def hold(path: pathlib.Path, operation: int, flags: int,
         check: Callable[[pathlib.Path, os.stat_result], None]
         = lambda path, status: None) -> io.FileIO | None:
    """Open a journal, lock it, and then see whether it is still that one.

    Its run may remove it between any two of these steps. The run may then have
    another journal of the same name already.

    :param path: Where the journal is.
    :param operation: ``fcntl.LOCK_SH`` or ``fcntl.LOCK_EX``.
    :param flags: Flags of ``os.open``.
    :param check: Called before the lock, with the path and the status.
    :returns: The file, or None where there is none.
    :raises BlockingIOError: a process holds it.
    :raises JournalUnusable: it cannot be opened, or it is no plain file.
    """
    while True:
        with contextlib.ExitStack() as kept:
            try:
                file = kept.enter_context(_open(path, flags))
                status = os.fstat(file.fileno())
                check(path, status)
                fcntl.flock(file, operation | fcntl.LOCK_NB)
                now = os.stat(path, follow_symlinks=False)
            except FileNotFoundError:
                return None
            if (now.st_dev, now.st_ino) == (status.st_dev, status.st_ino):
                kept.pop_all()
                return file


def is_held(path: pathlib.Path) -> bool:
    """Tell whether a process holds a journal.

    :param path: Its path. No file need be there.
    :returns: Whether a run that lives, or a recover, holds it.
    """
    try:
        file = hold(path, fcntl.LOCK_SH, os.O_RDONLY)
    except BlockingIOError:
        return True
    except exceptions.JournalUnusable:
        # A run holds what it has written, and that can be opened.
        return False
    if file:
        file.close()
    return False


def check_owner(path: pathlib.Path, status: os.stat_result) -> None:
    """Refuse a journal that somebody else could have written.

    :param path: Its path.
    :param status: Its status.
    :raises JournalUnusable: it is not this user's alone.
    """
    if status.st_uid != os.geteuid():
        raise exceptions.JournalUnusable(
            path=path, problem='belongs to user id %d, and this is %d' % (
                status.st_uid, os.geteuid()))
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise exceptions.JournalUnusable(
            path=path, problem='has mode %o, so that others could have '
            'written it; 600 would be right' % mode)


def remove(file: io.FileIO, path: pathlib.Path) -> None:
    """Remove a journal that is held, and let go of it.

    :param file: The journal.
    :param path: Its path.
    :raises OSError: it cannot be removed.
    """
    with file:
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)


def set_aside(path: pathlib.Path) -> pathlib.Path:
    """Give a journal a name that no run and no recover looks for.

    :param path: Its path.
    :returns: The new path. No file is lost.
    :raises OSError: it cannot be renamed.
    """
    aside, count = path.with_suffix(_ASIDE), 1
    while aside.exists():
        count += 1
        aside = path.with_suffix('%s.%d' % (_ASIDE, count))
    path.rename(aside)
    _sync_folder(path.parent)
    return aside


def _sync_folder(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
