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

from unittest import mock

from local_delete_tempest_plugin.cloud import versions
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base


class VersionsTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.admin = mock.Mock()
        self.nova = self.admin.manager.compute_versions_client.list_versions
        self.nova.return_value = {'versions': [
            {'version': ''}, {'version': '2.9'}, {'version': '2.100'}]}
        self.placement = self.admin.placement
        self.placement.base_url = 'https://placement.test/'
        self.placement.raw_request.return_value = (
            None, b'{"versions": [{"max_version": "1.39"}]}')

    def test_all_are_known(self):
        found = versions.read(self.admin)
        self.assertEqual(
            ('2.100', '1.39'), (found['compute microversion'],
                                found['placement microversion']))
        self.assertIn('tempest', found)

    def test_what_cannot_be_read_is_left_out(self):
        """A scenario does not fail by it."""
        self.nova.side_effect = exceptions.TimedOut(problem='too late')
        self.placement.raw_request.return_value = None, b'{}'
        found = versions.read(self.admin)
        self.assertNotIn('compute microversion', found)
        self.assertNotIn('placement microversion', found)
        self.assertIn('local-delete-tempest-plugin', found)
