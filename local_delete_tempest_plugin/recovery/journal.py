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

from collections.abc import Callable
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

import jsonschema
from oslo_concurrency import lockutils
from oslo_log import log as logging
from tempest import config
import tenacity

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import run

CONF = config.CONF
LOG = logging.getLogger(__name__)

# Version 1 has 'struck' instead of 'complete', and other names (kinds.py).
# Versions 1 and 2 have only the address of Keystone for the cloud, and no stop
# command that is under way. A plugin that knows only an earlier version
# refuses a later version in one line.
VERSION = 3

_SUFFIX = '.journal'
_ASIDE = '.dismissed'

# A process that only looks whether a run lives holds the journal for a
# moment, too.
_LOOKS, _BETWEEN_LOOKS = 5, 0.02

_INTEGER, _TEXT = {'type': 'integer'}, {'type': 'string'}


def _object(**properties: Any) -> dict[str, Any]:
    return {'type': 'object', 'properties': properties,
            'required': list(properties)}


def _with_cloud(schema: dict[str, Any] | bool
                ) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(_object(cloud=schema))


_HEAD = jsonschema.Draft202012Validator(_object(
    version=_INTEGER, run={'type': 'string', 'pattern': '^[0-9A-F]{12}$'}))
_CLOUDS = {
    1: _with_cloud(_TEXT), 2: _with_cloud(_TEXT), 3: _with_cloud(_object(
        uri=_TEXT, region=_TEXT, ids={'type': 'array', 'items': _TEXT}))}
_NO_CLOUD = _with_cloud(False)
_LINE = jsonschema.Draft202012Validator({'oneOf': [
    _object(intent=_INTEGER, kind=_TEXT, what={'type': 'object'}),
    _object(complete=_INTEGER), _object(struck=_INTEGER)]})


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


def _path_of(run_id: str) -> pathlib.Path:
    return directory() / (run_id + _SUFFIX)


class Journal:
    """The journal of this process; its file is made with the first intent.

    :param run_id: Id of the run.
    :ivar cloud: The cloud that is changed. What tempest.conf tells of it,
        until somebody has logged in.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._path: pathlib.Path | None = None
        self._file: io.FileIO | None = None
        self._count = 0
        self._open: dict[int, safety_change.Intent] = {}
        self.cloud: identity.Cloud | None = None

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
                _append(self._file, _as_line(intent))
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
                _append(self._file, _as_complete(intent))
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
        _make_directory()
        self._path = _path_of(self._run_id)
        return _create(self._path, _as_head(
            self._run_id, self.cloud or identity.Cloud.of_conf()))


def _make_directory() -> None:
    folder = directory()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_folder(folder)


def _create(path: pathlib.Path, head: dict[str, Any]) -> io.FileIO:
    # Other processes of the run look for journals at any moment. So the file
    # gets its name when it is held and has its head.
    unnamed = path.with_suffix('.new')
    unnamed.unlink(missing_ok=True)
    file = open(unnamed, 'xb', buffering=0, opener=(
        lambda path, flags: os.open(
            path, flags | os.O_APPEND | os.O_NOFOLLOW, 0o600)))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _append(file, head)
        unnamed.rename(path)
        _sync_folder(path.parent)
    except OSError:
        # Without a head nobody could read what a later try writes.
        unnamed.unlink(missing_ok=True)
        _remove(file, path)
        raise
    return file


def _as_head(run_id: str, cloud: identity.Cloud) -> dict[str, Any]:
    return {'version': VERSION, 'run': run_id,
            'cloud': {'uri': cloud.uri, 'region': cloud.region,
                      'ids': sorted(cloud.ids)}}


def _as_line(intent: safety_change.Intent) -> dict[str, Any]:
    return {'intent': intent.number, 'kind': intent.change.kind,
            'what': dataclasses.asdict(intent.change)}


def _as_complete(intent: safety_change.Intent) -> dict[str, Any]:
    return {'complete': intent.number}


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


def _cut_off_half_a_line(file: io.FileIO) -> None:
    """Take off what a crash cut short, because it would spoil a new line."""
    size = os.fstat(file.fileno()).st_size
    end = os.pread(file.fileno(), size, 0).rfind(b'\n') + 1
    if end < size:
        file.truncate(end)


def _remove(file: io.FileIO, path: pathlib.Path) -> None:
    """Remove a journal that is held, and let go of it."""
    with file:
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _set_aside(path: pathlib.Path) -> pathlib.Path:
    """Give a journal a name that no run and no recover looks for.

    :returns: The new path. No file is lost.
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


