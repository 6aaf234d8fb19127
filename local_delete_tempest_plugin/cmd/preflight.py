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

"""``tempest local-delete preflight``: foresee a run on this cloud."""

import argparse
import logging

from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cmd import base
from local_delete_tempest_plugin.preflight import checks
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import scenarios


class Preflight(base.Command):
    """Check the options and the cloud, and change nothing.

    A failed check makes the exit code 1; a warning does not.
    """

    columns = 'Check', 'Outcome', 'Found', 'To do'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--try-commands', action='store_true',
            help='run the start commands of outages. Each runs only if the '
            'cloud shows its service as up, so that nothing changes. No stop '
            'command runs, so that they stay untried')
        return parser

    def take_action(self, args: argparse.Namespace) -> tuple:
        with admin.microversions():
            findings = list(checks.Checks(
                scenarios.find_classes(), args.try_commands).run())
        self._failed = any(found.outcome == finding.FAIL
                           for found in findings)
        return self.columns, [
            (found.check, found.outcome, found.found, found.to_do)
            for found in findings]

    def run(self, parsed_args: argparse.Namespace) -> int:
        self._failed = False
        if self.app.options.verbose_level < 2:
            self._quieten()
        return super().run(parsed_args) or int(self._failed)

    def _quieten(self):
        """Keep the log of requests off the terminal."""
        for handler in logging.getLogger().handlers:
            if getattr(handler, 'stream', None) is self.app.stderr:
                handler.addFilter(lambda record: not record.name.startswith(
                    ('tempest.lib.', 'urllib3.')))
