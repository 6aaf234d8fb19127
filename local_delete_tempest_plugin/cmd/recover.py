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

from local_delete_tempest_plugin import admin
from local_delete_tempest_plugin.cmd import base
from local_delete_tempest_plugin import journal
from local_delete_tempest_plugin import recovery


class Recover(base.Command):
    """Undo what runs that died have left in the cloud.

    The journals of this machine tell it; a run that lives holds its journal,
    and is left alone. With --run, what carries the id of that run in the
    cloud itself is undone: nobody but you can know that it is dead.
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
            dead_runs = list(journal.find_dead())
            for dead in dead_runs:
                recovery.release_accounts(dead.run_id)
            recoverer = recovery.Recovery(base.find_admin())
            if args.run and args.run not in [
                    dead.run_id for dead in dead_runs]:
                dead_runs = [recoverer.find_in_cloud(args.run)]
            for dead in dead_runs:
                rows += self._recover(recoverer, dead, args.dry_run)
        return ('Run', 'Change', 'What', 'Outcome'), rows

    def _recover(self, recoverer, dead, dry_run):
        if dry_run:
            outcome = 'would be undone'
            dead.close(recovered=False)
        else:
            recoverer.recover(dead)
            outcome = 'undone'
        return [(dead.run_id, intent.kind, recovery.describe(intent), outcome)
                for intent in reversed(dead.intents)]


def _run_id(text):
    if not re.fullmatch('[0-9A-F]{12}', text.upper()):
        raise argparse.ArgumentTypeError(
            '%r is no run id, which is 12 hexadecimal digits' % text)
    return text.upper()
