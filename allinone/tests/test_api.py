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

"""Lists of the cloud of which one answer has a part alone."""

from unittest import mock

from allinone import api
from allinone.tests import base


class PagesTest(base.TestCase):

    def read(self, path, *answers):
        service = mock.Mock()
        service.get.return_value.json.side_effect = answers
        found = api.pages(service, path, 'servers', headers={})
        return found, [call.args[0] for call in service.get.call_args_list]

    def test_links_of_nova(self):
        more = {'servers_links': [{'rel': 'next'}]}
        self.assertEqual(
            ([{'id': '1'}, {'id': '2'}, {'id': '3'}],
             ['/servers?a=1', '/servers?a=1&marker=2']),
            self.read('/servers?a=1',
                      {'servers': [{'id': '1'}, {'id': '2'}], **more},
                      {'servers': [{'id': '3'}]}))

    def test_link_of_glance(self):
        self.assertEqual(
            ([{'id': '1'}], ['/servers', '/servers?marker=1']),
            self.read('/servers', {'servers': [{'id': '1'}], 'next': '/x'},
                      {'servers': [], 'next': '/x'}))
