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

"""Migrations with their UUIDs, by which Placement knows them."""

import json
from typing import Any
from urllib import parse

from tempest.lib.common import rest_client

# The first that shows the UUID. Tempest's own client follows the microversion
# of all other clients, and this one is too high for some of them.
_HEADERS = {'OpenStack-API-Version': 'compute 2.59'}


class MigrationsClient(rest_client.RestClient):
    """The migrations client of tempest.lib, at microversion 2.59."""

    def list_migrations(self, **filters: Any) -> rest_client.ResponseBody:
        """List one page of migrations, without those of deleted servers.

        :param filters: Of the request, such as ``host`` or
            ``instance_uuid``.
        :returns: ``{'migrations': [{'uuid', 'instance_uuid', 'status',
            'source_compute', 'dest_compute', ...}]}``, and
            ``migrations_links`` if there is a next page.
        """
        url = 'os-migrations'
        if filters:
            url += '?%s' % parse.urlencode(filters)
        resp, body = self.get(url, headers=_HEADERS, extra_headers=True)
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))
