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

"""What the search for secrets takes for one, and what it says."""

from allinone.tests import base
from proof.trials import recording_proxy
from proof.trials import secrets


class SecretsTest(base.TestCase):

    def exchange(self, **parts):
        return recording_proxy.Exchange(**{
            'method': 'POST', 'url': 'http://x/', 'headers': {}, 'body': b'',
            **parts})

    def test_tokens_and_passwords_are_noted(self):
        found = secrets._secrets_of([
            self.exchange(headers={'X-Auth-Token': 'auth-token',
                                   'Accept': 'something else'},
                          body=b'{"user": [{"password": "of a user"}]}'),
            self.exchange(answer_headers={'x-subject-token': 'a new one'},
                          answer=b'{"server": {"adminPass": "of a server"}}'),
            self.exchange(body=b'no JSON', answer=b'{"password": "short"}')])
        self.assertEqual({'auth-token', 'of a user', 'a new one',
                          'of a server'}, set(found))

    def test_found_and_not_shown(self):
        [said] = secrets._find({'the-secret': 'the password of nova'},
                               b'... the-secret ...', 'tempest.log')
        self.assertEqual('tempest.log has the password of nova', said)
        self.assertEqual([], secrets._find({'the-secret': 'x'}, b'no', 'log'))

    def test_what_was_planted_has_to_be_found(self):
        planted = {f'{self.state}/planted has what was planted',
                   'the list of processes has what was planted'}
        self.assertEqual([], secrets._judge(planted, self.state))
        self.assertEqual(['tempest.log has x-auth-token'], secrets._judge(
            planted | {'tempest.log has x-auth-token'}, self.state))
        [missed] = secrets._judge(planted - {
            'the list of processes has what was planted'}, self.state)
        self.assertEqual('not found, so nothing is shown: the list of '
                         'processes has what was planted', missed)

    def test_configuration_alone_is_left_out(self):
        for name in ('etc/tempest.conf', 'logs/tempest.log', '.stestr/0'):
            path = self.state / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        self.assertEqual(['.stestr/0', 'logs/tempest.log'], [
            str(path.relative_to(self.state))
            for path in secrets._written(self.state)])
