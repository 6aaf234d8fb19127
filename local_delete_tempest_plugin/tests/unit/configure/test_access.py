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

"""How Tempest reaches a cloud, as clouds.yaml and the token tell it."""

from local_delete_tempest_plugin.cloud import clouds_yaml
from local_delete_tempest_plugin.configure import access
from local_delete_tempest_plugin.configure import settings
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base

HOME = {'name': 'Home'}


class AccessTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.chosen = settings.Settings()

    def values(self):
        return {str(choice): choice.value for choice in self.chosen.choices}

    def account(self, **fields):
        return clouds_yaml.Account('https://keystone.test/v3/',
                                   {'password': 'SECRET'}, **fields)

    def test_what_clouds_yaml_tells(self):
        access.choose_keystone(self.chosen, self.account(
            region='West', interface='internalURL', ca='/etc/ca.pem',
            verify=False))
        self.assertEqual({
            '[identity] uri_v3': 'https://keystone.test/v3',
            '[identity] ca_certificates_file': '/etc/ca.pem',
            '[identity] disable_ssl_certificate_validation': 'True',
            '[identity] region': 'West',
            '[identity] v3_endpoint_type': 'internal',
            **{'[%s] endpoint_type' % group: 'internal' for group in (
                'compute', 'image', 'network', 'volume', 'placement')}},
            self.values())

    def test_what_is_usual_is_not_written(self):
        access.choose_keystone(self.chosen, self.account(interface='public'))
        self.assertEqual(['[identity] uri_v3'], list(self.values()))

    def test_an_interface_that_is_none(self):
        refused = self.assertRaises(
            exceptions.NotConfigured, access.choose_keystone, self.chosen,
            self.account(interface='private'))
        self.assertIn('[identity] v3_endpoint_type cannot be set: Valid '
                      'values are [public, ', str(refused))

    def test_a_project_of_another_domain(self):
        access.choose_admin(self.chosen, self.account(), {
            'user': {'name': 'boss', 'domain': HOME},
            'project': {'name': 'p', 'domain': {'name': 'Away'}}})
        self.assertEqual({
            '[auth] admin_username': 'boss', '[auth] admin_project_name': 'p',
            '[auth] admin_domain_name': 'Home',
            '[auth] admin_project_domain_name': 'Away',
            '[auth] admin_password': 'SECRET'}, self.values())
        self.assertNotIn('SECRET', repr(self.chosen.choices))

    def test_an_account_without_a_project(self):
        refused = self.assertRaises(
            exceptions.NotConfigured, access.choose_admin, self.chosen,
            self.account(), {'user': {'name': 'boss', 'domain': HOME}})
        self.assertIn('add a project_name', str(refused))

    def test_accounts_of_a_file_need_no_admin(self):
        self.config(group='auth', use_dynamic_credentials=False)
        access.choose_admin(self.chosen, self.account(), {'user': {}})
        self.assertEqual({}, self.values())

    def test_one_region(self):
        access.choose_services(self.chosen, {'catalog': [
            {'type': 'compute', 'endpoints': [{'region': 'West'}]},
            {'type': 'volumev3', 'endpoints': [{'region': 'West'}]},
            {'type': 'image', 'endpoints': []}]})
        values = self.values()
        self.assertEqual(('West', 'volumev3', 'False'), (
            values['[identity] region'], values['[volume] catalog_type'],
            values['[service_available] glance']))

    def test_the_first_service_of_a_type(self):
        access.choose_services(self.chosen, {'catalog': [
            {'type': 'compute', 'endpoints': [{'region': 'West'}]},
            {'type': 'compute', 'endpoints': [{'region': 'East'}]}]})
        self.assertEqual('West', self.values()['[identity] region'],
                         'Tempest uses the first Nova of the catalog')

    def test_an_address_with_a_password(self):
        access.choose_keystone(self.chosen, clouds_yaml.Account(
            'https://boss:SECRET@keystone.test/v3', {}))
        self.assertEqual(['***'], [
            choice.shown for choice in self.chosen.choices],
            'the output shows the password of the address')

    def test_a_password_that_no_file_can_hold(self):
        refused = self.assertRaises(
            exceptions.NotConfigured, self.chosen.choose, 'auth',
            'admin_password', 'SECRET\nx = y', 'because')
        self.assertNotIn('SECRET', str(refused))
