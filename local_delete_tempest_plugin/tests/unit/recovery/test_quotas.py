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

import types
from unittest import mock

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import quotas
from local_delete_tempest_plugin.tests.unit import base


class QuotaChangeTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.projects, self.quotas = mock.Mock(), mock.Mock()
        self.admin = types.SimpleNamespace(manager=types.SimpleNamespace(
            projects_client=self.projects, quotas_client=self.quotas))

    def undo(self, now, before=10, lowered_to=None):
        """Undo a change of a quota that is another one by now."""
        self.quotas.reset_mock()
        self.quotas.show_quota_set.return_value = {
            'quota_set': {'instances': now}}
        quotas.QuotaChange('p', before, lowered_to).undo(self.admin)

    def assert_given_back(self, quota):
        self.quotas.update_quota_set.assert_called_once_with(
            'p', instances=quota)

    def assert_left(self, now, *arguments):
        left = self.assertRaises(
            exceptions.LeftToOperator, self.undo, now, *arguments)
        self.assertIn('the quota of servers of project p is left to you, '
                      'because somebody else has set it to %d; before the '
                      'run it was' % now, str(left))
        self.quotas.update_quota_set.assert_not_called()

    def test_what_the_run_has_set_is_given_back(self):
        self.undo(2, 10, 2)
        self.assert_given_back(10)
        self.undo(0, -1, 0)
        self.assert_given_back(-1)

    def test_what_an_operator_has_set_since_stays(self):
        for now in (1, 3, 50, -1):
            self.assert_left(now, 10, 2)

    def test_nothing_is_set_that_is_so_already(self):
        self.undo(10, 10, 2)
        self.quotas.update_quota_set.assert_not_called()

    def test_journal_of_an_earlier_release(self):
        """It does not tell what the run has set. A run lowers a quota."""
        self.undo(2, 10)
        self.assert_given_back(10)
        self.undo(2, -1)
        self.assert_given_back(-1)
        for now in (11, -1):
            self.assert_left(now, 10)

    def test_project_that_is_gone_has_no_quota(self):
        self.projects.show_project.side_effect = lib_exc.NotFound
        self.undo(2, 10, 2)
        self.assertEqual([], self.quotas.mock_calls)
