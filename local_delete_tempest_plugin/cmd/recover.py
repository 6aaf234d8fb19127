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
import re

from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cmd import base
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.recovery import undo


class Recover(base.Command):
    """Undo what abandoned runs have left in the cloud.

    The journals of this machine tell that. A run that lives holds its
    journal, and is left alone. With --run, all that carries the id of that
    run in the cloud is undone; only you can know that the run has ended. What
    the run may have left without its id is named, and left to you.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--dry-run', action='store_true',
            help='show what would be undone, and change nothing')
        parser.add_argument(
            '--run', metavar='ID', type=_run_id,
            help='undo what carries the id of this run in the cloud, without '
            'its journal; be sure that the run has ended')
        return parser

    def take_action(self, args: argparse.Namespace) -> tuple:
        rows = []
        with admin.microversions():
            the_admin = base.find_admin()
            recoverer = undo.Recovery(the_admin)
            runs, unusable = self._find(recoverer, args.run)
            for abandoned in runs:
                rows += self._rows(abandoned, args.dry_run)
            if not args.dry_run:
                recoverer.recover_all(runs)
            if any(abandoned.file is None for abandoned in runs):
                rows += [(args.run, kind.kind, words, 'left to you')
                         for kind in kinds.KINDS.values()
                         for words in kind.suspects(the_admin)]
            if unusable:
                raise unusable
        return ('Run', 'Change', 'What', 'Outcome'), rows

    def _find(self, recoverer, run_id):
        """Find the abandoned runs, or the one with the id.

        :returns: (list of ``journal.AbandonedRun``, the ``JournalUnusable``
            of a journal that cannot be read, or None).
        """
        found, unusable = [], None
        try:
            for abandoned in journal.find_abandoned():
                if run_id in (None, abandoned.run_id):
                    found.append(abandoned)
                else:
                    abandoned.close(recovered=False)
        except exceptions.JournalUnusable as error:
            unusable = error
        if run_id and not found:
            journal.refuse_if_alive(run_id)
            found.append(recoverer.find_in_cloud(run_id))
        return found, unusable

    def _rows(self, abandoned, dry_run):
        if dry_run:
            abandoned.close(recovered=False)
        outcome = 'would be undone' if dry_run else 'undone'
        return [(abandoned.run_id, intent.change.kind, str(intent.change),
                 'cannot be undone' if isinstance(
                     intent.change, kinds.Unusable) else outcome)
                for intent in reversed(abandoned.intents)]


def _run_id(text):
    if not re.fullmatch('[0-9A-F]{12}', text.upper()):
        raise argparse.ArgumentTypeError(
            '%r is no run id, which is 12 hexadecimal digits' % text)
    return text.upper()
