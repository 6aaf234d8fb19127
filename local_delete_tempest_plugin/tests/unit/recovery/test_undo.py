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

import contextlib
import dataclasses
import io
import pathlib
import time
from unittest import mock

import fixtures
from tempest.lib import exceptions as lib_exc
import urllib3

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import credentials
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.recovery import leases
from local_delete_tempest_plugin.recovery import servers
from local_delete_tempest_plugin.recovery import undo
from local_delete_tempest_plugin.safety import change
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

RUN = run.Run('0123456789AB')

MIGRATION = 2


class RecoveryTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.config(group='oslo_concurrency', lock_path=str(self.folder))
        self.config('service_available', neutron=False, cinder=False)
        self.cloud = fake_cloud.FakeCloud()
        self.target = self.cloud.add_compute('cmp1', 11)
        self.before = self.cloud.settings_of('cmp1')
        self.compute = compute_outage.ComputeChange(
            'forced-down', self.target, RUN.fence_reason,
            self.cloud.compute_services().show('cmp1'))
        self.lease = leases.LeaseChange(self.target.provider_id, RUN.trait)
        self.recovery = undo.Recovery(self.cloud.admin())

    def recover(self, *made):
        """Recover an abandoned run that made some changes."""
        abandoned = _Abandoned(RUN.id, [
            change.Intent(number, one) for number, one in enumerate(made, 1)])
        try:
            self.recovery.recover(abandoned)
        finally:
            self.recovered = abandoned.recovered

    def take_down(self):
        self.cloud.service_of('cmp1').update(
            forced_down=True, status='disabled',
            disabled_reason=RUN.fence_reason)
        self.cloud.traits[self.target.provider_id] |= {
            RUN.trait, fake_cloud.DISABLED_TRAIT}

    def test_everything_is_given_back_the_last_thing_first(self):
        self.take_down()
        self.recover(self.lease, self.compute)
        self.assertEqual(self.before, self.cloud.settings_of('cmp1'))
        self.assertTrue(self.recovered)
        changed = [call.split('/')[0] for call in self.cloud.calls('PUT')]
        self.assertEqual(['PUT os-services'] * 2 + ['PUT resource_providers'],
                         changed)

    def test_nothing_to_do_where_nothing_was_changed(self):
        self.recover(self.lease, self.compute)
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))

    def test_server_that_is_stuck_in_deleting(self):
        """Its host is up again, so Nova ignores a further delete."""
        self.cloud.servers.update(one='deleting', two='ACTIVE')
        self.config(delete_timeout=1)
        self.recover(servers.ServerChange('server'))
        self.assertEqual({'one': 'deleted', 'two': 'deleted'},
                         self.cloud.servers)
        self.assertEqual(
            ['POST servers/one/action'] * 2 + ['POST servers/two/action'],
            self.cloud.calls('POST'))

    def test_server_that_is_stuck_in_soft_deleting(self):
        """It is where the cloud reclaims, and Nova ignores deletes again."""
        self.cloud.servers['one'] = 'soft-deleting'
        self.config(delete_timeout=1)
        self.recover(servers.ServerChange('server'))
        self.assertEqual({'one': 'deleted'}, self.cloud.servers)

    def test_server_that_is_gone_costs_two_lists(self):
        """Each story ends with this undo, and a list is costly."""
        self.cloud.servers['one'] = 'deleted'
        self.recover(servers.ServerChange('server'))
        self.assertEqual(2, len([call for call in self.cloud.calls('GET')
                                 if call.startswith('GET servers')]))

    def test_servers_of_later_pages_are_deleted(self):
        self.cloud.servers.update(dict.fromkeys('abc', 'ACTIVE'))
        self.cloud.page_size = 2
        self.config(delete_timeout=1)
        self.recover(servers.ServerChange('server'))
        self.assertEqual({'deleted'}, set(self.cloud.servers.values()))

    def test_servers_of_later_pages_are_found(self):
        self.config(target_hosts=['*'])
        self.cloud.servers.update(dict.fromkeys(
            ['a', 'b', fake_cloud.uuid(1)], 'ACTIVE'))
        self.cloud.names[fake_cloud.uuid(1)] = RUN.name
        self.cloud.hold(1, 11, project_id='of the run', VCPU=1)
        self.cloud.page_size = 2
        self.assertEqual({'credentials', 'server'},
                         set(self.find_in_cloud('of the run')))

    def test_server_that_was_deleted_softly(self):
        self.cloud.servers['one'] = 'SOFT_DELETED'
        self.config(delete_timeout=1)
        self.recover(servers.ServerChange('server'))
        self.assertEqual({'one': 'deleted'}, self.cloud.servers)

    def test_what_a_migration_holds_goes_after_its_server(self):
        self.config(cleanup_timeout=1)
        self.cloud.servers['one'] = 'ACTIVE'
        self.cloud.hold(MIGRATION, 11, VCPU=1)
        self.recover(servers.MigrationChange(
            fake_cloud.uuid(MIGRATION), 'server'))
        self.assertEqual(({'one': 'deleted'}, {}),
                         (self.cloud.servers, self.cloud.allocations))
        self.assertEqual(['POST servers/one/action', 'DELETE allocations/%s'
                          % fake_cloud.uuid(MIGRATION)],
                         self.cloud.calls('POST', 'DELETE'))

    def test_migration_that_nobody_wrote_down(self):
        """It is found by its server while that is there."""
        self.config(cleanup_timeout=1)
        server = fake_cloud.uuid(1)
        self.cloud.servers[server] = 'ACTIVE'
        self.cloud.migrations.append({
            'uuid': fake_cloud.uuid(MIGRATION), 'instance_uuid': server,
            'status': 'finished', 'source_compute': 'cmp1',
            'dest_compute': 'cmp2'})
        self.cloud.hold(MIGRATION, 11, VCPU=1)
        self.recover(servers.ServerChange('server'))
        self.assertEqual({}, self.cloud.allocations)

    def test_a_server_that_got_another_name_keeps_what_it_holds(self):
        self.config(cleanup_timeout=1)
        server, migration = fake_cloud.uuid(1), fake_cloud.uuid(MIGRATION)
        self.cloud.servers[server] = 'ACTIVE'
        self.cloud.names[server] = 'theirs now'
        self.cloud.migrations.append({
            'uuid': migration, 'instance_uuid': server,
            'status': 'finished', 'source_compute': 'cmp1',
            'dest_compute': 'cmp2'})
        for number in 1, MIGRATION, 3:
            self.cloud.hold(number, 11, VCPU=1)
        admin = self.cloud.admin()
        for undone in (servers.ConsumerChange(server),
                       servers.MigrationChange(migration, RUN.name)):
            left = self.assertRaises(
                exceptions.LeftToOperator, undone.undo, admin)
            self.assertIn('theirs now (%s)' % server, str(left))
        servers.ConsumerChange(fake_cloud.uuid(3)).undo(admin)
        self.assertEqual({server, migration}, self.cloud.allocations.keys())

    def test_nova_has_time_to_remove_it_itself(self):
        self.cloud.hold(MIGRATION, 11, VCPU=1)

        def remove(method, path):
            if len(self.cloud.requests) > 8:
                self.cloud.allocations.clear()

        self.cloud.before_answer = remove
        self.recover(servers.ConsumerChange(fake_cloud.uuid(MIGRATION)))
        self.assertEqual([], self.cloud.calls('DELETE'))

    def test_the_rest_is_undone_though_one_thing_cannot_be(self):
        self.take_down()

        def refuse(method, path):
            if method == 'PUT' and path.startswith('os-services'):
                raise fake_cloud.Answer(403, {'forbidden': {'message': ''}})

        self.cloud.before_answer = refuse
        self.config(service_up_timeout=1)
        failed = self.assertRaises(
            exceptions.RestoreFailed, self.recover,
            self.lease, self.compute)
        self.assertIn('cmp1', str(failed))
        self.assertIn('openstack', str(failed))
        self.assertFalse(self.recovered)
        self.assertNotIn(RUN.trait,
                         self.cloud.traits[self.target.provider_id])

    def test_the_rest_is_undone_whatever_fails(self):
        """Not all that goes wrong is one of Tempest's exceptions."""
        for failure in (OSError('no route'),
                        urllib3.exceptions.ProtocolError('reset')):
            self.cloud.traits[self.target.provider_id].add(RUN.trait)

            def fail(method, path):
                if path.startswith('traits/'):
                    raise failure

            self.cloud.before_answer = fail
            self.assertRaises(exceptions.RestoreFailed, self.recover,
                              self.lease, leases.TraitChange('X'))
            self.assertNotIn(RUN.trait, self.cloud.traits[
                self.target.provider_id])
            self.assertFalse(self.recovered)

    def test_an_api_is_away_for_a_while(self):
        self.take_down()

        def fail_at_first(method, path):
            if len(self.cloud.requests) <= 5:
                raise fake_cloud.Answer(503, {'e': 1})

        self.cloud.before_answer = fail_at_first
        self.recover(self.lease)
        self.assertNotIn(RUN.trait,
                         self.cloud.traits[self.target.provider_id])

    def search(self, *projects, **options):
        """Search for a run without its journal; its users are gone.

        :param projects: Ids of its projects.
        :param options: As for ``undo.Recovery.search``.
        :returns: [``undo.Outcome``].
        """
        admin = self.cloud.admin()
        for client, method, answer in (
                ('projects_client', 'list_projects', {'projects': [
                    {'id': project, 'name': RUN.name}
                    for project in projects]}),
                ('users_v3_client', 'list_users', {'users': []})):
            setattr(admin.manager, client, mock.Mock(
                **{method + '.return_value': answer}))
        return undo.Recovery(admin).search(RUN.id, **options)

    def find_in_cloud(self, *projects):
        """Find a run without its journal, and change nothing.

        :returns: {kind: change}.
        """
        found = []
        outcome = undo.Recovery._outcome

        def keep(recovery, run_id, change, dry_run):
            found.append(change)
            return outcome(recovery, run_id, change, dry_run)

        with fixtures.MockPatchObject(undo.Recovery, '_outcome', keep):
            self.search(*projects, dry_run=True)
        return {change.kind: change for change in found}

    def test_found_without_a_journal(self):
        self.cloud.add_compute('cmp2', 12)
        self.take_down()
        self.cloud.flavors += ['x-%s-1' % RUN.name, 'm1.nano']
        found = self.find_in_cloud()
        self.assertEqual({'trait', 'flavor', 'lease', 'compute'}, set(found))
        self.assertEqual(self.lease, found['lease'])
        self.assertEqual('x-%s-1' % RUN.name, found['flavor'].name)
        self.assertEqual('forced-down', found['compute'].outage)
        self.assertEqual('cmp1', found['compute'].target.host)
        self.assertEqual(
            ('enabled', False), (found['compute'].before.status,
                                 found['compute'].before.forced_down))

    def test_what_a_process_needs_is_not_known_without_a_journal(self):
        self.take_down()
        self.config(compute_start_command='true {host}')
        self.assertEqual('unknown', self.find_in_cloud()['compute'].outage)

    def test_a_host_without_a_fence_is_not_forgotten(self):
        """Its lease is all that tells of it, and so is not taken."""
        self.take_down()
        self.cloud.service_of('cmp1').update(status='enabled',
                                             disabled_reason=None)
        self.cloud.flavors.append(RUN.name)
        lease, flavor, trait = self.search()
        for outcome, words in (
                (lease, 'host cmp1'), (lease, '--up cmp1 nova-compute'),
                (flavor, 'it is kept until each lease is undone'),
                (trait, 'it is kept until each lease is undone')):
            self.assertEqual(undo.Result.NOT_UNDONE, outcome.result)
            self.assertIn(words, outcome.why)
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))

    def leave_cell_away(self, requests):
        """Let the database of the cell be away for a number of requests."""
        left = iter(range(requests))
        answers = {
            'os-services': (200, {'services': []}),
            'servers': (200, {'servers': []}),
            'os-migrations': (200, {'migrations': []}),
            'os-hypervisors': (500, {'computeFault': {
                'code': 500, 'message': 'Unexpected API Error.'}})}

        def answer(method, path):
            given = answers.get(path.partition('?')[0].partition('/')[0])
            if given and next(left, None) is not None:
                raise fake_cloud.Answer(*given)

        self.cloud.before_answer = answer

    def test_a_cell_whose_database_is_away_for_a_while(self):
        """Nova shows no service then, and a host that is out is one."""
        self.config(api_timeout=300, poll_interval_max=3)
        self.take_down()
        self.cloud.custom_traits.add(RUN.trait)
        self.leave_cell_away(20)
        self.assertEqual(
            [('compute', undo.Result.UNDONE), ('lease', undo.Result.UNDONE),
             ('trait', undo.Result.UNDONE)],
            [(outcome.kind, outcome.result) for outcome in self.search()])
        self.assertEqual(self.before, self.cloud.settings_of('cmp1'))

    def test_a_cell_whose_database_stays_away(self):
        """The trait is kept, because it alone tells of the host then."""
        self.take_down()
        self.cloud.custom_traits.add(RUN.trait)
        self.leave_cell_away(10000)
        found = self.search()
        self.assertEqual(
            dict.fromkeys(('compute', 'server', 'lease', 'trait'),
                          undo.Result.NOT_UNDONE),
            {outcome.kind: outcome.result for outcome in found})
        self.assertIn('the database of one of its cells', found[0].why)
        self.assertIn(RUN.trait, self.cloud.traits[self.target.provider_id])
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))

    def test_servers_of_a_cell_whose_database_is_away_for_a_while(self):
        """Nova lists none of them then, and they are there."""
        self.config(api_timeout=300, poll_interval_max=3)
        self.cloud.servers['one'] = 'ACTIVE'
        self.leave_cell_away(20)
        self.recover(servers.ServerChange('server'))
        self.assertEqual(
            {'one': 'deleted'}, self.cloud.servers,
            'Nova did not list the server, and so it was taken for gone')
        self.cloud.servers['one'] = 'ACTIVE'
        self.cloud.names['one'] = RUN.name
        self.leave_cell_away(20)
        self.assertEqual(
            [('server', undo.Result.UNDONE)],
            [(outcome.kind, outcome.result) for outcome in self.search()])

    def test_a_leased_host_without_a_service(self):
        """A proxy may hide it, or its process has not registered yet."""
        self.cloud.custom_traits.add(RUN.trait)
        self.cloud.traits[self.target.provider_id].add(RUN.trait)
        services, self.cloud.services[:] = list(self.cloud.services), []
        for outcome in self.search():
            self.assertEqual(undo.Result.NOT_UNDONE, outcome.result)
            self.assertIn(self.target.provider_id if outcome.kind != 'trait'
                          else 'it is kept until', outcome.why)
        self.cloud.services[:] = services

    def test_a_host_is_given_back_before_all_else_is_looked_for(self):
        """One odd object of somebody else must not keep the host down."""
        self.take_down()
        self.config('service_available', cinder=True)
        self.cloud.custom_traits.add(RUN.trait)
        odd = {'volumes?': 'volumes', 'servers?': 'servers'}
        up_at = []

        def answer(method, path):
            if self.before == self.cloud.settings_of('cmp1') and not up_at:
                up_at.append(len(self.cloud.requests))
            for start, key in odd.items():
                if path.startswith(start):
                    self.assertEqual(1, len(up_at), 'cmp1 is still down')
                    raise fake_cloud.Answer(200, {key: [{'id': None}]})

        self.cloud.traits[self.target.provider_id].discard(RUN.trait)
        self.cloud.before_answer = answer
        outcomes = self.search()
        self.assertEqual('compute', outcomes[0].kind)
        self.assertEqual(undo.Result.UNDONE, outcomes[0].result)
        self.assertEqual(
            {'server', 'volume', 'trait'},
            {outcome.kind for outcome in outcomes[1:]})
        self.assertEqual(
            dict.fromkeys(('server', 'volume'), 'all of this kind'),
            {outcome.kind: outcome.words for outcome in outcomes
             if outcome.result is undo.Result.NOT_UNDONE})
        self.assertEqual(set(), self.cloud.custom_traits)

    def test_a_volume_of_a_host(self):
        """Its attachment has no server, and nobody asks for that."""
        self.config('service_available', cinder=True)
        volume = fake_cloud.cinder_volume(70, 'in-use', 1)
        volume['attachments'][0]['server_id'] = None
        self.cloud.volumes.append(volume)
        self.assertEqual([], self.search())
        self.assertEqual(['GET volumes?all_tenants=1'], [
            call for call in self.cloud.calls() if 'volumes' in call])

    def test_a_host_whose_node_is_gone_does_not_keep_another_out(self):
        self.take_down()
        self.cloud.custom_traits.add(RUN.trait)
        self.cloud.add_service('a-gone', 300)
        # It comes first in the list.
        self.cloud.services.reverse()
        self.cloud.service_of('a-gone').update(
            status='disabled', disabled_reason=RUN.fence_reason)
        found = self.search()
        self.assertEqual(self.before['status'],
                         self.cloud.service_of('cmp1')['status'])
        self.assertEqual(
            [('compute', undo.Result.NOT_UNDONE),
             ('compute', undo.Result.UNDONE), ('lease', undo.Result.UNDONE),
             ('trait', undo.Result.NOT_UNDONE)],
            [(outcome.kind, outcome.result) for outcome in found])
        self.assertEqual('it is kept until each compute is undone',
                         found[-1].why)

    def test_a_fence_that_somebody_may_have_typed(self):
        self.take_down()
        self.cloud.traits[self.target.provider_id].discard(RUN.trait)
        asked = []
        outcome, = self.search(ask=asked.append)
        self.assertEqual(
            ['forced-down of host cmp1, fenced by run 0123456789AB: neither '
             'trait, flavor nor project of the run is there, so somebody may '
             'have typed the fence. Give it back?'], asked)
        self.assertEqual(undo.Result.NOT_UNDONE, outcome.result)
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))
        outcome, = self.search(ask=lambda question: True)
        self.assertEqual(undo.Result.UNDONE, outcome.result)

    def test_a_fence_that_is_the_runs_beyond_doubt(self):
        """Any of trait, flavor and project is enough, and one may fail."""
        def refuse(method, path):
            if path.startswith('flavors'):
                raise fake_cloud.Answer(403, {'forbidden': {'message': ''}})

        for make, projects in ((lambda: self.cloud.custom_traits.add(
                RUN.trait), ()), (lambda: None, ('of the run',))):
            self.take_down()
            self.cloud.traits[self.target.provider_id].discard(RUN.trait)
            make()
            self.cloud.before_answer = refuse
            first = self.search(*projects, ask=self.fail)[0]
            self.assertEqual(undo.Result.UNDONE, first.result)

    def test_customers_servers_of_a_nova_that_heeds_no_name(self):
        """As behind a proxy that drops the filters."""
        self.config(delete_timeout=1, cleanup_timeout=1)
        ours, theirs = map(fake_cloud.uuid, (1, 2))
        self.cloud.servers.update({ours: 'ACTIVE', theirs: 'ACTIVE'})
        self.cloud.names.update({ours: RUN.name + '-1', theirs: 'web'})
        self.assertEqual(
            [('server', undo.Result.UNDONE)],
            [(outcome.kind, outcome.result) for outcome in self.search()])
        self.assertEqual({ours: 'deleted', theirs: 'ACTIVE'},
                         self.cloud.servers)

    def test_servers_of_a_request_by_their_whole_name(self):
        self.config(delete_timeout=1)
        names = {'one': 'x', 'two': 'x-2', 'three': 'x-y', 'four': 'xx'}
        self.cloud.names.update(names)
        self.cloud.servers.update(dict.fromkeys(names, 'ACTIVE'))
        self.recover(servers.ServerChange('x'))
        self.assertEqual(
            {'one': 'deleted', 'two': 'deleted', 'three': 'ACTIVE',
             'four': 'ACTIVE'}, self.cloud.servers)

    def test_migrations_of_a_nova_that_heeds_no_server(self):
        """The allocations of a customer's migration are not removed."""
        self.config(cleanup_timeout=1)
        ours, theirs = map(fake_cloud.uuid, (1, 5))
        self.cloud.servers[ours] = 'ACTIVE'
        self.cloud.migrations.extend(
            {'uuid': fake_cloud.uuid(number), 'instance_uuid': server,
             'status': 'finished', 'source_compute': 'cmp1',
             'dest_compute': 'cmp2'}
            for number, server in ((MIGRATION, ours), (6, theirs)))
        self.cloud.hold(6, 11, VCPU=1)
        listed = fake_cloud.FakeCloud._list_migrations
        self.useFixture(fixtures.MockPatchObject(
            fake_cloud.FakeCloud, '_ROUTES', tuple(
                (method, path, (lambda cloud, query: listed(cloud, {}))
                 if handler is listed else handler) for method, path, handler
                in fake_cloud.FakeCloud._ROUTES)))
        self.recover(servers.ServerChange('server'))
        self.assertEqual({fake_cloud.uuid(6)}, set(self.cloud.allocations))

    def test_networks_of_a_neutron_that_heeds_no_project(self):
        self.config('service_available', neutron=True)
        admin = self.cloud.admin()
        mixed = [{'id': 'ours', 'project_id': 'p'},
                 {'id': 'ours too', 'tenant_id': 'p'},
                 {'id': 'theirs', 'project_id': 'q', 'tenant_id': 'q'},
                 {'id': 'of nobody'}]
        interface = 'network:router_interface'
        ports = [{'id': 'ours', 'device_id': 'ours',
                  'device_owner': interface},
                 {'id': 'theirs', 'device_id': 'theirs',
                  'device_owner': interface},
                 {'id': 'of a server', 'device_id': 'ours',
                  'device_owner': 'compute:nova'},
                 # Of a distributed router, and of one in several copies.
                 {'id': 'dvr', 'device_id': 'ours',
                  'device_owner': interface + '_distributed'},
                 {'id': 'ha', 'device_id': 'ours', 'device_owner':
                  'network:ha_router_replicated_interface'},
                 # Neutron removes it itself.
                 {'id': 'gateway', 'device_id': 'ours',
                  'device_owner': 'network:router_gateway'}]
        manager = admin.manager
        manager.projects_client = mock.Mock(**{
            'list_projects.return_value': {'projects': [
                {'id': 'p', 'name': RUN.name},
                {'id': 'q', 'name': RUN.name + '0'}]}})
        manager.users_v3_client = mock.Mock(
            **{'list_users.return_value': {'users': []}})
        manager.routers_client = mock.Mock(
            **{'list_routers.return_value': {'routers': mixed}})
        manager.ports_client = mock.Mock(
            **{'list_ports.return_value': {'ports': ports}})
        manager.networks_client = mock.Mock(
            **{'list_networks.return_value': {'networks': mixed}})
        manager.security_groups_client = mock.Mock(**{
            'list_security_groups.return_value': {'security_groups': mixed}})
        credentials.Credentials(RUN.id).undo(admin)
        both = [mock.call('ours'), mock.call('ours too')]
        for delete in (manager.routers_client.delete_router,
                       manager.networks_client.delete_network,
                       manager.security_groups_client.delete_security_group):
            self.assertEqual(both, delete.call_args_list)
        self.assertEqual(
            [mock.call('ours', port_id=port) for port in (
                'ours', 'dvr', 'ha')],
            manager.routers_client.remove_router_interface.call_args_list)
        self.assertEqual(
            [mock.call('p')],
            manager.projects_client.delete_project.call_args_list)

    def test_another_recover_deletes_the_same(self):
        """Each answer that says so is as good as a delete."""
        admin = self.cloud.admin()
        manager = admin.manager
        manager.projects_client = mock.Mock(**{
            'list_projects.return_value': {'projects': [
                {'id': 'p', 'name': RUN.name}]},
            'delete_project.side_effect': [lib_exc.Conflict,
                                           lib_exc.NotFound]})
        manager.users_v3_client = mock.Mock(**{
            'list_users.return_value': {'users': [
                {'id': 'u', 'name': RUN.name}]},
            'delete_user.side_effect': lib_exc.NotFound})
        credentials.Credentials(RUN.id).undo(admin)
        self.assertEqual(2, manager.projects_client.delete_project.call_count)

        def delete_first(method, path):
            if method == 'POST':
                self.cloud.servers['one'] = 'deleted'
                raise fake_cloud.Answer(answers.pop(0), {'x': {'message': ''}})

        for answers in ([404], [409, 404]):
            self.cloud.servers['one'] = 'ACTIVE'
            self.cloud.before_answer = delete_first
            servers.ServerChange('server').undo(admin)
            self.assertEqual([], answers)

    def test_another_recover_deletes_the_trait(self):
        self.cloud.custom_traits.add(RUN.trait)

        def delete_first(method, path):
            if path.startswith('resource_providers?required'):
                self.cloud.custom_traits.clear()

        self.cloud.before_answer = delete_first
        leases.TraitChange(RUN.trait).undo(self.cloud.admin())

    def test_what_stays_in_use_is_told(self):
        """It is waited for once, and not as long as an API may be away."""
        self.config(cleanup_timeout=30, api_timeout=3000)
        admin = self.cloud.admin()
        admin.manager.projects_client = mock.Mock(**{
            'list_projects.return_value': {'projects': [
                {'id': 'p', 'name': RUN.name}]},
            'delete_project.side_effect': lib_exc.Conflict('a port uses it')})
        began = time.monotonic()
        self.recovery = undo.Recovery(admin)
        self.assertIn(
            'a port uses it (still so after [local_delete] cleanup_timeout, '
            '30 s)', str(self.assertRaises(
                exceptions.RestoreFailed, self.recover,
                credentials.Credentials(RUN.id))))
        self.assertLess(time.monotonic() - began, 1000)

    def test_flavors_of_later_pages_are_found(self):
        self.cloud.page_size = 2
        self.cloud.flavors += ['a', 'b', 'c', 'x-%s-1' % RUN.name]
        self.assertEqual({'flavor'}, set(self.find_in_cloud()))

    def test_migration_of_a_deleted_server_is_found(self):
        """Nova hides it, and its project tells whose it was."""
        self.config(target_hosts=['cmp1'])
        self.cloud.hold(MIGRATION, 11, project_id='of the run', VCPU=1)
        self.cloud.hold(3, 11, project_id='theirs', VCPU=1)
        self.assertEqual(servers.ConsumerChange(fake_cloud.uuid(MIGRATION)),
                         self.find_in_cloud('of the run')['consumer'])
        self.assertNotIn('consumer', self.find_in_cloud('empty'))
        self.assertNotIn('consumer', self.find_in_cloud())

    def test_server_that_is_there_is_no_consumer_beside(self):
        self.config(target_hosts=['*'])
        self.cloud.add_service('without-node', 300)
        self.cloud.servers[fake_cloud.uuid(1)] = 'ACTIVE'
        self.cloud.names[fake_cloud.uuid(1)] = RUN.name
        self.cloud.hold(1, 11, project_id='of the run', VCPU=1)
        self.assertEqual({'credentials', 'server'},
                         set(self.find_in_cloud('of the run')))

    def test_server_that_was_deleted_softly_is_found(self):
        self.cloud.servers['one'] = 'SOFT_DELETED'
        self.cloud.names['one'] = RUN.name
        self.assertEqual({'server': servers.ServerChange(RUN.name)},
                         self.find_in_cloud())

    def test_one_abandoned_run_does_not_keep_the_next(self):
        self.take_down()
        gone = leases.LeaseChange(fake_cloud.uuid(99), RUN.trait)
        runs = [_Abandoned(run_id, [change.Intent(1, made)])
                for run_id, made in (('000000000000', gone),
                                     (RUN.id, self.lease))]
        failed = self.assertRaises(exceptions.RestoreFailed,
                                   self.recovery.recover_all, runs)
        self.assertIn('what run 000000000000 changed', str(failed))
        self.assertNotIn(RUN.trait,
                         self.cloud.traits[self.target.provider_id])
        self.assertEqual([False, True], [one.recovered for one in runs])

    def test_one_journal_that_stays_does_not_keep_the_next(self):
        self.take_down()
        runs = [_Abandoned(RUN.id, []), _Abandoned(RUN.id, [
            change.Intent(1, self.lease)])]
        refused = exceptions.JournalUnusable(path='X', problem='stays')
        runs[0].close = mock.Mock(side_effect=refused)
        self.assertRaises(exceptions.JournalUnusable,
                          self.recovery.recover_all, runs)
        self.assertNotIn(RUN.trait,
                         self.cloud.traits[self.target.provider_id])

    def take_cell_away(self):
        """Nova leaves out what is in a cell whose database is away."""
        def answer(method, path):
            for name in 'os-services', 'servers':
                if path.split('?')[0] == name:
                    raise fake_cloud.Answer(200, {name[-8:]: []})
            if path.startswith('os-hypervisors'):
                raise fake_cloud.Answer(500, {'computeFault': {
                    'message': 'Unexpected API Error'}})

        self.cloud.before_answer = answer

    def test_server_of_a_cell_that_is_away_is_not_gone(self):
        self.cloud.servers['one'] = 'ACTIVE'
        self.take_cell_away()
        failed = self.assertRaises(exceptions.RestoreFailed, self.recover,
                                   servers.ServerChange('server'))
        self.assertIn('the database of one of its cells is away', str(failed))
        self.cloud.before_answer = lambda method, path: None
        self.recover(servers.ServerChange('server'))
        self.assertEqual({'one': 'deleted'}, self.cloud.servers)

    def test_nothing_of_a_cell_that_is_away_is_looked_for_in_vain(self):
        self.take_down()
        self.take_cell_away()
        found = {outcome.kind: outcome.why for outcome
                 in self.recovery.search(RUN.id) if outcome.why}
        for kind in 'compute', 'server', 'lease':
            self.assertIn('the database of one of its cells is away',
                          found.get(kind, 'nothing'), kind)
        self.assertIn(RUN.trait, self.cloud.traits[self.target.provider_id])

    def test_nothing_found_without_a_journal(self):
        self.assertEqual({}, self.find_in_cloud())
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))

    def test_somebody_elses_disable_is_left(self):
        """Nothing tells by now whether he also forced the host down."""
        self.take_down()
        self.cloud.service_of('cmp1')['disabled_reason'] = 'broken fan'
        left = self.assertRaises(exceptions.LeftToOperator, self.compute.undo,
                                 self.cloud.admin())
        self.assertIn("disabled reason 'broken fan', forced down", str(left))
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))

    def test_what_is_left_is_told_when_a_run_recovers_another(self):
        """It is complete then, so that nobody else will tell it."""
        self.take_down()
        self.cloud.service_of('cmp1').update(disabled_reason='Bob: disk')
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr):
            self.recover(self.lease, self.compute)
        self.assertTrue(self.recovered)
        self.assertIn(
            'of abandoned run %s: the compute service of host cmp1 is left '
            'to you' % RUN.id, stderr.getvalue())
        self.assertIn('Bob: disk', stderr.getvalue())
        self.assertEqual(1, len(stderr.getvalue().splitlines()))

    def test_what_is_left_is_complete_only_when_it_can_be_told(self):
        """Whoever kills a recover before that finds it again."""
        self.take_down()
        self.cloud.service_of('cmp1').update(disabled_reason='Bob: disk')
        abandoned = _Abandoned(RUN.id, [change.Intent(1, self.lease),
                                        change.Intent(2, self.compute)])
        abandoned.complete = mock.Mock()
        with fixtures.MockPatchObject(leases.LeaseChange, 'undo',
                                      side_effect=KeyboardInterrupt):
            self.assertRaises(KeyboardInterrupt,
                              self.recovery.undo_all, abandoned)
        self.assertEqual([], abandoned.complete.mock_calls)
        self.recovery.undo_all(abandoned)
        self.assertEqual([1, 2], [one.args[0].number for one
                                  in abandoned.complete.mock_calls])

    def test_intent_of_a_later_plugin(self):
        failed = self.assertRaises(
            exceptions.RestoreFailed, self.recover, self.lease, kinds.read(
                '/j/1.journal', 2, 'router', {'name': 'r'}))
        self.assertIn("journal /j/1.journal has an intent of unknown kind "
                      "'router'", str(failed))

    def test_accounts_of_the_abandoned_run_alone_are_released(self):
        # The run had use_dynamic_credentials set to False, and nobody says
        # that it still is.
        accounts = self.folder / 'test_accounts'
        (accounts / 'folder').mkdir(parents=True)
        (accounts / '0').write_bytes(b'\xff')
        (accounts / 'a').write_text('LocalDeleteTest-%s' % RUN.name)
        (accounts / 'b').write_text('LocalDeleteTest-%s' % run.Run().name)
        (accounts / 'c').write_text('ServersTest')
        credentials.release_accounts(RUN)
        self.assertEqual(['0', 'b', 'c', 'folder'],
                         sorted(path.name for path in accounts.iterdir()))


@dataclasses.dataclass
class _Abandoned(abandoned_runs.AbandonedRun):
    recovered: bool | None = None

    def close(self, recovered):
        self.recovered = recovered
