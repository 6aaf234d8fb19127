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

"""What a run is about to change, on disk before it is changed.

A journal is a file of JSON lines. The first line is the head. Each other line
is an intent, or tells that an intent is complete. A later line with the number
of an intent takes the place of that intent. An intent is on disk, in
the sense of fsync, before the cloud sees the change. It is complete after the
change was undone. The run holds a lock on its journal as long as it lives. So
a journal that nobody holds belongs to an abandoned run.
"""

from collections.abc import Iterator
import contextlib
import dataclasses
import errno
import fcntl
import io
import json
import os
import pathlib
import stat
import sys
from typing import Any
from typing import cast
from typing import IO
from typing import TextIO

import jsonschema
from oslo_concurrency import lockutils
from oslo_log import log as logging
from tempest import config

from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.safety import change as safety_change

CONF = config.CONF
LOG = logging.getLogger(__name__)

# Version 1 has 'struck' instead of 'complete', and other names (kinds.py).
# Version 2 has no stop command that is under way.
# A plugin that knows only version 1 refuses a later version in one line.
VERSION = 3

_SUFFIX = '.journal'

_INTEGER, _TEXT = {'type': 'integer'}, {'type': 'string'}


def _object(**properties: Any) -> dict[str, Any]:
    return {'type': 'object', 'properties': properties,
            'required': list(properties)}


_HEAD = _object(version=_INTEGER, cloud=_TEXT,
                run={'type': 'string', 'pattern': '^[0-9A-F]{12}$'})
_LINE = {'oneOf': [
    _object(intent=_INTEGER, kind=_TEXT, what={'type': 'object'}),
    _object(complete=_INTEGER), _object(struck=_INTEGER)]}


def directory() -> pathlib.Path:
    """Tell where the journals of this machine are.

    :returns: A ``pathlib.Path``.
    """
    # Tempest always sets a lock_path.
    return pathlib.Path(CONF.local_delete.journal_dir or os.path.join(
        str(lockutils.get_lock_path(CONF)), 'local-delete'))


