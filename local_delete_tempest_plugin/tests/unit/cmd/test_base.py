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
"""How a command is told which cloud it is for."""

import re

import testtools

from local_delete_tempest_plugin.cmd import preflight
from local_delete_tempest_plugin.cmd import recover
from local_delete_tempest_plugin.tests.unit import fake_edge
from local_delete_tempest_plugin.tests.unit import sandbox

CLOUDS = """
clouds:
  mine:
    auth:
      auth_url: https://keystone.test:443/
      username: admin
      project_name: admin
      user_domain_name: Default
      project_domain_id: default
    region_name: RegionOne
  token:
    auth_type: v3token
    auth: {auth_url: 'https://keystone.test/v3', token: SECRET}
  elsewhere:
    auth: {auth_url: 'https://user:SECRET@other.test/v3', password: SECRET}
  without: {auth: {auth_url: 'https://keystone.test/v3'}}
  bare:
"""
SECRETS = """
clouds: {mine: {auth: {password: %s}}}
""" % fake_edge.PASSWORD

RECOVERED = ('Nothing to undo: no journal in .* at https://keystone.test'
             '(:443)?, .*')


class ChoiceTest(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.box = self.useFixture(sandbox.Sandbox())
        # Without the option Tempest finds no file, or that of the machine.
        self.box.environment = {'TEMPEST_CONFIG': 'nothing.conf',
                                'HOME': str(self.box.folder)}

    def run_command(self, *arguments, command=recover.Recover):
        return self.box.run(lambda: sandbox.run_command(
            command, 'local-delete', *arguments))

    def assert_said(self, line, *arguments, code=0):
        outcome = self.run_command(*arguments)
        self.assertEqual((code, []), (outcome.code, outcome.changes),
                         outcome.lines)
        self.assertTrue(
            any(re.fullmatch(line, said) for said in outcome.lines),
            'no line of these is %s: %s' % (line, outcome.lines))
        self.assertNotIn('SECRET', ''.join(outcome.lines))
        self.assertNotIn(fake_edge.PASSWORD, ''.join(outcome.lines))


class ConfigFileTest(ChoiceTest):

    def test_config_file(self):
        self.assert_said(RECOVERED, '--config-file', str(self.box.conf))
        self.assert_said(RECOVERED, '--config-file', 'tempest.conf')
        self.assert_said('.*: there is no file /nowhere/t.conf',
                         '--config-file', '/nowhere/t.conf', code=2)

    def test_workspace(self):
        workspace = self.box.folder / 'work'
        (workspace / 'etc').mkdir(parents=True)
        self.box.conf = workspace / 'etc' / 'tempest.conf'
        listed = self.box.folder / '.tempest' / 'workspace.yaml'
        self.assert_said('.*: there is no workspace mine in %s' % listed,
                         '--workspace', 'mine', code=2)
        listed.parent.mkdir()
        listed.write_text('mine: %s\n' % workspace)
        self.assert_said(RECOVERED, '--workspace', 'mine')
        other = listed.rename(self.box.folder / 'other.yaml')
        self.assert_said(RECOVERED, '--workspace', 'mine',
                         '--workspace-path', str(other))
        other.write_text('mine: {password: SECRET')
        self.assert_said('.*: %s is not YAML' % other, '--workspace', 'mine',
                         '--workspace-path', str(other), code=2)

    def test_empty_names(self):
        """A variable that is not set must not choose another cloud."""
        self.box.environment = {'HOME': str(self.box.folder)}
        for option, words in (('--config-file', 'there is no file'),
                              ('--workspace', 'there is no workspace'),
                              ('--os-cloud', 'there is no clouds.yaml')):
            self.assert_said('.*: %s .*' % words, option, '', code=2)

    def test_address_that_is_not_valid(self):
        """What is wrong with it is said, and not its password."""
        self.box.environment = {}
        for uri in 'https://joe:SECRET@a b/v3', 'joe:SECRET@test':
            self.box.text = None
            self.box.conf.unlink(missing_ok=True)
            self.box.set('identity', uri_v3=uri)
            self.assert_said('.*: option uri_v3 in .*/tempest.conf: host was '
                             'required but missing', code=1)


class OsCloudTest(ChoiceTest):

    def setUp(self):
        super().setUp()
        self.box.environment = {'HOME': str(self.box.folder)}
        self.folder = self.box.folder / '.config' / 'openstack'
        self.folder.mkdir(parents=True)
        self.clouds = self.folder / 'clouds.yaml'
        self.clouds.write_text(CLOUDS)
        (self.folder / 'secure.yaml').write_text(SECRETS)
        # Nobody could log in with what tempest.conf says.
        self.box.set('auth', admin_username=None, admin_password='WRONG')

    def test_admin_of_clouds_yaml(self):
        self.assert_said(RECOVERED, '--os-cloud', 'mine')
        self.assert_said('.* Keystone refuses .*|.*admin_username is not set',
                         code=1)

    def test_admin_in_the_place_of_an_accounts_file(self):
        self.box.set('auth', use_dynamic_credentials=False,
                     test_accounts_file='/no/such/file')
        self.assert_said(RECOVERED, '--os-cloud', 'mine')

    def test_address_of_clouds_yaml(self):
        self.box.set('identity', uri_v3=None)
        self.assert_said(RECOVERED, '--os-cloud', 'mine')

    def test_another_file(self):
        other = self.clouds.rename(self.box.folder / 'mine.yaml')
        self.assert_said('.*: there is no clouds.yaml in .*', '--os-cloud',
                         'mine', code=2)
        self.box.environment['OS_CLIENT_CONFIG_FILE'] = str(other)
        self.assert_said(RECOVERED, '--os-cloud', 'mine')

    def test_clouds_that_cannot_be_used(self):
        for name, line in (
                ('nobody', '%s has no cloud nobody' % self.clouds),
                ('bare', '%s has no cloud bare' % self.clouds),
                ('token', '.* has the auth_type v3token, and Tempest logs in '
                 'with a password'),
                ('without', '.* has no password'),
                ('elsewhere', '.* is at https://other.test, and .identity. '
                 'uri_v3 is https://keystone.test')):
            self.assert_said('.*: ' + line, '--os-cloud', name, code=2)
        for text, line in (('clouds: {x: SECRET', 'is not YAML'),
                           ('[SECRET]', r'is no clouds.yaml: see \$')):
            self.clouds.write_text(text)
            self.assert_said('.*: %s %s' % (self.clouds, line), '--os-cloud',
                             'x', code=2)

    def test_unknown_columns(self):
        for option in '-c', '--sort-column':
            self.assert_said(
                ".*: there is no column 'Bogus', only Run, .*",
                '--os-cloud', 'mine', option, 'Bogus', code=2)

    def test_preflight_says_that_a_run_takes_another_admin(self):
        outcome = self.run_command('--os-cloud', 'mine', '-f', 'csv',
                                   command=preflight.Preflight)
        self.assertIn('"admin of tempest.conf","warn"',
                      '\n'.join(outcome.lines))
