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
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cmd import base
from local_delete_tempest_plugin.preflight import checks
from local_delete_tempest_plugin.preflight import digest
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import scenarios


class Preflight(base.Command):
    """Check the options and the cloud, and change nothing.

    The last line tells how many scenarios would run, and about how long they
    would take. The exit code is 1 if a check failed; a warning does not
    count. It is 2 if the command line is wrong.
    """

    columns = 'Check', 'Outcome', 'Found', 'To do'

    _findings: list[finding.Finding] = []

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--all', action='store_true', dest='every_row',
            help='show every check and every scenario, also those that pass; '
            'the other formats (-f) always show all of them')
        parser.add_argument(
            '--try-commands', action='store_true',
            help='run the start commands of outages. Each runs only if the '
            'cloud shows its service as up, so that nothing changes. No stop '
            'command runs, so that they stay untried')
        return parser

    def take_action(self, args: argparse.Namespace) -> tuple:
        progress = self.progress('Checking')
        try:
            with admin.microversions():
                self._findings = list(checks.Checks(
                    scenarios.find_classes(), args.try_commands,
                    progress.show).run())
        finally:
            progress.end()
        self._failed = any(found.outcome == finding.FAIL
                           for found in self._findings)
        return self.columns, [
            (found.check, found.outcome, found.found, found.to_do)
            for found in self._findings]

    def show(self, parsed_args: argparse.Namespace,
             column_names: Sequence[str],
             data: Iterable[Sequence[Any]]) -> None:
        stdout = self.app.stdout
        width = base.columns_of(stdout)
        is_table = parsed_args.formatter == 'table'
        if not is_table or parsed_args.columns or parsed_args.sort_columns:
            super().show(parsed_args, column_names, data)
        else:
            tell = (digest.every_line if parsed_args.every_row
                    else digest.lines)
            for line in tell(self._findings, width):
                print(line, file=stdout)

    def run(self, parsed_args: argparse.Namespace) -> int:
        self._failed = False
        self._findings = []
        return super().run(parsed_args) or int(self._failed)
