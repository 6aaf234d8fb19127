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

"""``tempest local-delete recover``: undo what an abandoned run left."""

import argparse
from collections.abc import Iterable
from collections.abc import Sequence
import sys
from typing import Any

from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.cmd import base
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import journal_file
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.recovery import undo
from local_delete_tempest_plugin.safety import run

#: The exit codes.
NOT_UNDONE, LEFT = 1, 3

_YES = ('y', 'yes')


class Recover(base.Command):
    """Undo what abandoned runs have left in the cloud.

    The journals of this machine tell that. A run that lives holds its
    journal, and is left alone. So is a stage that is meant to stay. With
    --run, all that carries the id of that run in the cloud is undone, and a
    stage too. Only you can know that the run has ended. What the run may have
    left without its id is named, and left to you.

    The exit code is 0 if all is undone. It is 1 if something is not undone,
    or if a journal was passed over that may be yours to recover. It is 2 if
    the command line is wrong. It is 3 if all else is undone and something is
    left to you. Such a thing is not the run's own any more. It is 130 after
    Ctrl-C.
    """

    columns = 'Run', 'Change', 'What', 'Outcome'

    _code = 0
    _is_interrupted = False
    _where: Sequence[str] = ()

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--yes', action='store_true',
            help='with --run, also give back a host if only its fence tells '
            'of the run; otherwise you are asked, because somebody may have '
            'typed the disabled reason')
        parser.add_argument(
            '--dry-run', action='store_true',
            help='show what would be undone, and change nothing')
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument(
            '--run', metavar='ID', type=_run_id,
            help='undo what carries the id of this run in the cloud, without '
            'its journal; be sure that the run has ended')
        ways.add_argument(
            '--dismiss', metavar='ID', type=_run_id,
            help='let go of the journal of this run, because nobody can undo '
            'the rest of it, such as a host that was taken out of service; '
            'the journal is kept under another name, and the cloud is left '
            'as it is')
        return parser

    def show(self, parsed_args: argparse.Namespace,
             column_names: Sequence[str],
             data: Iterable[Sequence[Any]]) -> None:
        rows = list(data)
        if (parsed_args.formatter != 'table' or rows or self._code
                or self._is_interrupted):
            super().show(parsed_args, column_names, rows)
            return
        for line in self._where:
            print(exceptions.one_line(line), file=self.app.stdout)

    def run(self, parsed_args: argparse.Namespace) -> int:
        return super().run(parsed_args) or (
            base.CTRL_C if self._is_interrupted else self._code)

    def take_action(self, args: argparse.Namespace) -> tuple:
        if args.dismiss:
            rows = self._dismiss(args.dismiss, args.dry_run)
        else:
            with admin.microversions():
                rows = self._recover(args)
        return self.columns, rows

    def _dismiss(self, run_id, dry_run):
        path, intents = abandoned_runs.dismiss(run_id, dry_run)
        outcome = 'would be let go' if dry_run else 'let go'
        return [(run_id, intent.change.kind, str(intent.change), outcome)
                for intent in reversed(intents)] + [
                    (run_id, 'journal', str(path), 'kept')]

    def _recover(self, args):
        the_admin = base.find_admin()
        recovery = undo.Recovery(the_admin)
        cloud = identity.Cloud.of(the_admin)
        self._where = _where(cloud, args.run)
        found = abandoned_runs.find(cloud, args.run)
        outcomes = []
        try:
            chosen = [abandoned for abandoned in found.abandoned
                      if args.run in (None, abandoned.run_id)]
            for abandoned in chosen:
                outcomes += self._undo(recovery, abandoned, args)
            if args.run and not chosen:
                abandoned_runs.refuse_if_alive(args.run)
                outcomes += self._search(
                    recovery, abandoned_runs.AbandonedRun(args.run, []), args,
                    suspects=True)
        except KeyboardInterrupt:
            # What is complete by now is not told the next time.
            self._say(base.INTERRUPTED)
            self._is_interrupted = True
        finally:
            found.close()
        for outcome in outcomes:
            self._count(outcome.result)
        for error in found.unusable:
            self._fail(error)
        return [(one.run_id, one.kind, one.words, ': '.join(
            filter(None, (one.result.value, one.why)))) for one in outcomes
        ] + [row for passed_over in found.passed_over
             if args.run in (None, passed_over.run_id)
             for row in self._pass_over(passed_over)]

    def _undo(self, recovery, abandoned, args):
        """Undo what a journal says, and what its damage hides."""
        outcomes = recovery.undo_all(abandoned, args.dry_run)
        failure = undo.failure_of(abandoned, outcomes)
        if args.run and abandoned.is_damaged:
            found = self._search(recovery, abandoned, args)
            readable = [one for one in outcomes
                        if one.kind != kinds.Unusable.kind]
            # What the damage hides is looked for, and so is no failure.
            if not args.dry_run and not undo.failure_of(
                    abandoned, readable + found):
                return readable + found + self._set_aside(abandoned)
            outcomes += found
        if failure:
            self._fail(failure)
        if not args.dry_run:
            try:
                abandoned.close(recovered=not failure)
            except exceptions.JournalUnusable as error:
                self._fail(error)
        return outcomes

    def _set_aside(self, abandoned):
        try:
            kept = abandoned.set_aside()
        except exceptions.JournalUnusable as error:
            self._fail(error)
            return []
        return [undo.Outcome(abandoned.run_id, 'journal', 'kept as %s' % kept,
                             undo.Result.UNDONE)]

    def _search(self, recovery, abandoned, args, suspects=False):
        """Undo what carries the id of a run in the cloud."""
        def ask(question):
            if args.yes or args.dry_run or not (
                    sys.stdin and sys.stdin.isatty()):
                return args.yes
            print(exceptions.one_line(question), '[y/N]',
                  file=self.app.stderr)
            return sys.stdin.readline().strip().lower() in _YES

        outcomes = recovery.search(abandoned.run_id, ask, args.dry_run)
        if suspects:
            outcomes += recovery.suspects(abandoned.run_id)
        failure = undo.failure_of(abandoned, outcomes)
        if failure:
            self._fail(failure)
        return outcomes

    def _pass_over(self, passed_over):
        if not passed_over.is_alive:
            # Only the operator knows whether somebody recovers it elsewhere.
            self._code = NOT_UNDONE
        return [(passed_over.run_id or '', 'journal', str(passed_over.path),
                 'passed over: %s' % passed_over.why)]

    def _count(self, result):
        if result in (undo.Result.NOT_UNDONE, undo.Result.CANNOT_BE):
            self._code = NOT_UNDONE
        elif result is undo.Result.LEFT and not self._code:
            self._code = LEFT

    def _fail(self, error):
        self._code = NOT_UNDONE
        self._say(error)


def _where(cloud, run_id):
    """Say in lines where a command looked that has found nothing."""
    place = 'the cloud at %s, region %s' % (
        endpoints.describe(cloud.uri), cloud.region)
    if run_id:
        return ['Nothing of run %s is in %s.' % (run_id, place)]
    folder = journal_file.directory()
    return [
        'Nothing to undo: no journal in %s is of an abandoned run in %s.' % (
            folder, place),
        *([] if folder.is_dir() else [
            'That directory does not exist: see [local_delete] journal_dir, '
            'and [oslo_concurrency] lock_path.']),
        'If a run was started on another machine or with another '
        'tempest.conf, run the command there, or give the id of the run '
        '(--run).']


def _run_id(text):
    if not run.is_id(text.upper()):
        raise argparse.ArgumentTypeError(
            '%r is no run id, which is 12 hexadecimal digits' % text)
    return text.upper()
