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


"""Journals of earlier releases, and of this one, are recovered.

``journals/version-N.journal`` was written by the ``Journal`` class that wrote
version N, in a run that made every kind of change and undid only a port. Each
of these files stays as it is. A refactoring that renames something in a
journal fails here.
"""

import itertools
import os
import pathlib
import shutil
from unittest import mock

import fixtures
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin.outages import conductor as conductor_outage
from local_delete_tempest_plugin.outages import scheduler as scheduler_outage
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import undo
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit import outage_case

JOURNALS = pathlib.Path(__file__).with_name('journals')
RUN = run.Run('0123456789AB')
PROJECT = '0123456789abcdef0123456789abcdef'
MIGRATION, CONSUMER = 901, 902

# Client, list, key of the list, delete.
RESOURCES = {
    'floating IP': ('floating_ips_client', 'list_floatingips',
                    'floatingips', 'delete_floatingip'),
    'port': ('ports_client', 'list_ports', 'ports', 'delete_port'),
    'QoS policy': ('qos_client', 'list_qos_policies', 'policies',
                   'delete_qos_policy'),
    'volume': ('volumes_client_latest', 'list_volumes', 'volumes',
               'force_delete_volume'),
    'server group': ('server_groups_client', 'list_server_groups',
                     'server_groups', 'delete_server_group'),
    'image': ('image_client_v2', 'list_images', 'images', 'delete_image')}