class Journal:
    """The journal of this process; its file is made with the first intent.

    :param run_id: Id of the run.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._path: pathlib.Path | None = None
        self._file: io.FileIO | None = None
        self._count = 0
        self._open: dict[int, safety_change.Intent] = {}

    def intend(self, change: safety_change.Change) -> safety_change.Intent:
        """Write down a change before it is made.

        :param change: The change.
        :returns: The ``change.Intent``, for ``complete``.
        :raises JournalUnusable: it cannot be written. Then nothing may be
            changed.
        """
        self._count += 1
        return self._write(safety_change.Intent(self._count, change))

    def update(self, intent: safety_change.Intent,
               change: safety_change.Change) -> safety_change.Intent:
        """Write down what else is known of a change that is made.

        :param intent: What ``intend`` returned. It is not complete.
        :param change: The change, to be undone in the place of the former.
        :returns: The ``change.Intent`` that takes the place of the former.
        :raises JournalUnusable: it cannot be written. Then nothing more may be
            changed.
        """
        return self._write(safety_change.Intent(intent.number, change))

    def _write(self, intent: safety_change.Intent) -> safety_change.Intent:
        with signals.deferred():
            try:
                self._file = self._file or self._create()
                _append(self._file, {
                    'intent': intent.number, 'kind': intent.change.kind,
                    'what': dataclasses.asdict(intent.change)})
            except OSError as error:
                raise exceptions.JournalUnusable(
                    path=self._path or directory(), problem='cannot be '
                    'written (%s), so nothing is changed' % error.strerror)
            self._open[intent.number] = intent
        return intent

    def left(self) -> list[safety_change.Intent]:
        """List the intents that are not complete.

        :returns: The intents, in the order of their changes.
        """
        return list(self._open.values())

    def complete(self, intent: safety_change.Intent) -> None:
        """Write down that a change was undone.

        :param intent: What ``intend`` returned. Nothing is done where it is
            complete already.
        """
        if (not self._open.pop(intent.number, None) or not self._file
                or not self._path):
            return
        try:
            if self._open:
                _append(self._file, {'complete': intent.number})
            else:
                file, self._file = self._file, None
                _remove(file, self._path)
        except OSError as error:
            # All is undone. If recover looks at it again, it finds so.
            LOG.warning('%s: cannot write that a change was undone: %s',
                        self._path, error)

    def say_what_is_left(self) -> None:
        """Say on stderr how to undo the changes that this process leaves.

        Ctrl-C ends a run before the clean-ups of its class. Then no result of
        a test can say that.
        """
        if self._open:
            print('%s: run %s ends and leaves behind: %s. To undo it: '
                  'tempest local-delete recover' % (
                      self._path, self._run_id, ', '.join(
                          intent.change.kind
                          for intent in self._open.values())),
                  file=sys.stderr)

    def _create(self) -> io.FileIO:
        folder = directory()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / (self._run_id + _SUFFIX)
        # Other processes of the run look for journals at any moment. So the
        # file gets its name when it is held and has its head.
        unnamed = self._path.with_suffix('.new')
        file = open(unnamed, 'ab', buffering=0, opener=(
            lambda path, flags: os.open(path, flags | os.O_NOFOLLOW, 0o600)))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _append(file, {'version': VERSION, 'run': self._run_id,
                           'cloud': CONF.identity.uri_v3})
            unnamed.rename(self._path)
            _sync_folder(folder)
        except OSError:
            # Without a head nobody could read what a later try writes.
            unnamed.unlink(missing_ok=True)
            _remove(file, self._path)
            raise
        return file


def _append(file: io.FileIO, line: dict[str, Any]) -> None:
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


def _remove(file: IO[Any], path: pathlib.Path) -> None:
    """Remove a journal that is held, and let go of it."""
    with file:
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _sync_folder(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclasses.dataclass
class AbandonedRun:
    """A run that ended and left something; whoever recovers it holds this."""

    run_id: str
    intents: list[safety_change.Intent]
    #: The journal, held by its lock; None where what is left was found
    #: without it.
    file: TextIO | None = None

    def close(self, recovered: bool) -> None:
        """Let go of the journal, and remove it if nothing of it is left.

        :param recovered: Whether all its intents were undone.
        """
        if self.file:
            if recovered:
                _remove(self.file, pathlib.Path(self.file.name))
            self.file.close()


def find_abandoned() -> Iterator[AbandonedRun]:
    """Open the journals of abandoned runs on this machine and this cloud.

    :returns: A generator of ``AbandonedRun``. Runs that live, and those of
        other clouds, are passed over.
    :raises JournalUnusable: one is corrupt, of a newer version, or another
        user's; raised after all others were given.
    """
    unusable = None
    for path in sorted(directory().glob('*' + _SUFFIX)):
        try:
            abandoned = _open_abandoned(path)
        except exceptions.JournalUnusable as error:
            unusable = unusable or error
            continue
        if abandoned:
            yield abandoned
    if unusable:
        raise unusable


def is_alive(run_id: str) -> bool:
    """Tell whether a run lives on this machine, and has changes to undo.

    :param run_id: Id of the run.
    :returns: Whether a process holds its journal.
    """
    try:
        with open(directory() / (run_id + _SUFFIX)) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def of_live_runs() -> dict[str, list[safety_change.Change]]:
    """Read what the runs that live on this machine have not undone yet.

    :returns: {run id: its changes} of each run of this cloud, this process's
        too. A run whose journal cannot be read is not there.
    """
    found = {}
    for path in directory().glob('*' + _SUFFIX):
        # A run may remove its journal at any moment.
        with contextlib.suppress(OSError, exceptions.JournalUnusable):
            if is_alive(path.stem):
                run_id, cloud, intents = _parse(path, path.read_text())
                if cloud == CONF.identity.uri_v3:
                    found[run_id] = [intent.change for intent in intents]
    return found


def refuse_if_alive(run_id: str) -> None:
    """Refuse to undo a run that lives on this machine.

    :param run_id: Id of the run.
    :raises JournalUnusable: its journal is held.
    """
    if is_alive(run_id):
        raise exceptions.JournalUnusable(
            path=directory() / (run_id + _SUFFIX),
            problem='is held by a run that lives: end it first')


def _open_abandoned(path: pathlib.Path) -> AbandonedRun | None:
    try:
        # Bytes that are no text are no JSON either, and the line is named.
        file = open(path, encoding='utf-8', errors='replace', opener=(
            lambda path, flags: os.open(
                path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise exceptions.JournalUnusable(
            path=path, problem='cannot be opened (%s)' % error.strerror)
    with contextlib.ExitStack() as kept:
        kept.callback(file.close)
        _check_owner(path, os.fstat(file.fileno()))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            LOG.info('%s is held by a run that lives', path)
            return None
        if not os.fstat(file.fileno()).st_nlink:
            # Its run undid all, and removed it after it was opened here.
            return None
        run_id, cloud, intents = _parse(path, file.read())
        # The address of Keystone tells the cloud. The names of hosts do not,
        # because two clouds may have hosts of the same names.
        if cloud != CONF.identity.uri_v3:
            LOG.info('%s is of another cloud: %r', path, cloud)
            return None
        kept.pop_all()
    return AbandonedRun(run_id, intents, file)


def _check_owner(path: pathlib.Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise exceptions.JournalUnusable(
            path=path, problem='belongs to user id %d, and this is %d' % (
                status.st_uid, os.geteuid()))
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise exceptions.JournalUnusable(
            path=path, problem='has mode %o, so that others could have '
            'written it; 600 would be right' % mode)


def _parse(path: pathlib.Path, text: str
           ) -> tuple[str, str, list[safety_change.Intent]]:
    """Read a journal.

    :returns: The run's id, the cloud, and the intents that are not complete.
    """
    # What follows the last newline was cut short by the crash. Its change was
    # never made, because an intent is on disk before its change.
    numbered = list(enumerate(text.split('\n')[:-1], 1))
    if not numbered:
        # Cut short before its head was whole, and so before any change.
        return path.stem, CONF.identity.uri_v3, []
    head = _line(path, *numbered[0], _HEAD)
    if head['version'] > VERSION:
        raise exceptions.JournalUnusable(
            path=path, problem='is of version %d, and this plugin reads up '
            'to %d' % (head['version'], VERSION))
    intents = {}
    for number, text in numbered[1:]:
        line = _line(path, number, text, _LINE)
        if 'intent' in line:
            intents[line['intent']] = safety_change.Intent(
                line['intent'], kinds.read(
                    str(path), head['version'], line['kind'], line['what']))
        else:
            intents.pop(line.get('complete', line.get('struck')), None)
    return head['run'], head['cloud'], list(intents.values())


def _line(path: pathlib.Path, number: int, text: str,
          schema: dict[str, Any]) -> dict[str, Any]:
    try:
        line = json.loads(text)
        jsonschema.validate(line, schema)
        # JSON can escape half a character, and no log or terminal takes that.
        json.dumps(line, ensure_ascii=False).encode()
    except (ValueError, RecursionError, jsonschema.ValidationError):
        raise exceptions.JournalUnusable(
            path=path, problem='is corrupt in line %d' % number)
    return cast(dict[str, Any], line)
