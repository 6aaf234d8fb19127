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

"""The journals of the runs that live.

A run writes what it is about to change, and others read it. An intent is on
disk, in the sense of fsync, before the cloud sees the change. It is complete
after the change was undone.
"""

from collections.abc import Iterable
import contextlib
import io
import pathlib
import sys

from oslo_log import log as logging

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import journal_file
from local_delete_tempest_plugin.recovery import journal_format
from local_delete_tempest_plugin.safety import change as safety_change

LOG = logging.getLogger(__name__)


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

    @classmethod
    def resume(cls, run_id: str, file: io.FileIO,
               intents: Iterable[safety_change.Intent]) -> 'Journal':
        """Go on with the journal of a run that has ended.

        :param run_id: Id of the run.
        :param file: The journal, which this process holds.
        :param intents: Its open intents.
        :returns: The journal.
        """
        journal_file.cut_off_half_a_line(file)
        resumed = cls(run_id)
        resumed._file, resumed._path = file, pathlib.Path(str(file.name))
        resumed._open = {intent.number: intent for intent in intents}
        resumed._count = max([0, *resumed._open])
        return resumed

    def let_go(self) -> None:
        """Leave the journal as it is, because its stage outlives this process.

        Nothing of it is left to this process any more.
        """
        if self._file:
            self._file.close()
        self._file, self._open = None, {}

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
                journal_file.append(self._file, journal_format.as_line(intent))
            except OSError as error:
                raise exceptions.JournalUnusable(
                    path=self._path or journal_file.directory(),
                    problem='cannot be written (%s), so nothing is changed' %
                    error.strerror)
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
                journal_file.append(
                    self._file, journal_format.as_complete(intent))
            else:
                file, self._file = self._file, None
                journal_file.remove(file, self._path)
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
        journal_file.make_directory()
        self._path = journal_file.path_of(self._run_id)
        return journal_file.create(self._path, journal_format.as_head(
            self._run_id, self.cloud or identity.Cloud.of_conf()))


def is_alive(run_id: str) -> bool:
    """Tell whether a run lives on this machine, and has changes to undo.

    :param run_id: Id of the run.
    :returns: Whether a process holds its journal.
    """
    return journal_file.is_held(journal_file.path_of(run_id))


def of_live_runs() -> dict[str, list[safety_change.Change]]:
    """Read what the runs that live on this machine have not undone yet.

    :returns: {run id: its changes} of each run of this cloud, this process's
        too. A run whose journal cannot be read is not there.
    """
    found = {}
    here = identity.Cloud.of_conf()
    for path in journal_file.journals():
        # A run may remove its journal at any moment.
        with contextlib.suppress(OSError, exceptions.JournalUnusable):
            if journal_file.is_held(path):
                parsed = journal_format.parse(path, path.read_bytes())
                # Processes of one run have one tempest.conf.
                if here.is_at(parsed.cloud.uri):
                    found[parsed.run_id] = [
                        intent.change for intent in parsed.intents]
    return found
