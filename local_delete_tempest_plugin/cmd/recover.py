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

"""``tempest local-delete recover``: undo what a dead run left."""

import argparse
import re

from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cmd import base
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import unattributed
from local_delete_tempest_plugin.recovery import undo


class Recover(base.Command):
    """Undo what runs that died have left in the cloud.

    The journals of this machine tell it; a run that lives holds its journal,
    and is left alone. With --run, what carries the id of that run in the
    cloud itself is undone: nobody but you can know that it is dead. What it
    may have left without its id is named, and left to you.
    """

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--dry-run', action='store_true',
            help='show what would be undone, and change nothing')
        parser.add_argument(
            '--run', metavar='ID', type=_run_id,
            help='undo what carries the id of this run in the cloud, without '
            'its journal; be sure that it is dead')
        return parser

    def take_action(self, args):
        rows = []
        with admin.microversions():
            the_admin = base.find_admin()
            recoverer = undo.Recovery(the_admin)
            dead_runs, unusable = self._find(recoverer, args.run)
            for dead in dead_runs:
                rows += self._rows(dead, args.dry_run)
            if not args.dry_run:
                recoverer.recover_all(dead_runs)
            if any(dead.path is None for dead in dead_runs):
                rows += [(args.run, kind, words, 'left to you')
                         for kind, words in unattributed.find(the_admin)]
            if unusable:
                raise unusable
        return ('Run', 'Change', 'What', 'Outcome'), rows

    def _find(self, recoverer, run_id):
        """Find the dead runs to undo, or the one with the id.

        :returns: (list of ``journal.DeadJournal``, the ``JournalUnusable``
            of one that cannot be read, or None).
        """
        found, unusable = [], None
        try:
            for dead in journal.find_dead():
                if run_id in (None, dead.run_id):
                    found.append(dead)
                else:
                    dead.close(recovered=False)
        except exceptions.JournalUnusable as error:
            unusable = error
        if run_id and not found:
            journal.refuse_if_alive(run_id)
            found.append(recoverer.find_in_cloud(run_id))
        return found, unusable

    def _rows(self, dead, dry_run):
        if dry_run:
            dead.close(recovered=False)
        return [(dead.run_id, intent.kind, undo.describe(intent),
                 'would be undone' if dry_run else 'undone')
                for intent in reversed(dead.intents)]


def _run_id(text):
    if not re.fullmatch('[0-9A-F]{12}', text.upper()):
        raise argparse.ArgumentTypeError(
            '%r is no run id, which is 12 hexadecimal digits' % text)
    return text.upper()
