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


import json
import logging

import fixtures

from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.tests.unit import base


class SpansTest(base.TestCase):

    def test_lines(self):
        """A line at the beginning tells what is under way."""
        log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        with spans.span(spans.BACK):
            mark, line = log.output.strip().split(' ', 1)
            self.assertEqual(spans.BEGUN, mark)
            self.assertEqual({'kind': spans.BACK}, json.loads(line))
        mark, line = log.output.strip().splitlines()[-1].split(' ', 1)
        self.assertEqual(spans.MARK, mark)
        self.assertEqual({'kind', 'seconds'}, set(json.loads(line)))
