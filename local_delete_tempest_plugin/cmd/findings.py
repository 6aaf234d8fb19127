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

"""``tempest local-delete findings``: tell what is known of a defect."""

import argparse
from importlib import resources
import re

from cliff import command

from local_delete_tempest_plugin.cmd import output
from local_delete_tempest_plugin import known_bugs

# A label, and the title that follows it. The underline has its length.
_DEFECT = re.compile(r'^\.\. _([a-z\d-]+):\n\n((.+)\n=+\n(?:.*\n)*?)'
                     r'(?=\.\. _|.+\n===|\Z)', re.MULTILINE)


def read() -> dict[str, tuple[str, str]]:
    """Read the page on findings, which the package has.

    :returns: {name of a defect: (title, section of the page)}.
    """
    page = resources.files('local_delete_tempest_plugin') / 'findings.rst'
    return {name: (title, section.strip())
            for name, section, title in _DEFECT.findall(
                page.read_text(encoding='utf-8'))}


class Findings(command.Command):
    """List the known defects of Nova, or describe one of them.

    The option known_bugs and the failures of scenarios use these names. The
    description has the releases with the defect, its steps, and what it leaves
    behind. The command reads no tempest.conf, and asks no cloud.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'name', nargs='?', metavar='NAME', choices=known_bugs.FOUND,
            help='the defect to describe (default: list all of them)')
        return parser

    def take_action(self, args: argparse.Namespace) -> int:
        output.open_for(self.app)
        found = read()
        if args.name:
            lines = [found[args.name][1]]
        else:
            width = max(map(len, found))
            lines = ['%-*s  %s' % (width, name, title)
                     for name, (title, _) in found.items()]
        with output.printing(self.app.stdout):
            for line in lines:
                print(line, file=self.app.stdout)
        return 0
