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

"""The commands for each kind of deployment are usable, and explained."""

import re

from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin import config as options
from local_delete_tempest_plugin.configure import deployments
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import test_documents

_LINE = re.compile(r'^    (\w+_command = .+)$', re.MULTILINE)


class DeploymentsTest(base.TestCase):

    def test_commands_are_usable(self):
        known = {option.name for option in options.LocalDeleteGroup}
        for kind, lines in deployments.COMMANDS.items():
            for option, command in lines.items():
                self.assertIn(option, known)
                self.config(**{option: command})
                acts_on_host = option.startswith(('compute_', 'guest_'))
                # It raises CommandFailed for a command that is refused.
                words = commands.arguments(
                    option, 'cmp1' if acts_on_host else None)
                self.assertEqual(acts_on_host, 'cmp1' in ' '.join(words),
                                 '%s: %s' % (kind, option))

    def test_what_is_stopped_can_be_started(self):
        for kind, lines in deployments.COMMANDS.items():
            for option in lines:
                partner = option.replace('stop', 'start').replace(
                    'freeze', 'thaw')
                self.assertIn(partner, lines, kind)

    def test_the_recipes_have_the_same_commands(self):
        path = test_documents.DOCUMENTS / 'recipes.rst'
        if not path.exists():
            self.skipTest('no checkout: %s is not there' % path)
        text = path.read_text()
        for kind, lines in deployments.COMMANDS.items():
            self.assertIn('``%s``' % kind, text)
            for line in lines.items():
                self.assertIn('    %s = %s\n' % line, text, kind)
        self.assertEqual(
            sorted('%s = %s' % line for lines in deployments.COMMANDS.values()
                   for line in lines.items()),
            sorted(_LINE.findall(text)),
            'recipes.rst has a command that --deployment does not propose')
