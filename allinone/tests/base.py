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

"""What the tests share: a deployment in a directory of its own."""

import contextlib
import io
import pathlib
from unittest import mock

import fixtures
import testtools

from allinone import deployment

#: Marks a test that takes half a second or more: "tox -e fast" omits it.
slow = testtools.testcase.attr('slow')


class TestCase(testtools.testcase.WithAttributes, testtools.TestCase):

    def setUp(self):
        super().setUp()
        # Short, since sockets are made below it.
        self.state = pathlib.Path(
            self.useFixture(fixtures.TempDir(rootdir='/tmp')).path)
        self.cloud = deployment.new(self.state, 21000, None)

    @staticmethod
    def run_command(main, *arguments):
        """Run a command's main; return its exit code and its stderr."""
        stderr = io.StringIO()
        with mock.patch('sys.argv', ['command', *map(str, arguments)]), \
                contextlib.redirect_stderr(stderr):
            try:
                return main(), stderr.getvalue()
            except SystemExit as end:
                return end.code, stderr.getvalue()
