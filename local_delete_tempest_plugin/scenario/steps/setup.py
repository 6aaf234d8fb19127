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

"""What a class of scenarios has before its first test, and gives back.

Credentials, clients, the run's trait, and a flavor that brings the member's
servers to the leased hosts.
"""

import atexit

from tempest.common import credentials_factory
from tempest import config
from tempest.lib.common import api_version_request
from tempest.lib.common import fixed_network
from tempest.lib.common.utils import data_utils
from tempest.lib import exceptions as lib_exc
from tempest import test

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import undo
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.safety import run

CONF = config.CONF


class RunTest(test.BaseTestCase):
    """A class of scenarios of one run."""

    credentials = ['project_member', 'admin']

    #: Whether the project's network has a way to the external one.
    NEEDS_ROUTER = False

    # Of the process, not of a class: what one class could not undo stays in
    # the journal while the next one writes to it.
    this_run = run.Run()
    journal = journal.Journal(this_run.id)

    _credentials_intent = None
    _bounded = None

    # Ctrl-C and SIGTERM end a run without its classes' clean-ups.
    atexit.register(journal.say_what_is_left)

    @classmethod
    def skip_checks(cls):
        super().skip_checks()
        if not CONF.service_available.nova:
            raise cls.skipException('[service_available] nova is False')
        if not CONF.local_delete.allow_outages:
            raise cls.skipException(
                '[local_delete] allow_outages is False: set it to True where '
                'the computes of target_hosts may be taken down')
        if not any(CONF.local_delete.target_hosts):
            raise cls.skipException(
                '[local_delete] target_hosts is empty: name the hosts whose '
                'compute service may be taken down')
        cls._skip_unless_in_range(
            'compute', admin.COMPUTE_MICROVERSION, required=True)
        cls._skip_unless_in_range(
            'placement', admin.PLACEMENT_MICROVERSION, required=False)
        for option in ('image_ref', 'flavor_ref'):
            if not CONF.compute[option]:
                raise lib_exc.InvalidConfiguration(
                    '[compute] %s is not set' % option)

    @classmethod
    def _skip_unless_in_range(cls, group, version, required):
        options = getattr(CONF, group)
        lowest, highest = options.min_microversion, options.max_microversion
        needed = api_version_request.APIVersionRequest(version)
        if highest is None:
            within = not required
        else:
            within = api_version_request.APIVersionRequest(
                lowest or '1.0') <= needed <= (
                    api_version_request.APIVersionRequest(highest))
        if not within:
            raise cls.skipException(
                '%s microversion %s is needed, and [%s] min_microversion = '
                '%s, max_microversion = %s do not allow it' % (
                    group, version, group, lowest, highest))

    @classmethod
    def setup_credentials(cls):
        signals.end_as_ctrl_c_does()
        # Here and not later, for this is where the first request is sent.
        cls._bounded = transport.BoundedFixture()
        cls._bounded.setUp()
        endpoints.require_tls(accounts.log_in_admin)
        cls.set_network_resources(network=True, subnet=True, dhcp=True,
                                  router=cls.NEEDS_ROUTER)
        cls.dead_journals = list(journal.find_dead())
        for dead in cls.dead_journals:
            if not CONF.local_delete.recover_on_start:
                raise exceptions.JournalUnusable(
                    path=dead.path, problem='is of a run that died: see what '
                    'it left with "tempest local-delete recover --dry-run"')
            undo.release_accounts(dead.run_id)
        cls._credentials_intent = cls.journal.intend(
            'credentials', run_id=cls.this_run.id)
        super().setup_credentials()

    @classmethod
    def clear_credentials(cls):
        try:
            super().clear_credentials()
            if cls._credentials_intent is not None:
                cls._undo_credentials()
                cls.journal.strike(cls._credentials_intent)
        finally:
            if cls._bounded is not None:
                cls._bounded.cleanUp()

    @classmethod
    def _undo_credentials(cls):
        # Tempest forgets what it had half made when a request failed. It goes
        # first all the same, for in a project that is gone the list of
        # security groups makes one.
        if CONF.auth.use_dynamic_credentials:
            undo.Recovery(admin.Admin.of(
                accounts.log_in_admin())).undo(cls._credentials_intent)

    @classmethod
    def _get_credentials_provider(cls):
        # Tempest names what it makes after the class alone, so that nobody
        # could tell what a dead run left from what a live one needs.
        name = '%s-%s' % (cls.__name__, cls.this_run.name)
        provider = getattr(cls, '_creds_provider', None)
        if not provider or provider.name != name:
            cls._creds_provider = credentials_factory.get_credentials_provider(
                name=name, network_resources=cls._network_resources)
        return cls._creds_provider

    @classmethod
    def setup_clients(cls):
        super().setup_clients()
        cls.member = cls.os_project_member
        cls.servers_client = cls.member.servers_client
        cls.admin = admin.Admin.of(cls.os_admin)
        cls.admin_servers_client = cls.admin.servers_client
        cls.placement = cls.admin.placement
        cls.services = cls.admin.services

    @classmethod
    def resource_setup(cls):
        super().resource_setup()
        microversions = admin.microversions()
        microversions.setUp()
        cls.addClassResourceCleanup(microversions.cleanUp)
        cls.recovery = undo.Recovery(cls.admin)
        dead_runs, cls.dead_journals = cls.dead_journals, []
        cls.recovery.recover_all(dead_runs)
        cls.project_id = cls.member.credentials.project_id
        cls.guard = guard.Guard(cls.this_run, cls.admin)
        cls.lease = lease.Lease(cls.admin, cls.this_run.trait)
        cls._intend('trait', trait=cls.this_run.trait)
        cls.lease.create_trait()
        cls.flavor_id = cls.create_flavor(CONF.compute.flavor_ref)
        cls.networks = cls._find_networks()

    @classmethod
    def _name(cls):
        return data_utils.rand_name(prefix=CONF.resource_name_prefix,
                                    name=cls.this_run.name)

    @classmethod
    def _intend(cls, kind, **what):
        """Write a change down, and see to it that it is undone."""
        intent = cls.journal.intend(kind, **what)
        cls.addClassResourceCleanup(cls._undo, intent)

    @classmethod
    def _undo(cls, intent):
        with signals.held_back():
            cls.recovery.undo(intent)
            cls.journal.strike(intent)

    @classmethod
    def create_flavor(cls, model_id, **specs):
        """Make a flavor again, private and bound to the lease.

        :param model_id: Id of the flavor that it is like.
        :param specs: More extra specs.
        :returns: The id of the flavor.
        """
        client = cls.admin.flavors_client
        model = client.show_flavor(model_id)['flavor']
        specs = dict(client.list_flavor_extra_specs(
            model['id'])['extra_specs'], **specs)
        name = cls._name()
        cls._intend('flavor', name=name)
        flavor_id = client.create_flavor(
            name=name,
            ram=model['ram'], vcpus=model['vcpus'], disk=model['disk'],
            ephemeral=model['OS-FLV-EXT-DATA:ephemeral'],
            **{'os-flavor-access:is_public': False})['flavor']['id']
        client.set_flavor_extra_spec(
            flavor_id, **dict(specs, **{
                'trait:%s' % cls.lease.trait: 'required'}))
        client.add_flavor_access(flavor_id, cls.project_id)
        return flavor_id

    @classmethod
    def _find_networks(cls):
        """Say which networks a server gets; needed since microversion 2.37.

        :returns: What ``POST /servers`` takes as ``networks``: the network of
            the credentials, tempest.conf's, or the project's only one; and
            none where that leaves a choice, since Placement is the same.
        """
        if not CONF.service_available.neutron:
            return 'none'
        provider = cls._get_credentials_provider()
        networks = [provider.get_project_member_creds().network]
        client = cls.member.networks_client
        if not networks[0] and CONF.compute.fixed_network_name:
            networks = [fixed_network.get_network_from_name(
                CONF.compute.fixed_network_name, client)]
        elif not networks[0]:
            networks = client.list_networks(
                project_id=cls.project_id)['networks']
        if len(networks) != 1:
            return 'none'
        return [{'uuid': networks[0]['id']}]
