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

"""What Zuul's own loader refuses. It runs where Zuul is: tox -e zuul."""

import importlib.util
import pathlib
import tempfile
import unittest

from tools import phases


@unittest.skipUnless(importlib.util.find_spec('zuul'),
                     'zuul is not installed here: tox -e zuul')
class LoadTest(unittest.TestCase):

    def errors(self, name, old='', new=''):
        """Return the errors of a file, after one word is replaced."""
        from tools import zuul_load
        text = (phases.ROOT / 'zuul.d' / name).read_text()
        self.assertIn(old, text)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, name)
            path.write_text(text.replace(old, new, 1))
            return '\n'.join(zuul_load.load(path)[1])

    def test_the_files_are_loaded(self):
        for path in sorted((phases.ROOT / 'zuul.d').glob('*.yaml')):
            self.assertEqual('', self.errors(path.name))

    def test_a_misspelt_key_is_refused(self):
        for name, key in (('jobs.yaml', 'post-timeout:'),
                          ('jobs.yaml', 'required-projects:'),
                          ('stable-jobs.yaml', 'override-checkout:'),
                          ('project.yaml', 'templates:'),
                          ('project-templates.yaml', 'irrelevant-files:')):
            misspelt = key.replace('e', 'ee', 1)
            self.assertIn(f"['{misspelt[:-1]}']",
                          self.errors(name, key, misspelt))

    def test_a_wrong_value_is_refused(self):
        self.assertIn('expected int', self.errors(
            'jobs.yaml', 'timeout: 7200', 'timeout: two hours'))


if __name__ == '__main__':
    unittest.main()
