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

import ast
import pathlib

from tempest import clients
from tempest import config
from tempest.lib import auth
from tempest.lib.common import rest_client

import local_delete_tempest_plugin
from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin import plugin
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_edge

# Tempest registers the clients of plugins when an option is first read.
_ = config.CONF.identity

ROOT = pathlib.Path(local_delete_tempest_plugin.__file__).parent


class EndpointsTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.config(group='identity', uri_v3='https://keystone.test/v3')
        self.config(group='service_available', neutron=True, cinder=True,
                    glance=True)
        self.edge = self.useFixture(fake_edge.FakeEdge())
        self.useFixture(transport.BoundedFixture())
        self.manager = clients.Manager(auth.KeystoneV3Credentials(
            username='admin', password=fake_edge.PASSWORD,
            project_name='admin', domain_name='Default'))

    def clients_of_the_plugin(self):
        """Give each client of the manager that some file of ours names."""
        names = {node.attr for path in ROOT.rglob('*.py')
                 if 'tests' not in path.relative_to(ROOT).parts
                 for node in ast.walk(ast.parse(path.read_text()))
                 if isinstance(node, ast.Attribute)}
        for name in names:
            client = getattr(self.manager, name, None)
            if isinstance(client, rest_client.RestClient):
                yield client
        for module in plugin.LocalDeleteTempestPlugin().get_service_clients():
            factory = getattr(self.manager, module['name'])
            for name in module['client_names']:
                yield getattr(factory, name)()

    def test_each_service_whose_client_is_used_is_checked(self):
        self.assertEqual(
            {client.service for client in self.clients_of_the_plugin()},
            {endpoint.client.service
             for endpoint in endpoints.find(self.manager)},
            'a token is sent to services whose endpoints nobody checks')

    def test_services_that_the_cloud_does_not_have(self):
        self.config(group='service_available', neutron=False, cinder=False,
                    glance=False)
        self.assertEqual(
            ['identity', 'compute', 'placement'],
            [endpoint.service for endpoint in endpoints.find(self.manager)])