@dataclasses.dataclass
class AbandonedRun:
    """A run that ended and left something; whoever recovers it holds this."""

    run_id: str
    intents: list[safety_change.Intent]
    #: The journal, held by its lock; None where what is left was found
    #: without it.
    file: io.FileIO | None = None

    @property
    def is_damaged(self) -> bool:
        """Whether the journal has something that this plugin cannot use."""
        return any(isinstance(intent.change, kinds.Unusable)
                   for intent in self.intents)

    def update(self, intent: safety_change.Intent,
               change: safety_change.Change) -> safety_change.Intent:
        """Write down what else is known of a change.

        :param intent: One of ``intents``.
        :param change: The change, to be undone in the place of the former.
        :returns: The intent of the change.
        """
        changed = safety_change.Intent(intent.number, change)
        self._write(_as_line(changed))
        return changed

    def complete(self, intent: safety_change.Intent) -> None:
        """Write down that a change was undone, so that it stays so.

        :param intent: One of ``intents``.
        """
        self._write(_as_complete(intent))

    def _write(self, line: dict[str, Any]) -> None:
        if self.file:
            try:
                _cut_off_half_a_line(self.file)
                _append(self.file, line)
            except OSError as error:
                LOG.warning('%s: cannot write what was undone: %s',
                            self.file.name, error)

    def close(self, recovered: bool) -> None:
        """Let go of the journal, and remove it if nothing of it is left.

        :param recovered: Whether all its intents were undone.
        :raises JournalUnusable: it cannot be removed.
        """
        if self.file:
            with self._named('removed'):
                if recovered:
                    _remove(self.file, pathlib.Path(str(self.file.name)))
                self.file.close()

    def set_aside(self) -> pathlib.Path | None:
        """Let go of the journal, and keep it where nobody looks for it.

        :returns: Where it is kept, or None where there is none.
        :raises JournalUnusable: it cannot be renamed.
        """
        if not self.file:
            return None
        with self._named('renamed'), self.file:
            return _set_aside(pathlib.Path(str(self.file.name)))

    @contextlib.contextmanager
    def _named(self, done: str) -> Iterator[None]:
        """Let an error name the journal, because others may follow it."""
        try:
            yield
        except OSError as error:
            raise exceptions.JournalUnusable(
                path=self.file and self.file.name,
                problem='cannot be %s (%s)' % (done, error.strerror))


@dataclasses.dataclass(frozen=True)
class PassedOver:
    """A journal that is not recovered here.

    :param run_id: Id of the run, or None where it cannot be read.
    :param path: The journal.
    :param why: Why not, in words.
    :param is_alive: Whether a process holds it: its run, or a recover. Then
        nobody else has to undo it.
    """

    run_id: str | None
    path: pathlib.Path
    why: str
    is_alive: bool = False


@dataclasses.dataclass
class Found:
    """The journals of this machine, apart from those in use.

    :ivar abandoned: Those to recover, which are held.
    :ivar passed_over: Those that are not recovered here.
    :ivar unusable: Those that nobody can read, or that are not to be trusted.
    """

    abandoned: list[AbandonedRun] = dataclasses.field(default_factory=list)
    passed_over: list[PassedOver] = dataclasses.field(default_factory=list)
    unusable: list[exceptions.JournalUnusable] = dataclasses.field(
        default_factory=list)

    def close(self) -> None:
        """Let go of all journals, and remove none."""
        for abandoned in self.abandoned:
            abandoned.close(recovered=False)


def find(cloud: identity.Cloud) -> Found:
    """Open the journals of abandoned runs on this machine and this cloud.

    :param cloud: The cloud of tempest.conf.
    :returns: What was found. The abandoned runs are to be closed.
    :raises JournalUnusable: others may write in the directory, or it cannot be
        read.
    """
    found = Found()
    try:
        for path in _journals():
            try:
                seen = _open_abandoned(path, cloud)
            except exceptions.JournalUnusable as error:
                found.unusable.append(error)
                continue
            except OSError as error:
                found.unusable.append(exceptions.JournalUnusable(
                    path=path, problem='cannot be read (%s)' % error.strerror))
                continue
            if isinstance(seen, PassedOver):
                LOG.warning('%s is passed over: %s', path, seen.why)
                found.passed_over.append(seen)
            elif seen:
                found.abandoned.append(seen)
    except BaseException:
        found.close()
        raise
    return found


def find_abandoned(cloud: identity.Cloud) -> list[AbandonedRun]:
    """Open the journals of abandoned runs, or none of them.

    :param cloud: The cloud of tempest.conf.
    :returns: The runs, which are held. Runs that live, and those of other
        clouds, are passed over.
    :raises JournalUnusable: one is of a newer version, another user's, or
        without a head.
    """
    found = find(cloud)
    if found.unusable:
        found.close()
        raise found.unusable[0]
    return found.abandoned


