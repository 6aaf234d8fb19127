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

"""The requests that end a live migration."""

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.services import compute
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

# (method, the request, what is sent)
ENDS = (
    ('abort_live_migration', 'DELETE servers/a%2Fb/migrations/3', None),
    ('force_complete_live_migration',
     'POST servers/a%2Fb/migrations/3/action', {'force_complete': None}))


class MigrationsClientTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.cloud = fake_cloud.FakeCloud()
        self.client = self.cloud.client(compute.MigrationsClient, 'compute')

    def answer(self, status, body=None):
        def before_answer(method, path):
            raise fake_cloud.Answer(status, body)

        self.cloud.before_answer = before_answer

    def test_accepted(self):
        self.answer(202)
        for name, request, sent in ENDS:
            getattr(self.client, name)('a/b', 3)
            self.assertEqual(request, self.cloud.calls()[-1])
            self.assertEqual(sent, self.cloud.requests[-1][-1])

    def test_it_has_ended_by_itself(self):
        self.answer(400, {'badRequest': {'message': 'completed'}})
        for name, _, _ in ENDS:
            self.assertRaises(lib_exc.BadRequest,
                              getattr(self.client, name), 'a/b', 3)
