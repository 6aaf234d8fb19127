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

import dataclasses
import datetime

from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import base


class FenceTest(base.TestCase):

    def test_read_off_its_own_words(self):
        this_run = run.Run()
        self.assertEqual(this_run.id, run.fenced_by(this_run.fence_reason))

    def test_words_of_others(self):
        """An operator may quote a fence, or add words to it."""
        fence = run.Run('3FB4D5A90C5C').fence_reason
        for words in (None, '', 'broken fan',
                      'local-delete-tempest-plugin run ',
                      'local-delete-tempest-plugin run 3FB4D5A90C5C',
                      'see ' + fence, fence + ' (TICKET-4712)', fence + '0',
                      fence.replace('run 3', 'run 4', 1),
                      fence + '\n',
                      run.Run('3fb4d5a90c5c').fence_reason,
                      run.Run('3FB4D5A90C5').fence_reason):
            self.assertIsNone(run.fenced_by(words))


class NameTest(base.TestCase):

    RUN = run.Run('3FB4D5A90C5C')

    def test_its_own(self):
        for name in ('local-delete-3fb4d5a90c5c',
                     'tempest-local-delete-3fb4d5a90c5c-1-shelved',
                     'tempest-X-local-delete-3fb4d5a90c5c-1-project'):
            self.assertTrue(self.RUN.owns(name), name)

    def test_names_of_others(self):
        for name in (None, '', 'x', 'local-delete-3fb4d5a90c5c0',
                     'xlocal-delete-3fb4d5a90c5c', 'local-delete-',
                     'local-delete-3FB4D5A90C5C'):
            self.assertFalse(self.RUN.owns(name), name)

    def test_traits_of_others(self):
        self.assertEqual('3FB4D5A90C5C', run.id_of(self.RUN.trait))
        for trait in ('CUSTOM_LOCAL_DELETE_PROTECTION', self.RUN.trait + '0',
                      self.RUN.trait[:-1], 'CUSTOM_' + self.RUN.trait,
                      'CUSTOM_LOCAL_DELETE_3FB4D5A90C5G'):
            self.assertIsNone(run.id_of(trait), trait)

    def test_until_when_a_stage_is_meant(self):
        until = datetime.datetime(2026, 12, 4, 7, 10,
                                  tzinfo=datetime.timezone.utc)
        stage = dataclasses.replace(self.RUN, until=until)
        name = 'tempest-%s-1' % stage.label
        # Whoever knows only the id reads it, and still knows its owner.
        self.assertTrue(self.RUN.owns(name), name)
        self.assertEqual(until, self.RUN.meant_until(
            ['m1.nano', 'tempest-%s-1' % self.RUN.label, name]))
        self.assertEqual('2026-12-04 07:10 UTC', run.moment(until))

    def test_names_that_tell_no_time(self):
        label = self.RUN.label
        self.assertIsNone(self.RUN.meant_until([
            '', label, label + '-1', label + '-until-2026',
            label + '-until-202613040710', label + '-until-2026120407101',
            label.replace('3', '4') + '-until-202612040710']))
