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

"""Servers whose ports have resource requests."""

import json
from typing import Any

from tempest.lib.common import rest_client

_HEADERS = {'OpenStack-API-Version': 'compute 2.72'}


class ServersClient(rest_client.RestClient):
    """The part of tempest.lib's client that needs microversion 2.72."""

    def create_server(self, **settings: Any) -> rest_client.ResponseBody:
        """Create a server.

        :param settings: The fields of ``POST /servers``.
        :returns: ``{'server': {'id', ...}}``.
        """
        resp, body = self.post('servers', json.dumps({'server': settings}),
                               headers=_HEADERS, extra_headers=True)
        self.expected_success(202, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))
