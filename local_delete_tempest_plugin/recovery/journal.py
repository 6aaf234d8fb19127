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

A journal is a file of JSON lines: a head, then intents and strikes. An intent
is on disk, in the sense of fsync, before the cloud sees the change, and is
struck after the change was undone. The run holds a lock on its journal for as
long as it lives, so a journal that nobody holds belongs to a dead run.
"""

import dataclasses
import errno
import fcntl
import json
import os
import pathlib
import stat
import sys

import jsonschema
from oslo_concurrency import lockutils
from oslo_log import log as logging
from tempest import config

from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin import exceptions

CONF = config.CONF
LOG = logging.getLogger(__name__)

VERSION = 1

_SUFFIX = '.journal'

_HEAD = {
    'type': 'object',
    'properties': {'version': {'type': 'integer'},
                   'run': {'type': 'string', 'pattern': '^[0-9A-F]{12}$'},
                   'cloud': {'type': 'string'}},
    'required': ['version', 'run', 'cloud'],
}

_LINE = {
    'type': 'object',
    'oneOf': [
        {'properties': {'intent': {'type': 'integer'},
                        'kind': {'type': 'string'},
                        'what': {'type': 'object'}},
         'required': ['intent', 'kind', 'what']},
        {'properties': {'struck': {'type': 'integer'}},
         'required': ['struck']},
    ],
}


@dataclasses.dataclass(frozen=True)
class Intent:
    """One change that may have been made and is not known to be undone."""

    number: int
    kind: str
    what: dict


def directory():
    """Tell where the journals of this machine are.

    :returns: A ``pathlib.Path``.
    """
    return pathlib.Path(CONF.local_delete.journal_dir or os.path.join(
        lockutils.get_lock_path(CONF), 'local-delete'))


class Journal:
    """The journal of this process; its file is made with the first intent.

    :param run_id: Id of the run.
    """

    def __init__(self, run_id):
        self._run_id = run_id
        self._path = None
        self._file = None
        self._count = 0
        self._open = {}

    def intend(self, kind, **what):
        """Write down a change before it is made.

        :param kind: Name of the change, one that ``recovery`` can undo.
        :param what: What is needed to undo it.
        :returns: The ``Intent``.
        :raises JournalUnusable: it cannot be written; then nothing may be
            changed.
        """
        with signals.held_back():
            return self._intend(kind, what)

    def _intend(self, kind, what):
        try:
            if self._file is None:
                self._create()
            self._count += 1
            intent = Intent(self._count, kind, what)
            self._write({'intent': intent.number, 'kind': kind, 'what': what})
        except OSError as error:
            raise exceptions.JournalUnusable(
                path=self._path or directory(),
                problem='cannot be written (%s), so nothing is changed'
                % error.strerror)
        self._open[intent.number] = intent
        return intent

    def strike(self, intent):
        """Write down that a change was undone.

        :param intent: What ``intend`` returned; no error if it is struck.
        """
        if intent.number not in self._open:
            return
        del self._open[intent.number]
        try:
            if self._open:
                self._write({'struck': intent.number})
            else:
                self._remove()
        except OSError as error:
            # All is undone; recover will look at it again, and find so.
            LOG.warning('%s: cannot strike what was undone: %s',
                        self._path, error)

    def say_what_is_left(self):
        """Say on stderr how to undo what this process leaves, if anything.

        Ctrl-C ends a run before the clean-ups of its class, and then there
        is no test whose result could say so.
        """
        if self._open:
            print('%s: run %s ends and leaves behind: %s. To undo it: '
                  'tempest local-delete recover' % (
                      self._path, self._run_id, ', '.join(
                          intent.kind for intent in self._open.values())),
                  file=sys.stderr)

    def _create(self):
        folder = directory()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / (self._run_id + _SUFFIX)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND
                             | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._path, self._file = path, descriptor
        try:
            self._write({'version': VERSION, 'run': self._run_id,
                         'cloud': CONF.identity.uri_v3})
            _sync_folder(folder)
        except OSError:
            # Without a head nobody could read what a later try writes.
            self._remove()
            raise

    def _write(self, line):
        data = (json.dumps(line) + '\n').encode()
        size = os.fstat(self._file).st_size
        try:
            if os.write(self._file, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file)
        except OSError:
            # Half a line would spoil the next one.
            os.ftruncate(self._file, size)
            raise

    def _remove(self):
        held, self._file = self._file, None
        try:
            self._path.unlink(missing_ok=True)
            _sync_folder(self._path.parent)
        finally:
            os.close(held)
        self._count = 0


@dataclasses.dataclass
class DeadJournal:
    """The journal of a run that has ended, held by whoever recovers it."""

    path: pathlib.Path | None
    run_id: str
    intents: list
    _file: object = None

    def close(self, recovered):
        """Let go of it; remove it if nothing of it is left to undo.

        :param recovered: Whether all its intents were undone.
        """
        if self._file is None:
            return
        if recovered:
            self.path.unlink(missing_ok=True)
            _sync_folder(self.path.parent)
        self._file.close()


def find_dead():
    """Open the journals of dead runs on this machine and this cloud.

    :returns: A generator of ``DeadJournal``; those of runs that live, and of
        other clouds, are passed over.
    :raises JournalUnusable: one is corrupt, of a newer version, or another
        user's; raised after all others were given.
    """
    folder = directory()
    unusable = None
    for path in sorted(folder.glob('*' + _SUFFIX)):
        try:
            dead = _open_dead(path)
        except exceptions.JournalUnusable as error:
            unusable = unusable or error
            continue
        if dead:
            yield dead
    if unusable:
        raise unusable


def refuse_if_alive(run_id):
    """Refuse to undo a run that lives on this machine.

    :param run_id: Id of the run.
    :raises JournalUnusable: its journal is held.
    """
    path = directory() / (run_id + _SUFFIX)
    try:
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return
    except BlockingIOError:
        raise exceptions.JournalUnusable(
            path=path, problem='is held by a run that lives: end it first')


def _open_dead(path):
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise exceptions.JournalUnusable(
            path=path, problem='cannot be opened (%s)' % error.strerror)
    # What is no text is no JSON either, and the line is named.
    file = os.fdopen(descriptor, encoding='utf-8', errors='replace')
    try:
        _check_owner(path, os.fstat(descriptor))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            LOG.info('%s is held by a run that lives', path)
            file.close()
            return None
        run_id, of_cloud, intents = _parse(path, file.read())
    except BaseException:
        file.close()
        raise
    # The Keystone tells, so that a journal is never taken for one of another
    # cloud on which the same hosts have the same names.
    if of_cloud != CONF.identity.uri_v3:
        LOG.info('%s is of another cloud: %s', path, of_cloud)
        file.close()
        return None
    return DeadJournal(path, run_id, intents, file)


def _check_owner(path, status):
    if status.st_uid != os.geteuid():
        raise exceptions.JournalUnusable(
            path=path, problem='belongs to user id %d, and this is %d' % (
                status.st_uid, os.geteuid()))
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise exceptions.JournalUnusable(
            path=path, problem='has mode %o, so that others could have '
            'written it; 600 would be right' % mode)


def _parse(path, text):
    lines = text.split('\n')
    # What follows the last newline was cut short by the crash. Its change was
    # never made, since an intent is on disk before its change.
    numbered = list(enumerate(lines[:-1], 1))
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
        if 'struck' in line:
            intents.pop(line['struck'], None)
        else:
            intents[line['intent']] = Intent(
                line['intent'], line['kind'], line['what'])
    return head['run'], head['cloud'], list(intents.values())


def _line(path, number, text, schema):
    try:
        line = json.loads(text)
        jsonschema.validate(line, schema)
    except (ValueError, RecursionError, jsonschema.ValidationError):
        raise exceptions.JournalUnusable(
            path=path, problem='is corrupt in line %d' % number)
    return line


def _sync_folder(folder):
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
