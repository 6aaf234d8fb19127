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

"""Steps of stories about who may do what."""

from collections.abc import Callable
import dataclasses
import functools
from typing import Any

from tempest import config
from tempest.lib.common.utils import data_utils
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario.steps import base
from local_delete_tempest_plugin.scenario.steps import footprint

CONF = config.CONF

FORBIDDEN = 403
NOT_FOUND = 404
UNAUTHORIZED = 401

# A service that refuses a request does not read its body. Apache with uWSGI
# then answers one of these to one in ten requests, and the refusal is lost.
_OF_FRONT_END = (502, 503)

# How often a refusal is asked for that a front end has lost.
_ASKS = 8


@dataclasses.dataclass(frozen=True)
class Persona:
    """One of Tempest's personas, logged in.

    :param name: Its name, as ``credentials`` of a test class has it.
    :param manager: Its ``tempest.clients.Manager``.
    :param roles: Names of its roles.
    """

    name: str
    manager: Any
    roles: frozenset

    @classmethod
    def of(cls, name: str, manager: Any) -> 'Persona':
        """Read from the token of a login who it is.

        :param name: As for the class.
        :param manager: As for the class.
        """
        return cls(name, manager, frozenset(accounts.roles_of(manager)))

    @property
    def project_id(self) -> str:
        """Id of the project that the persona is logged in to."""
        return self.manager.credentials.project_id

    def __str__(self) -> str:
        return '%s (user %s with the roles %s in project %s)' % (
            self.name, self.manager.credentials.username,
            ', '.join(sorted(self.roles)), self.project_id)


