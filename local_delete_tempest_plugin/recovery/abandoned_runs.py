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

"""The journals of abandoned runs: found and held, to be undone or dismissed.

A journal that nobody holds belongs to an abandoned run, unless it is of a
stage that is meant to stay.
"""

from collections.abc import Iterator
import contextlib
import dataclasses
import fcntl
import io
import os
import pathlib
from typing import Any

from oslo_log import log as logging
import tenacity

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import journal_file
from local_delete_tempest_plugin.recovery import journal_format
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.recovery import stages
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import run

LOG = logging.getLogger(__name__)

# A process that only looks whether a run lives holds the journal for a
# moment, too.
_LOOKS, _BETWEEN_LOOKS = 5, 0.02


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
        self._write(journal_format.as_line(changed))
        return changed

    def complete(self, intent: safety_change.Intent) -> None:
        """Write down that a change was undone, so that it stays so.

        :param intent: One of ``intents``.
        """
        self._write(journal_format.as_complete(intent))

    def _write(self, line: dict[str, Any]) -> None:
        if self.file:
            try:
                journal_file.cut_off_half_a_line(self.file)
                journal_file.append(self.file, line)
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
                    journal_file.remove(
                        self.file, pathlib.Path(str(self.file.name)))
                self.file.close()

    def set_aside(self) -> pathlib.Path | None:
        """Let go of the journal, and keep it where nobody looks for it.

        :returns: Where it is kept, or None where there is none.
        :raises JournalUnusable: it cannot be renamed.
        """
        if not self.file:
            return None
        with self._named('renamed'), self.file:
            return journal_file.set_aside(pathlib.Path(str(self.file.name)))

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
    :param is_alive: Whether a process holds it: its run, or a recover. Or it
        is of a stage that is meant to stay. Then nobody has to undo it now.
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


def find(cloud: identity.Cloud, told: str | None = None) -> Found:
    """Open the journals of abandoned runs on this machine and this cloud.

    :param cloud: The cloud of tempest.conf.
    :param told: Id of a run that the operator wants to end, even if it is a
        stage that is meant to stay; None: of no run.
    :returns: What was found. The abandoned runs are to be closed.
    :raises JournalUnusable: others may write in the directory, or it cannot be
        read.
    """
    found = Found()
    try:
        for path in journal_file.journals():
            try:
                seen = _open_abandoned(path, cloud, told)
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
    :returns: The runs, which are held. Runs that live, stages that are meant
        to stay, and runs of other clouds are passed over.
    :raises JournalUnusable: one is of a newer version, another user's, or
        without a head.
    """
    found = find(cloud)
    if found.unusable:
        found.close()
        raise found.unusable[0]
    return found.abandoned


def _open_abandoned(path: pathlib.Path, cloud: identity.Cloud,
                    told: str | None) -> AbandonedRun | PassedOver | None:
    try:
        file = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(BlockingIOError),
            wait=tenacity.wait_fixed(_BETWEEN_LOOKS),
            stop=tenacity.stop_after_attempt(_LOOKS), reraise=True)(
                journal_file.hold, path, fcntl.LOCK_EX,
                os.O_RDWR | os.O_APPEND, journal_file.check_owner)
    except BlockingIOError:
        return PassedOver(path.stem if run.is_id(path.stem) else None, path,
                          'its run lives, or another recover or verify is at '
                          'work',
                          is_alive=True)
    if file is None:
        # Its run undid all, and removed it.
        return None
    with contextlib.ExitStack() as kept:
        kept.callback(file.close)
        text = file.readall()
        parsed = journal_format.parse(path, text)
        why = parsed.why_not_of(cloud, text)
        if why:
            return PassedOver(parsed.run_id, path, why)
        mark = stages.mark_of(parsed.intents)
        if mark and parsed.run_id != told:
            return PassedOver(
                parsed.run_id, path, 'it is a stage, %s. To undo it now: '
                'tempest local-delete recover --run %s' % (
                    mark, parsed.run_id), is_alive=True)
        kept.pop_all()
    return AbandonedRun(parsed.run_id, parsed.intents, file)


def refuse_if_alive(run_id: str) -> None:
    """Refuse to undo a run that lives on this machine.

    :param run_id: Id of the run.
    :raises JournalUnusable: its journal is held.
    """
    _refuse_if_held(journal_file.path_of(run_id))


def _refuse_if_held(path: pathlib.Path) -> None:
    if journal_file.is_held(path):
        raise exceptions.JournalUnusable(
            path=path,
            problem='is held by a run that lives, or by another recover or '
            'verify: end it first')


def dismiss(run_id: str, dry_run: bool = False
            ) -> tuple[pathlib.Path, list[safety_change.Intent]]:
    """Let go of a journal whose changes nobody can undo.

    :param run_id: Id of the run.
    :param dry_run: Whether to change nothing.
    :returns: (path under which the journal is kept, its open intents, as far
        as they can be read).
    :raises JournalUnusable: there is none, or its run lives.
    """
    for path in journal_file.journals():
        text = b''
        with contextlib.suppress(OSError, exceptions.JournalUnusable):
            file = journal_file.hold(path, fcntl.LOCK_SH, os.O_RDONLY)
            if file:
                with file:
                    text = file.readall()
        parsed = None
        with contextlib.suppress(exceptions.JournalUnusable):
            parsed = journal_format.parse(path, text)
        if path.stem == run_id or (parsed and parsed.run_id == run_id):
            _refuse_if_held(path)
            return (path if dry_run else journal_file.set_aside(path),
                    parsed.intents if parsed else [])
    raise exceptions.JournalUnusable(
        path=journal_file.path_of(run_id), problem='is not there')
