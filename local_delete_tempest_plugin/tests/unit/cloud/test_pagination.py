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

"""Lists of several pages, and of pages without an end."""

from unittest import mock

import testtools

from local_delete_tempest_plugin.cloud import pagination
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base


class ReadTest(base.TestCase):

    def read(self, *answers):
        self.list = mock.Mock(side_effect=answers)
        return list(pagination.read(self.list, 'things', 'GET /things', a=1))

    def page(self, *ids, more=True):
        return {'things': [{'id': one} for one in ids],
                'things_links': [{'rel': 'next'}] if more else []}

    def test_all_pages(self):
        found = self.read(self.page('1', '2'), self.page('3', more=False))
        self.assertEqual(['1', '2', '3'], [one['id'] for one in found])
        self.assertEqual([mock.call(a=1), mock.call(a=1, marker='2')],
                         self.list.mock_calls)

    def test_all_pages_of_a_list_without_links(self):
        things = [{'id': one} for one in '12345']
        listed = mock.Mock(side_effect=lambda offset, a: {
            'things': things[offset:offset + 2]})
        self.assertEqual(things, list(pagination.read_unlinked(
            listed, 'things', 'GET /things', a=1)))
        self.assertEqual([mock.call(a=1, offset=offset)
                          for offset in (0, 2, 4, 5)], listed.mock_calls)

    def test_offset_that_is_not_heeded(self):
        with testtools.ExpectedException(
                exceptions.InvalidAnswer,
                r'GET /things\?offset=1: the pages go in a circle'):
            list(pagination.read_unlinked(
                lambda offset: self.page('1'), 'things', 'GET /things'))

    def test_pages_in_a_circle(self):
        with testtools.ExpectedException(
                exceptions.InvalidAnswer,
                r'GET /things\?marker=1: the pages go in a circle'):
            self.read(*[self.page('1')] * 9)
