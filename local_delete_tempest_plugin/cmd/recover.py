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

from cliff import lister
from tempest import clients
from tempest.common import credentials_factory
from tempest import config
from tempest.lib import exceptions as lib_exc
import urllib3

from local_delete_tempest_plugin import admin
from local_delete_tempest_plugin import journal
from local_delete_tempest_plugin import recovery

CONF = config.CONF


class Recover(lister.Lister):
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

    def run(self, parsed_args):
        # Tempest's logging sends what cliff would say to tempest.log alone.
        try:
            return super().run(parsed_args)
        except (lib_exc.TempestException,
                urllib3.exceptions.HTTPError) as error:
            if self.app.options.debug:
                raise
            print('tempest local-delete recover: %s' % ' '.join(
                str(error).split()), file=self.app.stderr)
            return 1

    def take_action(self, args):
        rows = []
        with admin.microversions():
            dead_runs = list(journal.find_dead())
            for dead in dead_runs:
                recovery.release_accounts(dead.run_id)
            recoverer = recovery.Recovery(_admin())
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


def _admin():
    """Authenticate as tempest.conf's admin."""
    if CONF.auth.use_dynamic_credentials:
        credentials = credentials_factory.get_configured_admin_credentials()
    else:
        provider = credentials_factory.get_credentials_provider(
            'local-delete-recover')
        credentials = provider.get_admin_creds().credentials
    return admin.Admin.of(clients.Manager(credentials))
