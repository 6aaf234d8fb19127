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
        :returns: ``{'migrations': [{'id', 'uuid', 'instance_uuid', 'status',
            'source_compute', 'dest_compute', ...}]}``, and
            ``migrations_links`` if there is a next page.
        """
        url = 'os-migrations'
        if filters:
            url += '?%s' % parse.urlencode(filters)
        resp, body = self.get(url, headers=_HEADERS, extra_headers=True)
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))

    def abort_live_migration(self, server_id: str, migration_id: int
                             ) -> rest_client.ResponseBody:
        """Ask for the end of a live migration, back where it came from.

        :param server_id: UUID of the server.
        :param migration_id: The ``id`` of the migration, not its ``uuid``.
        :returns: An empty body.
        :raises tempest.lib.exceptions.BadRequest: it has ended by itself.
        """
        resp, body = self.delete(
            'servers/%s/migrations/%d' % (
                parse.quote(server_id, safe=''), migration_id),
            headers=_HEADERS, extra_headers=True)
        self.expected_success(202, resp.status)
        return rest_client.ResponseBody(resp, body)

    def force_complete_live_migration(self, server_id: str, migration_id: int
                                      ) -> rest_client.ResponseBody:
        """Ask for the end of a live migration, on its destination.

        The parameters and the exceptions are those of
        ``abort_live_migration``.
        """
        resp, body = self.post(
            'servers/%s/migrations/%d/action' % (
                parse.quote(server_id, safe=''), migration_id),
            json.dumps({'force_complete': None}),
            headers=_HEADERS, extra_headers=True)
        self.expected_success(202, resp.status)
        return rest_client.ResponseBody(resp, body)