def _journals() -> list[pathlib.Path]:
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


def _check_folder(folder: pathlib.Path) -> None:
    """Refuse a directory in which others could forge or remove journals."""
    try:
        status = folder.stat()
    except FileNotFoundError:
        return
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


def is_alive(run_id: str) -> bool:
    """Tell whether a run lives on this machine, and has changes to undo.

    :param run_id: Id of the run.
    :returns: Whether a process holds its journal.
    """
    return _is_held(_path_of(run_id))


def _is_held(path: pathlib.Path) -> bool:
    try:
        file = _hold(path, fcntl.LOCK_SH, os.O_RDONLY)
    except BlockingIOError:
        return True
    except exceptions.JournalUnusable:
        # A run holds what it has written, and that can be opened.
        return False
    if file:
        file.close()
    return False


def of_live_runs() -> dict[str, list[safety_change.Change]]:
    """Read what the runs that live on this machine have not undone yet.

    :returns: {run id: its changes} of each run of this cloud, this process's
        too. A run whose journal cannot be read is not there.
    """
    found = {}
    here = identity.Cloud.of_conf()
    for path in _journals():
        # A run may remove its journal at any moment.
        with contextlib.suppress(OSError, exceptions.JournalUnusable):
            if _is_held(path):
                parsed = _parse(path, path.read_bytes())
                # Processes of one run have one tempest.conf.
                if here.is_at(parsed.cloud.uri):
                    found[parsed.run_id] = [
                        intent.change for intent in parsed.intents]
    return found


def refuse_if_alive(run_id: str) -> None:
    """Refuse to undo a run that lives on this machine.

    :param run_id: Id of the run.
    :raises JournalUnusable: its journal is held.
    """
    _refuse_if_held(_path_of(run_id))


def _refuse_if_held(path: pathlib.Path) -> None:
    if _is_held(path):
        raise exceptions.JournalUnusable(
            path=path,
            problem='is held by a run that lives, or by another recover: end '
            'it first')


def dismiss(run_id: str, dry_run: bool = False
            ) -> tuple[pathlib.Path, list[safety_change.Intent]]:
    """Let go of a journal whose changes nobody can undo.

    :param run_id: Id of the run.
    :param dry_run: Whether to change nothing.
    :returns: (path under which the journal is kept, its open intents, as far
        as they can be read).
    :raises JournalUnusable: there is none, or its run lives.
    """
    for path in _journals():
        text = b''
        with contextlib.suppress(OSError, exceptions.JournalUnusable):
            file = _hold(path, fcntl.LOCK_SH, os.O_RDONLY)
            if file:
                with file:
                    text = file.readall()
        parsed = None
        with contextlib.suppress(exceptions.JournalUnusable):
            parsed = _parse(path, text)
        if path.stem == run_id or (parsed and parsed.run_id == run_id):
            _refuse_if_held(path)
            return (path if dry_run else _set_aside(path),
                    parsed.intents if parsed else [])
    raise exceptions.JournalUnusable(
        path=_path_of(run_id), problem='is not there')


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