class JournalsOfReleasesTest(outage_case.OutageTest):

    def setUp(self):
        super().setUp()
        self.config('identity', uri_v3='https://keystone.test/v3')
        self.config('service_available', neutron=True, cinder=True)
        self.config('oslo_concurrency', lock_path=self.stopped.path)
        self.config(cleanup_timeout=1, service_up_timeout=60,
                    trait_timeout=60, placement_timeout=60,
                    stop_settle_time=1,
                    target_hosts=['*'])
        # Each look takes a second, and the test does not wait for it.
        self.useFixture(fixtures.MockPatchObject(waiters, 'time', mock.Mock(
            monotonic=itertools.count().__next__)))
        self.admin = self.cloud.admin()
        self.set_up_identity()
        self.set_up_resources()

    def set_commands(self):
        super().set_commands()
        start = 'rm %s/' % self.stopped.path
        self.config(placement_proxy_stop_command='true',
                    placement_proxy_start_command=start + 'proxy',
                    scheduler_start_command=start + 'ctl1',
                    conductor_start_command=start + 'ctl2')

    def build_cloud(self):
        self.cloud = fake_cloud.FakeCloud()
        self.cloud.is_running = lambda host: not self.is_stopped(host)
        self.targets = {
            'cmp%d' % number: self.cloud.add_compute('cmp%d' % number, number)
            for number in range(1, 9)}
        self.cloud.add_service('ctl1', 300)
        self.cloud.services[-1]['binary'] = scheduler_outage.BINARY
        self.cloud.add_service('ctl2', 301)
        self.cloud.services[-1]['binary'] = conductor_outage.BINARY
        self.before = {host: self.cloud.settings_of(host)
                       for host in self.targets}
        self.cloud.before_answer = self.answer

    def answer(self, method, path):
        """Refuse what Placement is asked while it, or its proxy, is away."""
        if path.startswith(('resource_providers', 'allocations', 'traits')):
            for name in ('placement', 'proxy'):
                self.assertFalse(self.is_stopped(name), path)

    def set_up_identity(self):
        named = [{'id': 'ours', 'name': RUN.name},
                 {'id': 'foreign', 'name': 'foreign'}]
        manager = self.admin.manager
        manager.projects_client = mock.Mock(
            **{'list_projects.return_value': {'projects': named}})
        manager.users_v3_client = mock.Mock(
            **{'list_users.return_value': {'users': named}})
        manager.quotas_client = mock.Mock(**{
            'show_quota_set.return_value': {'quota_set': {'instances': 2}}})
        manager.routers_client = mock.Mock(
            **{'list_routers.return_value': {'routers': []}})
        manager.networks_client = mock.Mock(
            **{'list_networks.return_value': {'networks': []}})
        manager.security_groups_client = mock.Mock(
            **{'list_security_groups.return_value': {'security_groups': []}})

    def set_up_resources(self):
        self.deletes = {}
        for number, (kind, (client, listed, key, delete)) in enumerate(
                RESOURCES.items(), 2):
            found = [{'id': name, 'name': name, 'description': name}
                     for name in (self.name_of(number), 'foreign',
                                  self.name_of('gone'))]
            made = mock.Mock(
                **{'show_volume.side_effect': lib_exc.NotFound})
            getattr(made, listed).side_effect = (
                lambda *_, key=key, found=found, offset=0, **__:
                {key: found[offset:]})
            setattr(self.admin.manager, client, made)
            self.deletes[kind] = getattr(made, delete)

    def name_of(self, end):
        return 'tempest-%s-%s' % (RUN.name, end)

    def take_everything_down(self):
        """Bring the cloud to where the run left it."""
        self.admin.delete_service(
            self.cloud.service_of('cmp6')['id'])
        self.cloud.service_of('cmp1')['forced_down'] = True
        for host in ('cmp1', 'cmp2', 'cmp4', 'cmp5', 'cmp8'):
            self.cloud.service_of(host).update(
                status='disabled', disabled_reason=RUN.fence_reason)
            self.cloud.traits[self.targets[host].provider_id].add(
                fake_cloud.DISABLED_TRAIT)
        for name in ('cmp2', 'cmp3', 'cmp4', 'cmp5', 'cmp6', 'ctl1',
                     'placement', 'proxy'):
            pathlib.Path(self.stopped.join(name)).touch()
        for target in self.targets.values():
            self.cloud.traits[target.provider_id].add(RUN.trait)
        self.cloud.custom_traits.add(RUN.trait)
        self.cloud.flavors += ['m1.nano', self.name_of(1)]
        self.cloud.servers[fake_cloud.uuid(8)] = 'ACTIVE'
        self.cloud.names[fake_cloud.uuid(8)] = self.name_of(8)
        for consumer in (MIGRATION, CONSUMER):
            self.cloud.hold(consumer, 1, VCPU=1)
        self.cloud.hold(903, 1, project_id='theirs', VCPU=1)

    def recover(self, version):
        shutil.copy(JOURNALS / ('version-%d.journal' % version),
                    os.path.join(self.journals, RUN.id + '.journal'))
        os.chmod(os.path.join(self.journals, RUN.id + '.journal'), 0o600)
        self.take_everything_down()
        if version >= 4:
            # No earlier release took the conductor away.
            pathlib.Path(self.stopped.join('ctl2')).touch()
        undo.Recovery(self.admin).recover_all(
            abandoned_runs.find_abandoned(identity.Cloud.of(self.admin)))

    def assert_recovered(self):
        self.assertEqual(self.before, {
            host: self.cloud.settings_of(host) for host in self.targets})
        self.assertEqual([], os.listdir(self.stopped.path))
        self.assertEqual([], os.listdir(self.journals))
        self.assertEqual(['m1.nano'], self.cloud.flavors)
        self.assertEqual(set(), self.cloud.custom_traits)
        self.assertEqual({fake_cloud.uuid(8): 'deleted'}, self.cloud.servers)
        self.assertEqual({fake_cloud.uuid(903)}, set(self.cloud.allocations))
        self.assertEqual(
            {kind: [mock.call(self.name_of(number))] for number, kind
             in enumerate(RESOURCES, 2)},
            {kind: delete.call_args_list
             for kind, delete in self.deletes.items()})
        manager = self.admin.manager
        manager.quotas_client.update_quota_set.assert_called_once_with(
            PROJECT, instances=10)
        manager.projects_client.delete_project.assert_called_once_with('ours')
        manager.users_v3_client.delete_user.assert_called_once_with('ours')

    def test_version_1(self):
        self.recover(1)
        self.assert_recovered()

    def test_version_2(self):
        self.recover(2)
        self.assert_recovered()

    def test_version_3(self):
        self.recover(3)
        self.assert_recovered()

    def test_version_4(self):
        """It has a stage whose time is over."""
        self.recover(4)
        self.assert_recovered()

    def test_of_an_earlier_release_by_another_address(self):
        """The ids of services and nodes tell the cloud of version 1 and 2."""
        self.config('identity', uri_v3='http://10.0.0.1:5000/v3/')
        self.recover(2)
        self.assert_recovered()

    def test_of_an_earlier_release_in_another_region(self):
        self.build_cloud()
        for one in self.cloud.services:
            one['id'] = one['id'].replace('0000-4000', '0001-4000')
        for one in self.cloud.hypervisors:
            one['id'] = one['id'].replace('0000-4000', '0001-4000')
        path = os.path.join(self.journals, RUN.id + '.journal')
        for version in (1, 2):
            shutil.copy(JOURNALS / ('version-%d.journal' % version), path)
            os.chmod(path, 0o600)
            found = abandoned_runs.find(identity.Cloud.of(self.cloud.admin()))
            self.assertEqual([], found.abandoned)
            self.assertEqual(
                ['it is of an earlier release, and nothing in region '
                 'RegionOne tells that the run was here'],
                [one.why for one in found.passed_over])
            self.assertTrue(os.path.exists(path))
