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

import os
import pkgutil
import subprocess
import sys
import unittest

import fixtures
from oslo_config import cfg
from tempest.lib.services import clients
from tempest.test_discover import plugins

import local_delete_tempest_plugin
from local_delete_tempest_plugin import config
from local_delete_tempest_plugin import plugin
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

PACKAGE = 'local_delete_tempest_plugin'


class PluginTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.plugin = plugin.LocalDeleteTempestPlugin()

    def test_options_are_registered(self):
        conf = cfg.ConfigOpts()
        self.plugin.register_opts(conf)
        conf([], default_config_files=[], default_config_dirs=[])
        for option in config.LocalDeleteGroup:
            self.assertIn(option.name, conf.local_delete)
        self.assertEqual([('local_delete', config.LocalDeleteGroup)],
                         self.plugin.get_opt_lists())

    def test_only_scenarios_are_loaded(self):
        """Unit tests are none of a cloud's tests."""
        directory, top = self.plugin.load_tests()
        self.assertEqual(PACKAGE, os.path.relpath(
            os.path.dirname(directory), top))
        loader = unittest.TestLoader()
        ids = [test.id() for test in flat(
            loader.discover(directory, top_level_dir=top))]
        self.assertEqual([], loader.errors)
        self.assertNotEqual([], ids)
        for name in ids:
            self.assertEqual('%s.scenario.test_' % PACKAGE,
                             name[:len(PACKAGE) + 15], name)

    def test_clients_are_handed_out(self):
        """An admin's clients have ours, each with its service's endpoint."""
        for service, client_name in (('compute', 'MigrationsClient'),
                                     ('network', 'PortBindingsClient'),
                                     ('placement', 'PlacementClient'),
                                     ('volume', 'AttachmentsClient')):
            self.config(service, endpoint_type='internal',
                        catalog_type='elsewhere', region='here')
            description, = [
                found for found in self.plugin.get_service_clients()
                if client_name in found['client_names']]
            factory = clients.ClientsFactory(
                description['module_path'], description['client_names'],
                fake_cloud._AuthProvider(service), **{
                    name: value for name, value in description.items()
                    if name not in ('name', 'service_version', 'module_path',
                                    'client_names')})
            client = getattr(factory, client_name)()
            self.assertEqual(
                ('elsewhere', 'here', 'internal'),
                (client.service, client.region, client.endpoint_type))

    def test_entry_point(self):
        found = (plugins.TempestTestPluginManager()
                 .get_plugin_load_tests_tuple())
        self.assertEqual(self.plugin.load_tests(), found['local_delete'])


class NoConfigurationTest(base.TestCase):
    """What an operator does first, before there is any tempest.conf."""

    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir())

    def run_python(self, *arguments, folder=''):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(('TEMPEST', 'OS_', 'XDG_'))}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.directory.join(folder),
            env=dict(environment, HOME=self.directory.path),
            capture_output=True, text=True, timeout=120)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    @base.slow
    def test_imported(self):
        modules = [
            module.name for module in pkgutil.walk_packages(
                local_delete_tempest_plugin.__path__, PACKAGE + '.')
            if '.tests' not in module.name]
        self.assertIn(PACKAGE + '.scenario.test_local_delete', modules)
        self.run_python('-W', 'error::SyntaxWarning', '-c',
                        'import ' + ', '.join(modules))

    @base.slow
    def test_scenarios_are_listed(self):
        self.run_python('-m', 'tempest.cmd.main', 'init', 'workspace')
        os.unlink(self.directory.join('workspace', 'etc', 'tempest.conf'))
        listed = self.run_python(
            '-m', 'tempest.cmd.main', 'run', '--list', '--regex', PACKAGE,
            folder='workspace')
        self.assertIn('%s.scenario.test_local_delete.LocalDeleteTest.'
                      'test_allocations_removed_by_api' % PACKAGE, listed)
        self.assertNotIn('tests.unit', listed)


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test
