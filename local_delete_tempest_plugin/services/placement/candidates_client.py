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

"""The allocation candidates of one host."""

import json
import typing
from urllib import parse

from tempest.lib.common import rest_client

# The first that has in_tree. Tempest's own client refuses an answer to any
# other microversion than the one of all clients.
_HEADERS = {'OpenStack-API-Version': 'placement 1.31'}


class CandidatesClient(rest_client.RestClient):
    """The part of a Placement client that needs microversion 1.31."""

    def list_allocation_candidates(
            self, **params: typing.Any) -> rest_client.ResponseBody:
        """List where resources could be allocated.

        :param params: Of the request, such as ``resources`` and ``in_tree``.
        :returns: ``{'allocation_requests': [{'allocations': {provider UUID:
            {'resources': {class: amount}}}}], 'provider_summaries':
            {provider UUID: {'resources': {class: {'capacity', 'used'}}}}}``.
        :raises InvalidAnswer: the answer does not fit its schema.
        """
        url = '/allocation_candidates?%s' % parse.urlencode(params)
        resp, body = self.get(url, headers=_HEADERS, extra_headers=True)
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))
