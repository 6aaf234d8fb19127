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
"""Waiting, with a limit."""

import socket

from allinone import errors
from allinone import readiness
from allinone.tests import base


class WaitTest(base.TestCase):

    def test_what_is_ready_is_returned(self):
        answers = iter(['', None, 'port'])
        self.assertEqual('port', readiness.wait(
            'a port', lambda: next(answers), 60, 0.01))

    def test_a_wait_has_a_limit_and_says_what_was_awaited(self):
        error = self.assertRaises(errors.StepFailed, readiness.wait,
                                  'a port', lambda: False, 0.01)
        self.assertEqual('a port: not after 0.01 s', str(error))

    def test_what_is_ready_at_once_needs_no_time(self):
        self.assertTrue(readiness.wait('a port', lambda: True, 0))

    def test_an_error_ends_the_wait(self):
        def ready():
            raise errors.StepFailed('nova-api ended')
        error = self.assertRaises(errors.StepFailed, readiness.wait,
                                  'a port', ready, 60)
        self.assertEqual('nova-api ended', str(error))


class AcceptingTest(base.TestCase):

    def test_a_socket_that_was_left_behind_is_not_ready(self):
        for number, kind in enumerate((socket.SOCK_STREAM,
                                       socket.SOCK_SEQPACKET)):
            path = self.state / f'{number}.sock'
            self.assertFalse(readiness.accepting(path))
            with socket.socket(socket.AF_UNIX, kind) as listener:
                listener.bind(str(path))
                listener.listen()
                self.assertTrue(readiness.accepting(path))
            self.assertTrue(path.exists())
            self.assertFalse(readiness.accepting(path))

    def test_a_file_is_ready_when_it_is_there(self):
        path = self.state / 'holder'
        self.assertFalse(readiness.accepting(path))
        path.touch()
        self.assertTrue(readiness.accepting(path))
