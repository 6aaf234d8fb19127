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


"""Another project's servers."""

import threading
from unittest import mock

import fixtures

from allinone.tests import base
from proof.trials import load


class LoadTest(base.TestCase):

    def live(self, admin):
        """Make load until a server is there; return the load."""
        there = threading.Event()

        def create():
            there.set()
            return {'server': {'id': '1'}}

        admin.compute.post.return_value.json.side_effect = create
        self.useFixture(fixtures.MockPatch(
            'allinone.api.Admin', return_value=admin))
        made = load.Load(self.cloud, workers=1, pause=0, seed=1)
        with made.made():
            self.assertTrue(there.wait(60))
        return made

    def admin(self, status):
        """Answer like the APIs, with servers in a status."""
        admin = mock.MagicMock()
        shown = admin.compute.get.return_value
        shown.status_code = 404
        shown.json.return_value = {
            'flavors': [{'id': '1'}], 'server': {
                'status': status, 'OS-EXT-SRV-ATTR:host': 'a'}}
        return admin

    def test_no_problem(self):
        made = self.live(self.admin('ACTIVE'))
        self.assertEqual([], made.problems)
        self.assertEqual('a', made.servers[0].host)

    def test_an_exception_is_a_problem_and_the_server_deleted(self):
        admin = self.admin('ACTIVE')
        del admin.compute.get.return_value.json.return_value[
            'server']['OS-EXT-SRV-ATTR:host']
        made = self.live(admin)
        self.assertEqual(
            'server 1 of the other project: KeyError: '
            "'OS-EXT-SRV-ATTR:host'", made.problems[0])
        admin.compute.delete.assert_called_with('/servers/1')
