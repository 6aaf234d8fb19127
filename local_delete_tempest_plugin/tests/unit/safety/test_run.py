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

from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import base


class FenceTest(base.TestCase):

    def test_read_off_its_own_words(self):
        this_run = run.Run()
        self.assertEqual(this_run.id, run.fenced_by(this_run.fence_reason))

    def test_read_off_those_of_another_release(self):
        """Only what stands in front of the id is there to stay."""
        for words in ('', '; to undo: tempest local-delete recover', ': x'):
            self.assertEqual('3FB4D5A90C5C', run.fenced_by(
                'local-delete-tempest-plugin run 3FB4D5A90C5C' + words))

    def test_words_of_others(self):
        for words in (None, '', 'broken fan',
                      'local-delete-tempest-plugin run ',
                      'see local-delete-tempest-plugin run 3FB4D5A90C5C'):
            self.assertIsNone(run.fenced_by(words))
