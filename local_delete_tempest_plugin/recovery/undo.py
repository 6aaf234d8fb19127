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

"""Undo what an abandoned run changed, or was about to change.

Every undo looks first. It does nothing if the change was never made, or is
undone already. An undo deletes some resources by their name. The name carries
the id of the run, so the resource belongs to nobody else.
"""

from collections.abc import Callable
from collections.abc import Iterable
import dataclasses
import enum
import functools
import sys
from typing import TypeVar

from oslo_log import log as logging

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.common import retries
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import credentials
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.recovery import leases
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import run

LOG = logging.getLogger(__name__)

# Without its lease nothing tells of a host that is out and has no fence. The
# flavor tells a lease from a ghost. The trait tells whose a fence is.
_KEPT_FOR: dict[str, tuple[str, ...]] = {
    run_resources.Flavor.kind: (leases.LeaseChange.kind,),
    leases.TraitChange.kind: (leases.LeaseChange.kind,
                              compute_outage.ComputeChange.kind)}

# Any of them shows that there was such a run.
_PROOFS: tuple[type[safety_change.Change], ...] = (
    leases.TraitChange, run_resources.Flavor, credentials.Credentials)

_Found = TypeVar('_Found')

_UNPROVEN = ('neither trait, flavor nor project of the run is there, so '
             'somebody may have typed the fence')


