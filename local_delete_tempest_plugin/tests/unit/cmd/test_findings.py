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

import contextlib
import io
import types

from local_delete_tempest_plugin.cmd import findings
from local_delete_tempest_plugin import known_bugs
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import test_documents


class FindingsTest(base.TestCase):

    def run_command(self, *arguments):
        """Run the command; return what it printed."""
        app = types.SimpleNamespace(stdout=io.StringIO(), stderr=None)
        command = findings.Findings(app, None)
        parsed = command.get_parser('findings').parse_args(arguments)
        self.assertEqual(0, command.run(parsed))
        return app.stdout.getvalue()

    def test_all_are_listed(self):
        lines = [line.split(maxsplit=1)
                 for line in self.run_command().splitlines()]
        self.assertEqual([*known_bugs.FOUND], [name for name, _ in lines])
        self.assertIn(['simultaneous-deletes', 'Of several deletes at once on '
                       'a dead host, all except one answer 500'], lines)

    def test_each_is_described(self):
        for name in known_bugs.FOUND:
            text = self.run_command(name)
            for words in ('Release', 'Steps', 'Left behind', 'Seen by'):
                self.assertEqual(1, text.count('\n%s\n' % words), text)
            self.assertEqual(1, text.count('\n==='), text)

    def test_a_name_that_is_not_there(self):
        with contextlib.redirect_stderr(io.StringIO()) as told:
            error = self.assertRaises(
                SystemExit, self.run_command, 'volume-left')
        self.assertEqual(2, error.code)
        self.assertIn("invalid choice: 'volume-left' (choose from",
                      told.getvalue())

    def test_the_package_has_the_page(self):
        path = test_documents.DOCUMENTS / 'findings.rst'
        if not path.exists():
            self.skipTest('no checkout: %s is not there' % path)
        self.assertEqual(
            path.read_text(),
            (test_documents.PLUGIN / 'findings.rst').read_text())
