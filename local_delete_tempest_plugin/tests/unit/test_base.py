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

import os
import signal
import time

import fixtures
import jsonschema
from tempest.lib.common import rest_client
import testtools

from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base


class BaseTest(testtools.TestCase):
    """What the tests get for granted from their base class."""

    def assert_good(self, body):
        class Test(base.TestCase):
            def test(self):
                body(self)

        result = testtools.TestResult()
        with fixtures.EnvironmentVariable('OS_TEST_TIMEOUT', '10'):
            Test('test').run(result)
        self.assertEqual([], result.errors + result.failures)

    def test_os_test_timeout_limits_the_test_alone(self):
        def body(test):
            left, _ = signal.getitimer(signal.ITIMER_REAL)
            test.assertGreater(left, 0, 'the test has no limit')
            test.assertNotIn('OS_TEST_TIMEOUT', os.environ)

        self.assert_good(body)

    def test_a_wait_only_moves_the_clock(self):
        def body(test):
            test.config(poll_interval_start=1000.0, poll_interval_max=1000.0)
            before = time.monotonic()
            test.assertRaises(exceptions.TimedOut, waiters.wait_until,
                              lambda: None, bool, 'the sun shines', 86400)
            test.assertGreater(time.monotonic() - before, 86400)

        self.assert_good(body)

    def test_a_schema_that_is_not_valid(self):
        def body(test):
            for _ in range(2):
                test.assertRaises(
                    jsonschema.SchemaError,
                    rest_client.RestClient.validate_response,
                    {'status_code': [200], 'response_body': {'type': 1}},
                    rest_client.http.urllib3.HTTPResponse(status=200), {})

        self.assert_good(body)