class Result(enum.Enum):
    """The result of an undo, in the words of the table."""

    UNDONE = 'undone'
    #: It is not the run's own any more, and all else is undone.
    LEFT = 'left to you'
    NOT_UNDONE = 'not undone'
    #: A dry run does not try.
    WOULD_BE = 'would be undone'
    CANNOT_BE = 'cannot be undone'


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A change of an abandoned run, and the result of its undo.

    :param run_id: Id of the run, or None where it cannot be read.
    :param kind: Name of the kind of the change.
    :param words: The change, in words.
    :param result: A ``Result``.
    :param why: Why it is not undone; empty where it is.
    """

    run_id: str | None
    kind: str
    words: str
    result: Result
    why: str = ''


class Recovery:
    """Undoes the intents of journals.

    :param admin: An ``admin.Admin``.
    """

    def __init__(self, admin: cloud_admin.Admin) -> None:
        self._admin = admin
        self._retrier = retries.Retrier(admin.renew_token)

    def search(self, run_id: str,
               ask: Callable[[str], bool] = lambda question: True,
               dry_run: bool = False) -> list[Outcome]:
        """Undo what carries a run's id in the cloud, without its journal.

        A host is given back before anything else is looked for. What cannot
        be looked for does not stop the rest.

        :param run_id: Id of a run that is known to be abandoned.
        :param ask: Takes a question, and tells whether the operator agrees.
            It is called before a fence is taken off that may be somebody
            else's.
        :param dry_run: Whether to undo nothing.
        :returns: An outcome for each change that was found, and for each kind
            that could not be looked for.
        """
        this_run = run.Run(run_id)
        outcomes: list[Outcome] = []
        for kind in reversed(list(kinds.KINDS.values())):
            blocking = [one.kind for one in outcomes
                        if one.kind in _KEPT_FOR.get(kind.kind, ())
                        and one.result is Result.NOT_UNDONE]
            found, problem = self._look(
                run_id, kind,
                functools.partial(kind.find, self._admin, this_run))
            outcomes += problem
            for change in found:
                why = ''
                if blocking:
                    why = 'it is kept until each %s is undone' % blocking[0]
                elif isinstance(change, compute_outage.ComputeChange):
                    why = self._why_not_ours(change, this_run, ask)
                outcomes.append(
                    Outcome(run_id, kind.kind, str(change), Result.NOT_UNDONE,
                            why) if why
                    else self._outcome(run_id, change, dry_run))
        return outcomes

    def suspects(self, run_id: str) -> list[Outcome]:
        """Name what the run may have changed, and somebody else too.

        :param run_id: Id of a run that is known to be abandoned.
        :returns: An outcome for each, and for each kind that could not be
            looked for.
        """
        outcomes: list[Outcome] = []
        for kind in kinds.KINDS.values():
            found, problem = self._look(
                run_id, kind,
                functools.partial(kind.suspects, self._admin))
            outcomes += problem + [
                Outcome(run_id, kind.kind, words, Result.LEFT)
                for words in found]
        return outcomes

    def _look(self, run_id: str, kind: type[safety_change.Change],
              find: Callable[[], Iterable[_Found]]
              ) -> tuple[list[_Found], list[Outcome]]:
        """Find changes of a kind.

        :returns: (what was found, why that may not be all).
        """
        found: list[_Found] = []

        def look() -> None:
            found.clear()
            for one in find():
                found.append(one)

        try:
            self._retrier.call(look)
        except Exception as error:
            LOG.exception('Looking for each %s of run %s', kind.kind, run_id)
            return found, [Outcome(
                run_id, kind.kind, 'all of this kind', Result.NOT_UNDONE,
                'cannot be looked for: %s' % (str(error) or repr(error)))]
        return found, []

    def _why_not_ours(self, change: safety_change.Change, this_run: run.Run,
                      ask: Callable[[str], bool]) -> str:
        for proof in _PROOFS:
            try:
                if list(proof.find(self._admin, this_run)):
                    return ''
            except Exception as error:
                LOG.warning('Nothing tells of the %s of run %s: %s',
                            proof.kind, this_run.id, error)
        return '' if ask('%s, fenced by run %s: %s. Give it back?' % (
            change, this_run.id, _UNPROVEN)) else (
                _UNPROVEN + '; if nobody has, add --yes')

    def recover_all(self,
                    abandoned: Iterable[abandoned_runs.AbandonedRun]) -> None:
        """Undo all that several abandoned runs left.

        :param abandoned: They are closed.
        :raises RestoreFailed: see ``recover``. All were tried, because a host
            that is permanently gone must not keep those of other runs down.
        :raises JournalUnusable: see ``recover``.
        """
        failures: list[exceptions.RestoreFailed
                       | exceptions.JournalUnusable] = []
        for left in abandoned:
            try:
                self.recover(left)
            except (exceptions.RestoreFailed,
                    exceptions.JournalUnusable) as error:
                failures.append(error)
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise exceptions.RestoreFailed(
                what='what %d runs changed' % len(failures),
                problem='; '.join(map(str, failures)),
                remedy='tempest local-delete recover')

    def recover(self, abandoned: abandoned_runs.AbandonedRun) -> None:
        """Undo all that an abandoned run left, the last change first.

        What is not the run's own any more is left as it is, and named on
        stderr. No result of a test would say that.

        :param abandoned: It is closed.
        :raises RestoreFailed: a change could not be undone. All others were
            tried too.
        :raises JournalUnusable: all is undone, and the journal is left.
        """
        outcomes = self.undo_all(abandoned)
        for outcome in outcomes:
            if outcome.result is Result.LEFT:
                print(exceptions.one_line('of abandoned run %s: %s' % (
                    abandoned.run_id, outcome.why)), file=sys.stderr)
        failure = failure_of(abandoned, outcomes)
        abandoned.close(recovered=not failure)
        if failure:
            raise failure

    def undo_all(self, abandoned: abandoned_runs.AbandonedRun,
                 dry_run: bool = False) -> list[Outcome]:
        """Undo the intents of an abandoned run, the last intent first.

        :param abandoned: It is not closed.
        :param dry_run: Whether to undo nothing.
        :returns: An outcome for each intent.
        """
        outcomes, left = [], []
        for intent in reversed(abandoned.intents):
            if not dry_run:
                intent = self._foresee(abandoned, intent)
            outcome = self._outcome(abandoned.run_id, intent.change, dry_run)
            if outcome.result is Result.UNDONE:
                abandoned.complete(intent)
            elif outcome.result is Result.LEFT:
                left.append(intent)
            outcomes.append(outcome)
        # Not earlier. Nobody would be told of it if this process was killed.
        for intent in left:
            abandoned.complete(intent)
        return outcomes

    def _foresee(self, abandoned: abandoned_runs.AbandonedRun,
                 intent: safety_change.Intent) -> safety_change.Intent:
        """Write down what the undo is about to do, in case it is killed."""
        try:
            change = self._retrier.call(
                lambda: intent.change.before_undo(self._admin))
        except Exception as error:
            LOG.warning('%s: %s', intent.change, error)
            return intent
        if change == intent.change:
            return intent
        return abandoned.update(intent, change)

    def _outcome(self, run_id: str, change: safety_change.Change,
                 dry_run: bool) -> Outcome:
        why = ''
        if dry_run:
            result = (Result.CANNOT_BE if isinstance(change, kinds.Unusable)
                      else Result.WOULD_BE)
        else:
            LOG.warning('Undoing a change of abandoned run %s: %s', run_id,
                        change)
            try:
                self._retrier.call(lambda: change.undo(self._admin))
                result = Result.UNDONE
            except exceptions.LeftToOperator as error:
                LOG.warning('Of abandoned run %s: %s', run_id, error)
                result, why = Result.LEFT, str(error)
            except Exception as error:
                # After any error, the earlier changes are undone too.
                LOG.exception('Undoing %s', change)
                result, why = Result.NOT_UNDONE, str(error)
        return Outcome(run_id, change.kind, str(change), result, why)

    def undo(self, intent: safety_change.Intent) -> None:
        """Undo one change, and repeat that as long as an API fails.

        :param intent: A ``change.Intent``.
        :raises JournalUnusable: this plugin cannot undo it.
        :raises LeftToOperator: it is not the run's own any more.
        :raises Exception: it could not be undone.
        """
        self._retrier.call(lambda: intent.change.undo(self._admin))


def failure_of(abandoned: abandoned_runs.AbandonedRun,
               outcomes: Iterable[Outcome]) -> exceptions.RestoreFailed | None:
    """Put together why a run is not recovered.

    :param abandoned: The run.
    :param outcomes: Of all that it changed.
    :returns: The error with its remedy, or None where nothing is left.
    """
    problems = ['%s: %s' % (outcome.kind, outcome.why) for outcome in outcomes
                if outcome.result is Result.NOT_UNDONE]
    if not problems:
        return None
    remedy = 'tempest local-delete recover'
    if abandoned.is_damaged or not abandoned.file:
        # With the id, all that carries it in the cloud is looked for too.
        remedy += ' --run %s' % abandoned.run_id
    if abandoned.file:
        remedy += ('; if that can never be undone: tempest local-delete '
                   'recover --dismiss %s' % abandoned.run_id)
    return exceptions.RestoreFailed(
        what='what run %s changed' % abandoned.run_id,
        problem='; '.join(problems), remedy=remedy)
