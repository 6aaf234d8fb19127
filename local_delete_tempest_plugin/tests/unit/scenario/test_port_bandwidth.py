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

from local_delete_tempest_plugin.scenario.steps import port_bandwidth
from local_delete_tempest_plugin.tests.unit import base


class RequestTest(base.TestCase):
    """A port that asks for bandwidth, of Neutrons with and without that."""

    def bring(self, **port):
        story = mock.Mock(skipTest=self.skipTest)
        story.bring_port.return_value = ('port', 'its id')
        story.admin.manager.ports_client.show_port.return_value = {
            'port': port}
        port_bandwidth.PortBandwidth.bring_port_with_request(story)
        return story.request_groups

    def test_without_the_extension(self):
        for port in ({}, {'resource_request': None},
                     {'resource_request': {'required': [], 'resources': {}}}):
            self.assertIn('request_groups',
                          self.skip_reason(self.bring, **port))

    def test_with_it(self):
        groups = [{'id': 'g', 'required': [], 'resources': {}}]
        self.assertEqual(groups, self.bring(
            resource_request={'request_groups': groups}))
