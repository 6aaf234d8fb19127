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

import io
import os

import testtools

from local_delete_tempest_plugin.cmd import output


class PrintingTest(testtools.TestCase):

    def test_a_reader_that_goes_away(self):
        """The exit code tells how the work ended, as with "| head -1"."""
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, 'w') as stream:
            with output.printing(stream):
                for _ in range(9999):
                    print('many words', file=stream)
            print('the end of Python flushes it again', file=stream)

    def test_a_character_that_cannot_be_encoded(self):
        written = io.BytesIO()
        stream = io.TextIOWrapper(written, 'ascii')
        with output.printing(stream):
            print('h\xf6st', file=stream)
        self.assertEqual(b'h\\xf6st\n', written.getvalue())