def _hold(path: pathlib.Path, operation: int, flags: int,
          check: Callable[[pathlib.Path, os.stat_result], None]
          = lambda path, status: None) -> io.FileIO | None:
    """Open a journal, lock it, and then see whether it is still that one.

    Its run may remove it between any two of these steps, and may have another
    journal of the same name already.

    :param operation: ``fcntl.LOCK_SH`` or ``fcntl.LOCK_EX``.
    :param check: Called before the lock, with the path and the status.
    :returns: The file, or None where there is none.
    :raises BlockingIOError: a process holds it.
    :raises JournalUnusable: see ``_open``.
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


def _open_abandoned(path: pathlib.Path, cloud: identity.Cloud
                    ) -> AbandonedRun | PassedOver | None:
    try:
        file = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(BlockingIOError),
            wait=tenacity.wait_fixed(_BETWEEN_LOOKS),
            stop=tenacity.stop_after_attempt(_LOOKS), reraise=True)(
                _hold, path, fcntl.LOCK_EX, os.O_RDWR | os.O_APPEND,
                _check_owner)
    except BlockingIOError:
        return PassedOver(path.stem if run.is_id(path.stem) else None, path,
                          'its run lives, or another recover is at work',
                          is_alive=True)
    if file is None:
        # Its run undid all, and removed it.
        return None
    with contextlib.ExitStack() as kept:
        kept.callback(file.close)
        text = file.readall()
        parsed = _parse(path, text)
        why = parsed.why_not_of(cloud, text)
        if why:
            return PassedOver(parsed.run_id, path, why)
        kept.pop_all()
    return AbandonedRun(parsed.run_id, parsed.intents, file)


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


@dataclasses.dataclass(frozen=True)
class _Parsed:
    """What a journal says; ``intents`` are those that are not complete."""

    version: int
    run_id: str
    cloud: identity.Cloud
    intents: list[safety_change.Intent]

    def why_not_of(self, cloud: identity.Cloud, text: bytes) -> str | None:
        """Tell why the run was not one of this cloud and region.

        :param text: The whole journal.
        :returns: Words, or None where the run was here.
        """
        other = 'it is of another cloud (%s)' % self.cloud.uri
        if self.version > 2:
            if not cloud.is_same(self.cloud):
                return other
            return None if self.cloud.region == cloud.region else (
                'it is of region %s, and tempest.conf is of region %s' % (
                    self.cloud.region, cloud.region))
        # The address does not tell the region, and has several spellings.
        is_near = cloud.is_at(self.cloud.uri)
        if is_near and not self.intents:
            return None
        try:
            if (cloud.has_any(identity.uuids_in(text.decode(errors='replace')))
                    or cloud.has_trait(run.Run(self.run_id).trait)):
                return None
        except Exception as error:
            # The journals of other runs can be read all the same.
            return 'nothing can tell whether it is of this cloud: %s' % error
        return other if not is_near else (
            'it is of an earlier release, and nothing in region %s tells that '
            'the run was here' % cloud.region)


def _parse(path: pathlib.Path, data: bytes) -> _Parsed:
    # What follows the last newline was cut short by the crash. Its change was
    # never made, because an intent is on disk before its change. Bytes that
    # are no text are no JSON either, and the line is named.
    lines = data.decode(errors='replace').split('\n')[:-1]
    if not lines and run.is_id(path.stem):
        # Cut short before its head was whole, and so before any change.
        return _Parsed(1, path.stem, identity.Cloud.of_conf(), [])
    head = _head(path, lines[0] if lines else '', _HEAD)
    version = head['version']
    if version > VERSION:
        raise exceptions.JournalUnusable(
            path=path, problem='is of version %d, and this plugin reads up '
            'to %d' % (version, VERSION))
    cloud = _head(path, lines[0], _CLOUDS.get(version, _NO_CLOUD))['cloud']
    this_run = run.Run(head['run'])
    intents: dict[int, safety_change.Intent] = {}
    for number, text in enumerate(lines[1:], 2):
        try:
            line = _line(path, number, text, _LINE)
        except exceptions.JournalUnusable:
            # It costs one change, or an undo that finds nothing to do.
            intents[-number] = safety_change.Intent(-number, kinds.Unusable(
                str(path), 'is corrupt in line %d' % number))
            continue
        if 'intent' in line:
            change = kinds.read(str(path), version, line['kind'], line['what'])
            if not change.is_of(this_run):
                # Somebody has edited the journal, or put two of them together.
                change = kinds.Unusable(
                    str(path), 'has an intent of kind %s that is not of run '
                    '%s: %s' % (change.kind, this_run.id, change))
            intents[line['intent']] = safety_change.Intent(
                line['intent'], change)
        else:
            intents.pop(
                line['complete' if 'complete' in line else 'struck'], None)
    return _Parsed(version, this_run.id, identity.Cloud(cloud, '')
                   if isinstance(cloud, str) else identity.Cloud(
                       cloud['uri'], cloud['region'], frozenset(cloud['ids'])),
                   list(intents.values()))


def _head(path: pathlib.Path, text: str,
          validator: jsonschema.Draft202012Validator) -> dict[str, Any]:
    try:
        return _line(path, 1, text, validator)
    except exceptions.JournalUnusable:
        # Each later run on this machine fails until the operator acts.
        way_out = ('What the run has left in this cloud: tempest local-delete '
                   'recover --run {0}; then: tempest local-delete recover '
                   '--dismiss {0}'.format(path.stem) if run.is_id(path.stem)
                   else 'Move it to another directory')
        raise exceptions.JournalUnusable(
            path=path, problem='is corrupt in line 1, so nothing tells of '
            'which cloud its run is. %s' % way_out) from None


def _line(path: pathlib.Path, number: int, text: str,
          validator: jsonschema.Draft202012Validator) -> dict[str, Any]:
    try:
        line = json.loads(text)
        validator.validate(line)
        # JSON can escape half a character, and no log or terminal takes that.
        json.dumps(line, ensure_ascii=False).encode()
    except (ValueError, RecursionError, jsonschema.ValidationError):
        raise exceptions.JournalUnusable(
            path=path, problem='is corrupt in line %d' % number)
    return cast(dict[str, Any], line)
