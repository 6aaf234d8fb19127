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
import typing
from urllib import parse

from tempest.lib.common import rest_client
from tempest.lib.services.placement import placement_client
from tempest.lib.services.placement import resource_providers_client


class PlacementClient(placement_client.PlacementClient,
                      resource_providers_client.ResourceProvidersClient):
    """Allocations, providers, traits and usages.

    Every call raises what ``RestClient.request`` does, and ``InvalidAnswer``
    for an answer that does not fit its schema (``cloud.response_schemas``).
    """

    def list_allocations(self, consumer_uuid: str) -> rest_client.ResponseBody:
        """Show what a consumer holds.

        :param consumer_uuid: UUID of a server or a migration.
        :returns: ``{'allocations': {provider UUID: {'resources': {class:
            amount}}}, ...}``; without the owner's fields for a consumer that
            holds nothing.
        """
        return super().list_allocations(_quoted(consumer_uuid))

    def list_provider_allocations(
            self, rp_uuid: str) -> rest_client.ResponseBody:
        """Show what is held on one provider, and not on its children.

        :param rp_uuid: UUID of the provider.
        :returns: ``{'allocations': {consumer UUID: {'resources': {class:
            amount}}}, 'resource_provider_generation': int}``.
        """
        return self._show(
            '/resource_providers/%s/allocations' % _quoted(rp_uuid))

    def list_resource_provider_traits(
            self, rp_uuid: str, **params: str) -> rest_client.ResponseBody:
        """List the traits of one provider.

        :param rp_uuid: UUID of the provider.
        :param params: Of the request.
        :returns: ``{'traits': [str], 'resource_provider_generation': int}``.
        """
        return super().list_resource_provider_traits(
            _quoted(rp_uuid), **params)

    def list_resource_provider_inventories(
            self, rp_uuid: str) -> rest_client.ResponseBody:
        """List the inventories of one provider.

        :param rp_uuid: UUID of the provider.
        :returns: ``{'inventories': {class: {'total': amount,
            'allocation_ratio': float, ...}}, 'resource_provider_generation':
            int}``.
        """
        return super().list_resource_provider_inventories(_quoted(rp_uuid))

    def list_resource_provider_aggregates(
            self, rp_uuid: str) -> rest_client.ResponseBody:
        """List the aggregates of one provider.

        :param rp_uuid: UUID of the provider.
        :returns: ``{'aggregates': [UUID], 'resource_provider_generation':
            int}``.
        """
        return super().list_resource_provider_aggregates(_quoted(rp_uuid))

    def list_resource_provider_usages(
            self, rp_uuid: str) -> rest_client.ResponseBody:
        """Show how much of one provider Placement counts as used.

        :param rp_uuid: UUID of the provider; its children are left out.
        :returns: ``{'usages': {class: amount}, 'resource_provider_generation':
            int}``.
        """
        return super().list_resource_provider_usages(_quoted(rp_uuid))

    def list_project_usages(self, project_id: str) -> rest_client.ResponseBody:
        """Show what all consumers of a project hold together.

        :param project_id: ID of the project.
        :returns: ``{'usages': {class: amount}}``.
        """
        return self._show(
            '/usages?%s' % parse.urlencode({'project_id': project_id}))

    def create_trait(self, name: str, **params: str) -> int:
        """Make a trait known, if it is not.

        Placement reads no body of this request, and tempest.lib sends ``{}``.
        Apache with uWSGI may answer 502 or 503 to a request whose body nobody
        reads.

        :param name: Name of the trait.
        :param params: Nothing; as tempest.lib has it.
        :returns: The HTTP status.
        """
        resp, _ = self.put('/traits/%s' % _quoted(name), None)
        self.expected_success([201, 204], resp.status)
        return resp.status

    def put_allocations(self, consumer_uuid: str,
                        **allocations: typing.Any) -> rest_client.ResponseBody:
        """Replace what a consumer holds.

        :param consumer_uuid: UUID of the consumer.
        :param allocations: The fields of the request: ``allocations``,
            ``project_id``, ``user_id``, and ``consumer_generation``, which is
            None for a consumer that holds nothing yet.
        :returns: An empty body.
        """
        resp, body = self.put('/allocations/%s' % _quoted(consumer_uuid),
                              json.dumps(allocations))
        self.expected_success(204, resp.status)
        return rest_client.ResponseBody(resp, body)

    def delete_allocations(
            self, consumer_uuid: str) -> rest_client.ResponseBody:
        """Remove all that a consumer holds.

        :param consumer_uuid: UUID of the consumer.
        :returns: An empty body.
        :raises tempest.lib.exceptions.NotFound: the consumer holds nothing.
        """
        resp, body = self.delete('/allocations/%s' % _quoted(consumer_uuid))
        self.expected_success(204, resp.status)
        return rest_client.ResponseBody(resp, body)

    def _show(self, url):
        resp, body = self.get(url)
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))


def _quoted(part):
    return parse.quote(part, safe='')
