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

"""The three parts of the tree, and which part may import which part."""

import ast
import subprocess
import sys

import testtools

from allinone import cache

_PARTS = {'allinone', 'local_delete_tempest_plugin', 'proof'}


def imported(path):
    """Return the first words of all modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition('.')[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or '').partition('.')[0]


class ImportsTest(testtools.TestCase):

    def test_only_proof_imports_another_part(self):
        root = cache.HERE.parent
        self.assertEqual([], [
            f'{path} imports {name}' for part in _PARTS - {'proof'}
            for path in sorted((root / part).rglob('*.py'))
            for name in sorted(_PARTS.intersection(imported(path)) - {part})])

    def test_commands_begin_without_any_package(self):
        """The first phase of a command makes .venv."""
        scripts = [path for path in (cache.HERE.parent / 'tools').glob('*.sh')
                   if '\nphases ' in path.read_text()]
        modules = sorted(f'tools.{path.read_text().split()[-2]}'
                         for path in scripts)
        self.assertIn('tools.releases', modules)
        for module in modules:
            done = subprocess.run(
                (sys.executable, '-S', '-m', module, '--help'),
                cwd=cache.HERE.parent, capture_output=True, text=True)
            self.assertEqual((0, ''), (done.returncode, done.stderr), module)
