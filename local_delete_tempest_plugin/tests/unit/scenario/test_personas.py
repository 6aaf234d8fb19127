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

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.scenario.steps import personas
from local_delete_tempest_plugin.tests.unit import base


class AssertRefusedTest(base.TestCase):
    """A refusal that a front end may lose."""

    def setUp(self):
        super().setUp()
        self.story = personas.Personas('assert_refused')

    def ask(self, *statuses):
        """Tell how often a request is sent until its refusal is judged."""
        statuses = list(statuses)
        left = len(statuses)

        def send():
            status = statuses.pop(0)
            if status < 400:
                return types.SimpleNamespace(
                    response=types.SimpleNamespace(status=status))
            raise lib_exc.RestClientException(
                resp=types.SimpleNamespace(status=status))

        self.story.assert_refused('a reader', 'DELETE of a server', 403, send)
        return left - len(statuses)

    def test_asked_again_where_a_front_end_answers(self):
        self.assertEqual(1, self.ask(403, 0))
        self.assertEqual(2, self.ask(502, 403, 0))
        self.assertEqual(4, self.ask(503, 502, 503, 403, 0))

    def test_other_answers_are_the_answer(self):
        for statuses in ((200,), (404,), (500,), (503, 202), (502, 409)):
            failure = self.assertRaises(
                self.failureException, self.ask, *statuses)
            self.assertIn('was answered %d to DELETE of a server, and should '
                          'have been refused with 403' % statuses[-1],
                          str(failure))

    def test_front_end_that_never_passes_it_on(self):
        failure = self.assertRaises(
            self.failureException, self.ask, *[503] * 99)
        self.assertIn('was answered 503', str(failure))