class Personas(base.BaseLocalDeleteTest):
    """A member, a reader, another project's member, and nobody at all.

    :cvar project_member: The ``Persona`` of the member.
    :cvar project_reader: The ``Persona`` of a reader of the same project.
    :cvar other_member: The ``Persona`` of another project's member.
    :cvar project_admin: The ``Persona`` of the admin.
    """

    credentials = ['project_member', 'project_reader', 'project_alt_member',
                   'admin']

    @classmethod
    def skip_checks(cls) -> None:
        super().skip_checks()
        if CONF.auth.use_dynamic_credentials:
            if accounts.MEMBER_ROLE in CONF.auth.tempest_roles:
                raise cls.skipException(
                    '[auth] tempest_roles has %s, which Tempest gives to '
                    'readers too: take it out, because members get it anyway' %
                    accounts.MEMBER_ROLE)
            return
        listed = accounts.read()
        readers = [one for one in listed if one.is_project_reader]
        members = [one for one in listed if one.is_project_member]
        if not readers or len(members) < 2:
            raise cls.skipException(
                '%s has %d accounts with the role %s and without %s, and one '
                'is needed; and %d with %s, and two are needed' % (
                    CONF.auth.test_accounts_file, len(readers),
                    accounts.READER_ROLE, accounts.MEMBER_ROLE, len(members),
                    accounts.MEMBER_ROLE))
        if len({one.project for one in members}) < 2:
            raise cls.skipException(
                'all accounts with the role %s in %s are in one project, and '
                'a member of another project is needed' % (
                    accounts.MEMBER_ROLE, CONF.auth.test_accounts_file))

    @classmethod
    def setup_credentials(cls) -> None:
        if not CONF.auth.use_dynamic_credentials:
            # Tempest has no such persona for accounts that it did not make.
            cls.credentials = [
                [name, accounts.MEMBER_ROLE] if name == 'project_alt_member'
                else name for name in Personas.credentials]
        super().setup_credentials()

    @classmethod
    def setup_clients(cls) -> None:
        super().setup_clients()
        cls.project_member = Persona.of('project_member', cls.member)
        cls.project_reader = Persona.of(
            'project_reader', cls.os_project_reader)
        cls.other_member = Persona.of(
            'project_alt_member', cls.os_project_alt_member)
        cls.project_admin = Persona.of('admin', cls.os_admin)

    def setUp(self) -> None:
        super().setUp()
        if accounts.MEMBER_ROLE in self.project_reader.roles:
            self.skipTest('%s is more than a reader: list an account that has '
                          'only the role of a reader' % self.project_reader)
        if self.other_member.project_id == self.testbed.project_id:
            self.skipTest('%s is in the project of %s' % (
                self.other_member, self.project_member))

    def assert_refused(self, who: Any, what: str, status: int,
                       ask: Callable[[], Any]) -> None:
        """Fail unless a request is refused.

        :param who: A ``Persona``, or words for who sends the request.
        :param what: Words for the request.
        :param status: The HTTP status of the refusal.
        :param ask: Callable without arguments that sends the request.
        """
        for _ in range(_ASKS):
            seen = self._status_of(ask)
            if seen not in _OF_FRONT_END:
                break
        if seen != status:
            self.fail('%s was answered %s to %s, and should have been refused '
                      'with %d' % (who, seen, what, status))

    def _status_of(self, ask):
        try:
            answer = ask()
        except lib_exc.RestClientException as error:
            return error.resp.status
        # Some of Tempest's calls return the status alone.
        return getattr(getattr(answer, 'response', None), 'status', answer)

    def assert_service_refused(self, persona: Persona) -> None:
        """Fail if somebody can change the leased host's compute service.

        What somebody changed all the same is given back.

        :param persona: Who tries it.
        """
        def attempt(service):
            for settings in ({'forced_down': True}, {'status': 'disabled'}):
                self.assert_refused(
                    persona, 'PUT /os-services/%s of host %s with %s' % (
                        service.id, service.host, settings), FORBIDDEN,
                    functools.partial(
                        persona.manager.services_client.update_service,
                        service.id, **settings))

        with self.compute_outage(compute_outage.Attempt, fence=False,
                                 attempt=attempt):
            pass

    def assert_placement_refused(self, persona: Persona) -> None:
        """Fail if somebody can use more of Placement than the own usages.

        Nothing is changed even if Placement lets somebody in. Each write puts
        what is there already, or is answered with 404 or 409.

        :param persona: Who tries it.
        """
        for what, ask in self._placement_calls(persona).items():
            self.assert_refused(persona, what, FORBIDDEN, ask)

    def _placement_calls(self, persona):
        clients = persona.manager.local_delete_placement
        client = clients.PlacementClient()
        provider = self.hosts.target.provider_id
        nobody = data_utils.rand_uuid()
        no_trait = run.TRAIT_PREFIX + data_utils.rand_uuid_hex().upper()
        kept = self.admin.placement.list_resource_provider_traits(provider)
        held = {provider: {'resources': {'VCPU': 1}}}
        own_trait = self.testbed.lease.trait
        bind = functools.partial
        return {
            'GET /allocation_candidates': bind(
                clients.CandidatesClient().list_allocation_candidates,
                resources='VCPU:1', in_tree=provider),
            'GET /allocations/{consumer}': bind(
                client.list_allocations, nobody),
            'PUT /allocations/{consumer}': bind(
                client.put_allocations, nobody, allocations=held,
                project_id=persona.project_id, user_id=nobody,
                # 409, because there is no such consumer.
                consumer_generation=1),
            'DELETE /allocations/{consumer}': bind(
                client.delete_allocations, nobody),
            'GET /resource_providers': bind(
                client.list_resource_providers, in_tree=provider),
            'GET /resource_providers/{id}/allocations': bind(
                client.list_provider_allocations, provider),
            'GET /resource_providers/{id}/traits': bind(
                client.list_resource_provider_traits, provider),
            'PUT /resource_providers/{id}/traits': bind(
                client.update_resource_provider_traits, provider,
                traits=kept['traits'], resource_provider_generation=kept[
                    'resource_provider_generation']),
            'GET /traits/{name}': bind(client.show_trait, own_trait),
            'PUT /traits/{name}': bind(client.create_trait, own_trait),
            'DELETE /traits/{name}': bind(client.delete_trait, no_trait),
            'GET /usages of another project': bind(
                client.list_project_usages, self.project_admin.project_id),
        }

    def assert_own_usages_shown(self, persona: Persona) -> None:
        """Fail unless somebody is shown what the own project holds.

        :param persona: Who asks.
        """
        client = persona.manager.local_delete_placement.PlacementClient()
        try:
            client.list_project_usages(persona.project_id)
        except lib_exc.RestClientException as error:
            self.fail('%s was answered %s to GET /usages of its own project, '
                      'and should have been shown the usages' % (
                          persona, error.resp.status))

    def assert_delete_forbidden(self, persona: Persona,
                                server: footprint.Server) -> None:
        """Fail if somebody can delete a server without a right to.

        :param persona: Who tries it: a reader, or another project's member.
        :param server: A server. It has to be as before afterwards.
        """
        client = persona.manager.servers_client
        status = (FORBIDDEN if persona.project_id == self.testbed.project_id
                  else NOT_FOUND)
        for what, ask in (('DELETE', client.delete_server),
                          ('forceDelete', client.force_delete_server)):
            self.assert_refused(persona, '%s of %s' % (what, server), status,
                                functools.partial(ask, server.id))
        self.assert_kept(server)

    def assert_unknown_refused(self, headers: dict[str, str]) -> None:
        """Fail if a request without a valid token is let in.

        :param headers: The headers that it is sent with.
        """
        nobody = data_utils.rand_uuid()
        for client, method, path in (
                (self.os_admin.services_client, 'GET', 'os-services'),
                (self.member.servers_client, 'GET', 'servers'),
                (self.member.servers_client, 'DELETE', 'servers/' + nobody),
                (self.admin.placement, 'GET', 'resource_providers'),
                (self.admin.placement, 'GET', 'allocations/' + nobody),
                (self.admin.placement, 'DELETE', 'allocations/' + nobody)):
            url = '%s/%s' % (client.base_url.rstrip('/'), path)
            try:
                resp, _ = client.http_obj.request(url, method, headers=headers)
                seen = resp.status
            except exceptions.InvalidAnswer as error:
                # The request names no microversion, so a service that lets it
                # in gives an answer that the plugin cannot use.
                seen = str(error)
            self.assertEqual(
                UNAUTHORIZED, seen, '%s %s with %s token should have '
                'been refused' % (method, url,
                                  'an invalid' if headers else 'no'))
