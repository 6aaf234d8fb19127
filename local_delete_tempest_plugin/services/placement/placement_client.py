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

"""The Placement client: tempest.lib's, with what it lacks."""

import json
from urllib import parse

from tempest.lib.common import rest_client
from tempest.lib.services.placement import placement_client
from tempest.lib.services.placement import resource_providers_client

from local_delete_tempest_plugin.services.placement import schemas


class PlacementClient(placement_client.PlacementClient,
                      resource_providers_client.ResourceProvidersClient):
    """Allocations, providers, traits and usages, every answer checked.

    The calls that tempest.lib has too are here again only for the check.
    Every call raises what ``RestClient.request`` does, and ``InvalidAnswer``
    where the answer does not fit its schema.
    """

    def list_allocations(self, consumer_uuid):
        """Show what a consumer holds.

        :param consumer_uuid: UUID of a server or a migration.
        :returns: ``{'allocations': {provider UUID: {'resources': {class:
            amount}}}, ...}``; no owner's fields where it holds nothing.
        """
        return self._show('/allocations/%s' % _quoted(consumer_uuid),
                          schemas.consumer_allocations)

    def list_provider_allocations(self, rp_uuid):
        """Show what is held on one provider (its children left out).

        :param rp_uuid: UUID of the provider.
        :returns: ``{'allocations': {consumer UUID: {'resources': {class:
            amount}}}, 'resource_provider_generation': int}``.
        """
        return self._show(
            '/resource_providers/%s/allocations' % _quoted(rp_uuid),
            schemas.provider_allocations)

    def list_resource_providers(self, **params):
        """List providers.

        :param params: Filters of the request, such as ``in_tree``.
        :returns: ``{'resource_providers': [{'uuid', 'name', ...}]}``.
        """
        url = '/resource_providers'
        if params:
            url += '?%s' % parse.urlencode(params)
        return self._show(url, schemas.resource_providers)

    def list_resource_provider_traits(self, rp_uuid):
        """List the traits of one provider.

        :param rp_uuid: UUID of the provider.
        :returns: ``{'traits': [str], 'resource_provider_generation': int}``.
        """
        return self._show('/resource_providers/%s/traits' % _quoted(rp_uuid),
                          schemas.provider_traits)

    def list_resource_provider_usages(self, rp_uuid):
        """Show how much of one provider Placement counts as used.

        :param rp_uuid: UUID of the provider; its children are left out.
        :returns: ``{'usages': {class: amount}, 'resource_provider_generation':
            int}``.
        """
        return self._show(
            '/resource_providers/%s/usages' % _quoted(rp_uuid),
            schemas.provider_usages)

    def list_project_usages(self, project_id):
        """Show what all consumers of a project hold together.

        :param project_id: Id of the project.
        :returns: ``{'usages': {class: amount}}``.
        """
        return self._show(
            '/usages?%s' % parse.urlencode({'project_id': project_id}),
            schemas.project_usages)

    def put_allocations(self, consumer_uuid, **allocations):
        """Replace what a consumer holds.

        :param consumer_uuid: UUID of the consumer.
        :param allocations: The fields of the request: ``allocations``,
            ``project_id``, ``user_id``, and ``consumer_generation``, which is
            None for a consumer that holds nothing yet.
        """
        resp, body = self.put('/allocations/%s' % _quoted(consumer_uuid),
                              json.dumps(allocations))
        self.expected_success(204, resp.status)
        return rest_client.ResponseBody(resp, body)

    def delete_allocations(self, consumer_uuid):
        """Remove all that a consumer holds.

        :param consumer_uuid: UUID of the consumer.
        :raises tempest.lib.exceptions.NotFound: it holds nothing.
        """
        resp, body = self.delete('/allocations/%s' % _quoted(consumer_uuid))
        self.expected_success(204, resp.status)
        return rest_client.ResponseBody(resp, body)

    def _show(self, url, schema):
        resp, body = self.get(url)
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(
            resp, schemas.checked('GET %s' % url, body, schema))


def _quoted(part):
    return parse.quote(part, safe='')
