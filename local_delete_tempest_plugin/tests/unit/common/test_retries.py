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

"""How long a failing API is asked again, and when it is not."""

import time
from unittest import mock

from tempest.lib import exceptions as lib_exc
import urllib3

from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin.common import retries
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base


def _failed(status, failure=lib_exc.UnexpectedResponseCode, **headers):
    """Make the failure of a request, as Tempest's clients raise it."""
    return failure(str(status), resp=transport.Response(
        'http://nova.test', status, headers))


_UNAVAILABLE = _failed(503)


class RetrierTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.renew_token = mock.Mock()
        self.retrier = retries.Retrier(self.renew_token)

    def call(self, *outcomes):
        """Call something that has these outcomes, one a call."""
        self.do = mock.Mock(side_effect=outcomes)
        return self.retrier.call(self.do)

    def test_what_may_pass_is_waited_for(self):
        for failure in (
                _UNAVAILABLE,
                _failed(500, lib_exc.ServerFault),
                # HAProxy's page for a server that is away.
                _failed(503, lib_exc.UnexpectedContentType),
                _failed(401, lib_exc.Unauthorized),
                _failed(403, lib_exc.Forbidden),
                # An ingress whose service is away.
                _failed(404, lib_exc.NotFound),
                _failed(404, lib_exc.UnexpectedContentType),
                _failed(408), _failed(409, lib_exc.Conflict), _failed(429),
                # A cell whose database is away.
                exceptions.OutageRefused(
                    exceptions.Refusal.NOT_ONE_SERVICE, 'has 0 services'),
                lib_exc.IdentityError('Unexpected status code 503'),
                # Keystone refuses a new token.
                lib_exc.Unauthorized('The request requires authentication.'),
                lib_exc.InvalidHTTPResponseBody('<html>'),
                # Something in front of Nova knows no microversions.
                lib_exc.InvalidHTTPResponseHeader('no version'),
                exceptions.InvalidAnswer(call='GET x', problem='a page'),
                exceptions.RequestFailed(call='GET x', problem='reset'),
                urllib3.exceptions.ProtocolError('reset')):
            self.assertEqual(
                'back', self.call(failure, failure, failure, 'back'))

    def test_what_will_not_pass_is_raised_at_once(self):
        for failure in (
                _failed(400, lib_exc.BadRequest),
                exceptions.OutageRefused(
                    exceptions.Refusal.NOT_ONE_NODE, 'has 2 nodes'),
                lib_exc.TimeoutException('waited'), OSError('no route')):
            self.assertRaises(type(failure), self.call, failure, 'back')
            self.assertEqual(1, self.do.call_count)

    def test_limit(self):
        self.assertRaises(lib_exc.UnexpectedResponseCode, self.call,
                          *[_UNAVAILABLE] * 1000)
        self.assertGreater(self.do.call_count, 2)

    def test_limits_do_not_add_up(self):
        self.test_limit()
        self.assertRaises(lib_exc.UnexpectedResponseCode, self.call,
                          _UNAVAILABLE, 'back')

    def test_an_api_that_came_back_has_the_limit_again(self):
        self.test_limit()
        self.assertEqual('back', self.call('back'))
        self.assertEqual('back', self.call(_UNAVAILABLE, 'back'))

    def test_as_long_as_the_api_asks_for(self):
        self.config(api_timeout=300)
        for header, least, most in (
                ({'Retry-After': '30'}, 30, 50),
                # A limiter may ask for an hour, and a host is down.
                ({'Retry-After': '3600'}, 60, 90),
                ({'Retry-After': '0'}, 0, 20), ({}, 0, 20),
                ({'Retry-After': '-5'}, 0, 20),
                ({'Retry-After': 'Fri, 31 Dec 2027 23:59:59 GMT'}, 0, 20)):
            began = time.monotonic()
            self.assertEqual('back', self.call(
                _failed(429, **header), 'back'))
            waited = time.monotonic() - began
            self.assertTrue(least <= waited <= most, (header, waited))

    def test_token_is_renewed(self):
        refused = _failed(401, lib_exc.Unauthorized)
        self.assertEqual('in', self.call(refused, 'in'))
        self.renew_token.assert_called_once_with()
