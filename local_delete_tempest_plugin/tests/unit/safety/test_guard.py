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

from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

Refusal = exceptions.Refusal

OURS, FOREIGN = fake_cloud.uuid(1), fake_cloud.uuid(2)


class GuardTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.config(allow_outages=True, target_hosts=['cmp1', 'cmp2'])
        self.cloud = fake_cloud.FakeCloud()
        self.target = self.cloud.add_compute('cmp1', 11)
        self.cloud.add_compute('cmp2', 12)
        self.this_run = run.Run(servers={OURS})
        self.cloud.servers[OURS] = 'active'
        self.cloud.hosts[OURS] = 'cmp1'
        self.cloud.hold(1, 11, VCPU=1)
        self.guard = guard.Guard(self.this_run, self.cloud.admin())

    def assert_refused(self, code, *details, fenced=False):
        """Check the code of a refusal, and what its message has to name."""
        refused = self.assertRaises(
            exceptions.OutageRefused, self.guard.check, self.target, fenced)
        self.assertEqual(code, refused.code)
        for detail in ('cmp1', *details):
            self.assertIn(detail, str(refused))
        return str(refused)

    def test_allowed_with_only_our_own_server(self):
        self.guard.check(self.target)
        self.config(target_hosts=['*'])
        self.guard.check(self.target)

    def test_service_that_is_not_as_it_should_be(self):
        for changes, code, *details in (
                ({'forced_down': True}, Refusal.FORCED_DOWN),
                ({'status': 'disabled', 'disabled_reason': 'broken fan'},
                 Refusal.DISABLED, 'broken fan'),
                ({'host': 'other'}, Refusal.NOT_ONE_SERVICE)):
            service = self.cloud.services[0]
            before = dict(service)
            service.update(changes)
            self.assert_refused(code, *details)
            service.update(before)

    def test_odd_services_of_others_are_no_other_hosts(self):
        self.useFixture(transport.BoundedFixture())
        self.guard.check(self.target)
        for odd in (None, 'maintenance'):
            self.cloud.service_of('cmp2')['status'] = odd
            self.assert_refused(Refusal.TOO_FEW_OTHER_HOSTS)
            self.cloud.add_compute('cmp3', 13)
            self.guard.check(self.target)
            self.cloud.service_of('cmp3')['status'] = odd

    def test_host_of_another_zone(self):
        """No server of the run would come there."""
        self.config(availability_zone='far')
        self.assert_refused(Refusal.OTHER_ZONE, 'nova', 'far')
        self.cloud.service_of('cmp1')['zone'] = 'far'
        self.guard.check(self.target)

    def test_service_that_is_down(self):
        self.cloud.is_running = lambda host: host != 'cmp1'
        self.cloud._now = 100
        self.assert_refused(Refusal.NOT_UP)

    def test_our_own_fence_and_nobody_elses(self):
        self.cloud.services[0].update(
            status='disabled', disabled_reason=self.this_run.fence_reason)
        self.guard.check(self.target, fenced=True)
        # A fence of ours from before is a host that was not given back.
        self.assert_refused(Refusal.FENCED, self.this_run.id)
        other = run.Run()
        self.cloud.services[0]['disabled_reason'] = other.fence_reason
        self.assert_refused(Refusal.FENCED, other.id, fenced=True)

    def test_host_of_a_stage(self):
        """Until when it is leased can be read on any machine."""
        stage = run.Run('0123456789AB')
        self.cloud.traits[self.target.provider_id].add(stage.trait)
        self.cloud.hold(2, 11, VCPU=1)
        # Nova-compute may have brought the trait back.
        self.assert_refused(Refusal.FOREIGN_CONSUMER)
        self.cloud.flavors.append('%s-until-202612040710-1' % stage.label)
        self.assert_refused(
            Refusal.LEASED, ' 0123456789AB ', ' 2026-12-04 07:10 UTC')

    def test_what_the_operator_did_not_allow(self):
        for options, code, option in (
                ({'allow_outages': False}, Refusal.OPTION_OFF,
                 '[local_delete] allow_outages'),
                ({'target_hosts': []}, Refusal.NOT_A_TARGET,
                 '[local_delete] target_hosts'),
                ({'target_hosts': ['cmp', 'cmp11', 'CMP1', 'cmp*']},
                 Refusal.NOT_A_TARGET, '[local_delete] target_hosts')):
            self.config(allow_outages=True, target_hosts=['cmp1'])
            self.config(**options)
            self.assert_refused(code, option)

    def test_other_hosts_are_needed(self):
        self.cloud.services[1].update(status='disabled', disabled_reason='x')
        self.assert_refused(
            Refusal.TOO_FEW_OTHER_HOSTS, ' 0 ',
            '[local_delete] min_other_hosts')
        self.config(min_other_hosts=0)
        self.guard.check(self.target)

    def lease(self, *numbers):
        """Let another run, which lives, lease hosts."""
        other = run.Run()
        self.cloud.flavors.append('%s-1' % other.name)
        for number in numbers:
            self.cloud.traits[fake_cloud.uuid(number)].add(other.trait)
        return other

    def test_a_host_that_another_run_has_leased_is_no_other_host(self):
        self.cloud.add_compute('cmp3', 13)
        self.lease(12)
        self.guard.check(self.target)
        self.lease(13)
        self.assert_refused(Refusal.TOO_FEW_OTHER_HOSTS, ' 0 ', ' 2 ')
        self.config(min_other_hosts=0)
        self.guard.check(self.target)

    def test_a_lease_of_a_host_that_is_out_anyway(self):
        """It is counted once."""
        self.cloud.add_compute('cmp3', 13)
        self.lease(12)
        self.cloud.services[1].update(forced_down=True)
        self.guard.check(self.target)

    def test_our_own_other_host_counts_as_it_is(self):
        """It is ours, so nobody but us takes it down."""
        for number in (11, 12):
            self.cloud.traits[fake_cloud.uuid(number)].add(
                self.this_run.trait)
        self.guard.check(self.target)

    def test_a_ghost_is_no_lease(self):
        other = self.lease(12)
        self.cloud.flavors.remove('%s-1' % other.name)
        self.guard.check(self.target)

    def test_a_run_ends_while_its_leases_are_read(self):
        other = self.lease(12)

        def end(method, path):
            if 'required=' in path:
                self.cloud.traits[fake_cloud.uuid(12)].discard(other.trait)

        self.cloud.before_answer = end
        self.guard.check(self.target)

    def test_hosts_that_are_all_to_be_down(self):
        second = self.cloud.add_compute('cmp3', 13)
        self.guard.check_others([self.target, second])
        self.config(min_other_hosts=2)
        refused = self.assertRaises(
            exceptions.OutageRefused, self.guard.check_others,
            [self.target, second])
        self.assertIs(Refusal.TOO_FEW_OTHER_HOSTS, refused.code)
        for host in ('cmp1', 'cmp3'):
            self.assertIn(host, str(refused))
        self.guard.check_others([self.target])

    def test_foreign_server(self):
        self.cloud.servers[FOREIGN] = 'active'
        self.cloud.hosts[FOREIGN] = 'cmp1'
        self.assert_refused(Refusal.FOREIGN_SERVER, FOREIGN)
        self.cloud.hosts[FOREIGN] = 'cmp2'
        self.guard.check(self.target)

    def test_foreign_server_on_a_later_page(self):
        self.cloud.servers[FOREIGN] = 'active'
        self.cloud.hosts[FOREIGN] = 'cmp1'
        self.cloud.page_size = 1
        self.assert_refused(Refusal.FOREIGN_SERVER, FOREIGN)

    def test_foreign_consumer_that_no_list_of_servers_shows(self):
        self.cloud.hold(2, 11, VCPU=3)
        self.assert_refused(Refusal.FOREIGN_CONSUMER, FOREIGN,
                            "{'VCPU': 3}", 'cmp1.test')

    def test_foreign_consumer_of_a_child_provider(self):
        self.cloud.add_provider(13, 'cmp1.test_numa0', root=11)
        self.cloud.hold(2, 13, VCPU=3)
        self.assert_refused(Refusal.FOREIGN_CONSUMER, FOREIGN,
                            'cmp1.test_numa0')

    def test_a_host_with_servers_of_others_is_refused_by_placement(self):
        """Nova takes long to list them."""
        self.cloud.servers[FOREIGN] = 'active'
        self.cloud.hosts[FOREIGN] = 'cmp1'
        self.cloud.hold(2, 11, VCPU=3)
        self.assert_refused(Refusal.FOREIGN_CONSUMER, FOREIGN)
        self.assertEqual(
            [], [call for call in self.cloud.calls()
                 if 'GET servers' in call or 'GET os-migrations' in call],
            'Nova should not be asked about a host that Placement refuses')

    def test_foreign_servers_that_the_operator_allows(self):
        self.cloud.servers[FOREIGN] = 'active'
        self.cloud.hosts[FOREIGN] = 'cmp1'
        self.cloud.hold(2, 11, VCPU=3)
        self.config(allow_foreign_servers=True)
        self.guard.check(self.target)

    def migrate(self, server, kind, status, source, destination):
        self.cloud.migrations = [{
            'id': 7, 'status': status, 'migration_type': kind,
            'instance_uuid': server, 'source_compute': source,
            'dest_compute': destination, 'source_node': source,
            'dest_node': destination, 'dest_host': '192.0.2.1',
            'old_instance_type_id': 1, 'new_instance_type_id': 1,
            'created_at': '2026-01-01T00:00:00.000000',
            'updated_at': '2026-01-01T00:00:00.000000', 'links': []}]

    def test_our_own_migrations(self):
        """Each end of a move of the run's own server may be taken down."""
        self.this_run.migrations.add(fake_cloud.uuid(3))
        for kind, status in (('resize', 'finished'),
                             ('resize', 'reverting'),
                             ('migration', 'pre-migrating'),
                             ('migration', 'post-migrating'),
                             ('evacuation', 'done')):
            for source, destination in (('cmp1', 'cmp2'), ('cmp2', 'cmp1')):
                self.migrate(OURS, kind, status, source, destination)
                # The source's part is the migration's.
                self.cloud.hold(3, 11, VCPU=1)
                self.guard.check(self.target)

    def test_migration_of_ours_beside_a_foreign_one(self):
        self.migrate(FOREIGN, 'resize', 'finished', 'cmp2', 'cmp1')
        foreign = self.cloud.migrations
        self.migrate(OURS, 'resize', 'finished', 'cmp1', 'cmp2')
        self.cloud.migrations += foreign
        self.assertRegex(
            self.assert_refused(Refusal.MIGRATION, 'resize', FOREIGN,
                                "'finished'"), 'cmp2 .* cmp1 ')

    def test_consumer_that_is_a_foreign_migration(self):
        """Its server is gone from the host, and what it left is not."""
        self.cloud.hold(4, 11, VCPU=1)
        self.assert_refused(Refusal.FOREIGN_CONSUMER, fake_cloud.uuid(4))

    def test_migrations(self):
        for kind, status, refused in (
                ('resize', 'finished', True),
                ('migration', 'pre-migrating', True),
                ('live-migration', 'running', True),
                ('evacuation', 'done', True),
                ('live-migration', 'done', False),
                ('migration', 'confirmed', False),
                ('evacuation', 'completed', False),
                ('resize', 'error', False)):
            for source, destination in (('cmp1', 'cmp2'), ('cmp2', 'cmp1')):
                self.migrate(FOREIGN, kind, status, source, destination)
                if refused:
                    self.assertRegex(
                        self.assert_refused(Refusal.MIGRATION, kind, FOREIGN,
                                            repr(status)),
                        '%s .* %s ' % (source, destination))
                else:
                    self.guard.check(self.target)
