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

"""Deletes of compute services, which tempest.lib's client lacks."""

from urllib import parse

from tempest.lib.common import rest_client

# The first that knows services by UUID.
_HEADERS = {'OpenStack-API-Version': 'compute 2.53'}


class ServicesClient(rest_client.RestClient):
    """The part of a services client that tempest.lib lacks."""

    def delete_service(self, service_id: str) -> rest_client.ResponseBody:
        """Delete a service.

        :param service_id: UUID of the service.
        :returns: An empty body.
        :raises tempest.lib.exceptions.Conflict: servers are on its host.
        :raises tempest.lib.exceptions.NotFound: there is no such service.
        """
        resp, body = self.delete(
            'os-services/%s' % parse.quote(service_id, safe=''),
            headers=_HEADERS, extra_headers=True)
        self.expected_success(204, resp.status)
        return rest_client.ResponseBody(resp, body)
