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

"""The steps of every scenario."""

import atexit
import contextlib
import dataclasses
import json
import random
import time

from oslo_log import log as logging
from tempest.common import credentials_factory
from tempest import config
from tempest.lib.common import api_version_request
from tempest.lib.common import fixed_network
from tempest.lib.common.utils import data_utils
from tempest.lib import exceptions as lib_exc
from tempest import test
from testtools import content

from local_delete_tempest_plugin import accounts
from local_delete_tempest_plugin import admin
from local_delete_tempest_plugin import endpoints
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin import footprint
from local_delete_tempest_plugin import guard
from local_delete_tempest_plugin import http
from local_delete_tempest_plugin import interrupts
from local_delete_tempest_plugin import journal
from local_delete_tempest_plugin import lease
from local_delete_tempest_plugin import outage
from local_delete_tempest_plugin import recovery
from local_delete_tempest_plugin import run
from local_delete_tempest_plugin import waiters

CONF = config.CONF
LOG = logging.getLogger(__name__)

# What nova-compute records in the action once the delete has reached it.
COMPUTE_DELETE_EVENT = 'compute_terminate_instance'


@dataclasses.dataclass(frozen=True)
class Server:
    """A server of the run, as it was when it became ACTIVE."""

    id: str
    name: str
    host: str
    created: str

    def __str__(self):
        return 'server %s (%s) on host %s' % (self.name, self.id, self.host)


@dataclasses.dataclass
class Watch:
    """The readings around the servers of one story, and its deletes."""

    before: footprint.Reading
    during: footprint.Reading = None
    servers: list = dataclasses.field(default_factory=list)
    delete_requests: list = dataclasses.field(default_factory=list)
    was_late: bool = False

    @property
    def server_ids(self):
        return [server.id for server in self.servers]


