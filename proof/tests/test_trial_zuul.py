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

"""What the trial of the playbooks needs, and the script that it writes."""

import os
import pathlib
import pwd
import subprocess

import fixtures

from allinone import errors
from allinone.tests import base
from proof.trials import zuul


class RefuseTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.ansible = self.state / 'ansible-playbook'
        self.ansible.touch()
        self.patch('_SCRIPT', self.state / 'script')
        self.patch('_RULE', self.state / 'rule')
        self.patch('USER', 'nobody-has-this-name')
        self.patch('os.geteuid', lambda: 0)
        self.patch('shutil.which', lambda name: name)

    def patch(self, name, value):
        self.useFixture(
            fixtures.MonkeyPatch(f'proof.trials.zuul.{name}', value))

    def refusal(self):
        try:
            zuul.refuse(self.ansible)
        except errors.BadInput as refusal:
            return str(refusal)

    def test_a_machine_with_all_of_it(self):
        self.assertIsNone(self.refusal())

    def test_another_user_than_root(self):
        self.patch('os.geteuid', lambda: 1000)
        self.assertIn('Only root', self.refusal())

    def test_no_sudo(self):
        self.patch('shutil.which', lambda name: None)
        self.assertIn('PROFILES=zuul tools/setup.sh', self.refusal())

    def test_no_ansible(self):
        self.ansible.unlink()
        self.assertIn('tox -e ansible-lint --notest', self.refusal())

    def test_what_somebody_else_has_made(self):
        zuul._RULE.touch()
        self.assertIn(str(zuul._RULE), self.refusal())
        zuul._RULE.unlink()
        self.patch('USER', pwd.getpwuid(os.getuid()).pw_name)
        self.assertIn(f'the user {zuul.USER}', self.refusal())


class ScriptTest(base.TestCase):

    def call(self, *arguments):
        path = pathlib.Path(self.state / 'script')
        path.write_text(zuul.script({
            'stop': 'echo stops nova-compute-{host}',
            'thaw': 'echo thaws nova-compute-{host}'}))
        ended = subprocess.run(['sh', path, *arguments], text=True,
                               capture_output=True, check=False)
        return ended.returncode, ended.stdout

    def test_the_command_of_the_action(self):
        self.assertEqual((0, 'stops nova-compute-compute1\n'),
                         self.call('stop', 'compute1'))
        self.assertEqual((0, 'thaws nova-compute-compute2\n'),
                         self.call('thaw', 'compute2'))

    def test_a_host_is_one_word(self):
        self.assertEqual((0, 'stops nova-compute-a  b;c\n'),
                         self.call('stop', 'a  b;c'))

    def test_another_action(self):
        self.assertEqual((2, ''), self.call('rm', 'compute1'))
        self.assertEqual((2, ''), self.call('stop'))