class BaseLocalDeleteTest(test.BaseTestCase):
    """A member's server, an admin's outage, and Placement as the judge."""

    credentials = ['project_member', 'admin']

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
        interrupts.end_as_ctrl_c_does()
        # Here and not later, for this is where the first request is sent.
        cls._bounded = http.BoundedFixture()
        cls._bounded.setUp()
        endpoints.require_tls(accounts.log_in_admin)
        cls.set_network_resources(network=True, subnet=True, dhcp=True)
        cls.dead_journals = list(journal.find_dead())
        for dead in cls.dead_journals:
            if not CONF.local_delete.recover_on_start:
                raise exceptions.JournalUnusable(
                    path=dead.path, problem='is of a run that died: see what '
                    'it left with "tempest local-delete recover --dry-run"')
            recovery.release_accounts(dead.run_id)
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
            recovery.Recovery(admin.Admin.of(
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
        cls.servers_client = cls.os_project_member.servers_client
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
        cls.recovery = recovery.Recovery(cls.admin)
        dead_runs, cls.dead_journals = cls.dead_journals, []
        cls.recovery.recover_all(dead_runs)
        cls.project_id = cls.os_project_member.credentials.project_id
        cls.guard = guard.Guard(cls.this_run, cls.admin)
        cls.lease = lease.Lease(cls.admin, cls.this_run.trait)
        cls._intend('trait', trait=cls.this_run.trait)
        cls.lease.create_trait()
        cls.flavor_id = cls._create_flavor()
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
        with interrupts.held_back():
            cls.recovery.undo(intent)
            cls.journal.strike(intent)

    @classmethod
    def _create_flavor(cls):
        """Make tempest.conf's flavor again, private and bound to the lease.

        :returns: The id of the flavor.
        """
        client = cls.admin.flavors_client
        model = client.show_flavor(CONF.compute.flavor_ref)['flavor']
        specs = client.list_flavor_extra_specs(model['id'])['extra_specs']
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
        client = cls.os_project_member.networks_client
        if not networks[0] and CONF.compute.fixed_network_name:
            networks = [fixed_network.get_network_from_name(
                CONF.compute.fixed_network_name, client)]
        elif not networks[0]:
            networks = client.list_networks(
                project_id=cls.project_id)['networks']
        if len(networks) != 1:
            return 'none'
        return [{'uuid': networks[0]['id']}]

    def setUp(self):
        super().setUp()
        self.target = None
        self.reader = None
        self.watch = None

    @contextlib.contextmanager
    def footprint_unchanged(self):
        """Fail if the body leaves anything behind of what it made.

        :returns: A context manager that gives a ``Watch``.
        """
        if self.target is None:
            self.target = self._lease_host()
            self.reader = footprint.Reader(
                self.placement, self.servers_client, self.target,
                self.project_id, self.this_run.servers)
        self.watch = Watch(before=self.reader.read(own=()))
        self._attach('before', self.watch.before)
        yield self.watch
        self.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    def _lease_host(self):
        refusals = []
        hosts = [service.host for service in self.services.list()
                 if guard.is_target(service.host)]
        random.shuffle(hosts)
        for host in hosts:
            try:
                target = self.services.target_host(host)
                self.guard.check(target)
                self._intend_here('lease', provider_id=target.provider_id,
                                  trait=self.lease.trait)
                self.lease.take(target.provider_id)
            except exceptions.OutageRefused as refusal:
                LOG.info('Not leasing host %s: %s', host, refusal)
                refusals.append(str(refusal))
            else:
                LOG.info('Leased %s', target)
                return target
        self.skipTest('no host to take down: %s' % (
            '; '.join(refusals) or 'Nova has no compute service on any of '
            '[local_delete] target_hosts = %s' % ', '.join(
                CONF.local_delete.target_hosts)))

    def _intend_here(self, kind, **what):
        """Write a change down, to be undone when the test ends."""
        self.addCleanup(self._undo, self.journal.intend(kind, **what))

    def create_server(self):
        """Create a server on the leased host, as the member.

        :returns: A ``Server`` that is ACTIVE and holds allocations.
        """
        # An audit of the compute may have taken it off: see lease.py.
        self.lease.take(self.target.provider_id)
        name = self._name()
        self._intend_here('server', name=name)
        server_id = self.servers_client.create_server(
            name=name, imageRef=CONF.compute.image_ref,
            flavorRef=self.flavor_id, networks=self.networks)['server']['id']
        self.this_run.servers.add(server_id)
        shown = waiters.wait_until(
            lambda: self.admin_servers_client.show_server(
                server_id)['server'],
            lambda shown: shown['status'] in ('ACTIVE', 'ERROR'),
            'server %s is ACTIVE' % server_id,
            CONF.compute.build_timeout)
        if shown['status'] == 'ERROR':
            self.fail('server %s (%s), which needs trait %s and flavor %s, '
                      'became ERROR instead of ACTIVE: %s' % (
                          name, server_id, self.lease.trait, self.flavor_id,
                          shown.get('fault', {}).get('message')))
        server = Server(id=server_id, name=name,
                        host=shown['OS-EXT-SRV-ATTR:host'],
                        created=shown['created'])
        self.assertEqual(self.target.host, server.host,
                         '%s should be on the leased %s' % (
                             server, self.target))
        self.watch.servers.append(server)
        self._read_during(server)
        return server

    def _read_during(self, server):
        self.watch.during = self._read()
        self._attach('during', self.watch.during)
        held = self.watch.during.by_consumer[server.id]
        self.assertTrue(
            held.get(self.target.provider_id),
            '%s is ACTIVE and holds nothing on %s in Placement; it holds '
            '%s' % (server, self.target, held))

    @contextlib.contextmanager
    def outage(self, away):
        """Take a service away for the body, and give it back after it.

        :param away: An ``outage.Outage`` that has not begun.
        :returns: A context manager that gives the outage.
        """
        self.useFixture(away)
        try:
            try:
                away.begin()
            except exceptions.OutageRefused as refusal:
                self.skipTest(str(refusal))
            yield away
        finally:
            # The fixture's clean-up does it again should this be cut short.
            away.restore()

    def forced_down(self):
        """Force the leased compute down for the body of a ``with``."""
        return self._compute_outage(outage.ForcedDown)

    def compute_stopped(self):
        """Stop the leased compute for real for the body of a ``with``."""
        return self._compute_outage(outage.Stopped)

    def _compute_outage(self, kind):
        fence = (self.this_run.fence_reason if CONF.local_delete.fence_host
                 else None)
        return self.outage(kind(self.admin, self.journal, self.guard,
                                self.target, fence))

    def disabled(self):
        """Disable the leased compute for the body of a ``with``."""
        return self.outage(outage.Disabled(
            self.admin, self.journal, self.guard, self.target,
            self.this_run.fence_reason))

    def placement_stopped(self, answer):
        """Take Placement away from all for the body of a ``with``.

        :param answer: An answer of ``outage.PlacementStopped``.
        """
        return self.outage(outage.PlacementStopped(
            self.admin, self.journal, answer))

    def skip_unless_placement_may_stop(self, answer):
        """Skip where a needed command or permission is missing.

        :param answer: An answer of ``outage.PlacementStopped``.
        """
        missing = outage.missing_for(answer)
        if missing:
            self.skipTest(missing)

    def delete_server(self, server):
        """Delete a server as the member, and wait until it answers 404.

        :param server: A ``Server``.
        :returns: The request id of the delete.
        """
        answer = self.servers_client.delete_server(server.id)
        request_id = answer.response['x-openstack-request-id']
        self.watch.delete_requests.append(request_id)
        self._await_gone(server.id)
        return request_id

    def _await_gone(self, server_id):
        waiters.wait_until(
            lambda: self._server_state(server_id), lambda state: not state,
            'server %s answers 404' % server_id,
            CONF.local_delete.delete_timeout)

    def _server_state(self, server_id):
        try:
            shown = self.servers_client.show_server(server_id)['server']
        except lib_exc.NotFound:
            return None
        return 'status %s, task state %s' % (
            shown['status'], shown.get('OS-EXT-STS:task_state'))

    def delete_server_locally(self, server):
        """Delete a server, and prove that the API did it alone.

        :param server: A ``Server`` whose compute is down.
        """
        request_id = self.delete_server(server)
        service = self.services.show(server.host)
        self.assertEqual('down', service.state,
                         '%s was deleted and should have been so while its '
                         'compute was down: %s' % (server, service))
        self.assertNotIn(
            COMPUTE_DELETE_EVENT, self._delete_events(server, request_id),
            '%s: request %s should have deleted it locally, and its compute '
            'took part' % (server, request_id))

    def delete_server_through_compute(self, server):
        """Delete a server, and prove that its compute did it.

        :param server: A ``Server`` whose compute is up.
        """
        request_id = self.delete_server(server)
        self.assertIn(
            COMPUTE_DELETE_EVENT, self._delete_events(server, request_id),
            '%s: request %s should have been carried out by its compute, '
            'which is up, and was a local delete' % (server, request_id))

    def assert_delete_refused(self, server):
        """Fail unless a delete is refused and the server stays.

        :param server: A ``Server``.
        """
        try:
            answer = self.servers_client.delete_server(server.id)
        except lib_exc.Conflict:
            self.assertIsNotNone(
                self._server_state(server.id),
                '%s: its delete was refused with 409, and yet it is gone'
                % server)
            return
        self.fail('%s: its delete answered %s, and should have been refused '
                  'with 409 while a proxy answers 503 for Placement' % (
                      server, answer.response.status))

    def _delete_events(self, server, request_id):
        """Name the events of a delete, which Nova records a moment later."""
        waiters.wait_until(
            lambda: [
                (action['action'], action['request_id']) for action in
                self.admin_servers_client.list_instance_actions(
                    server.id)['instanceActions']],
            lambda actions: ('delete', request_id) in actions,
            'the delete %s of %s is among its actions' % (request_id, server),
            CONF.local_delete.action_timeout)
        action = self.admin_servers_client.show_instance_action(
            server.id, request_id)['instanceAction']
        return [event['event'] for event in action['events']]

    def assert_nothing_left(self, limit):
        """Wait until the footprint is what it was before the create.

        :param limit: Seconds.
        """
        started = time.monotonic()
        looks = []

        def look():
            looks.append(self._read())
            return footprint.find_leaks(
                self.watch.before, self.watch.during, looks[-1],
                self.project_id)

        # The time-out has nothing to add to the words for what is left.
        with contextlib.suppress(lib_exc.TimeoutException):
            waiters.wait_until(look, lambda leaks: not leaks,
                               'nothing is left', limit)
        leaks = footprint.find_leaks(
            self.watch.before, self.watch.during, looks[-1], self.project_id)
        self._attach('after', looks[-1])
        if leaks:
            self.fail(self._words_for(leaks, time.monotonic() - started))
        self.watch.was_late |= len(looks) > 1

    def assert_leaked(self, server):
        """Fail unless all that a server held while it lived is left.

        :param server: A ``Server``.
        """
        now = self._read()
        self._attach('leaked', now)
        self.assertEqual(
            self.watch.during.by_consumer[server.id],
            now.by_consumer[server.id],
            '%s: what it held should be left in Placement at this moment, '
            'all of it' % server)

    def _read(self):
        return self.reader.read(
            own=self.watch.server_ids, known=self.watch.before,
            since=min(server.created for server in self.watch.servers))

    def _words_for(self, leaks, waited):
        return ('what Placement holds is not what it held before the create '
                'of %s:\n%s\nleased %s; waited %.1f s; deleted by request '
                '%s' % (
                    ', '.join(map(str, self.watch.servers)),
                    footprint.describe_leaks(
                        leaks, self.reader.provider_names, self.project_id),
                    self.target, waited,
                    ', '.join(self.watch.delete_requests) or 'none'))

    def _attach(self, when, reading):
        # As text: a runner shows nothing of a detail of type JSON.
        self.addDetailUniqueName(
            'footprint-%s.json' % when, content.text_content(
                json.dumps(reading.as_json(), indent=1, sort_keys=True)))
