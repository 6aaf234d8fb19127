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

"""Every configuration file renders, and says what it must."""

import configparser
import dataclasses
import shlex
from unittest import mock

import yaml

from allinone import boot
from allinone import files
from allinone import resources
from allinone.services import keystone
from allinone.services import nova
from allinone.services import ovn
from allinone import supervision
from allinone.tests import base
from allinone import workspace


class TemplatesTest(base.TestCase):

    def setUp(self):
        super().setUp()
        for service in boot.SERVICES:
            if service is not ovn:
                service.configure(self.cloud)

    def parse(self, path):
        parser = configparser.ConfigParser(
            interpolation=None, strict=True, allow_no_value=False)
        parser.read_string(path.read_text())
        return parser

    def test_every_service_reads_its_own_password_alone(self):
        for service in ('cinder/cinder.conf', 'glance/glance-api.conf',
                        'neutron/neutron.conf', 'nova/nova.conf',
                        'placement/placement.conf'):
            parsed = self.parse(self.cloud.etc / service)
            user = parsed['keystone_authtoken']['username']
            self.assertEqual(service.split('/')[0], user)
            self.assertEqual(self.cloud.passwords[user],
                             parsed['keystone_authtoken']['password'])
            text = (self.cloud.etc / service).read_text()
            for other in ('admin', 'keystone', 'seed'):
                self.assertNotIn(self.cloud.passwords[other], text)

    def test_computes_know_no_database(self):
        for name in ('nova.conf', 'compute1.conf'):
            parsed = self.parse(self.cloud.etc / 'nova' / name)
            self.assertNotIn('database', parsed)
            self.assertNotIn('api_database', parsed)

    def test_an_upgrade_keeps_the_keys_of_keystone(self):
        keys = {path: path.read_text() for path in (
            self.cloud.shared_etc / 'keystone').glob('*-keys/*')}
        self.assertEqual(4, len(keys))
        keystone.configure(dataclasses.replace(self.cloud, release='2026.2'))
        for path, key in keys.items():
            self.assertEqual(key, path.read_text())

    def test_deletes_are_soft_where_asked_for(self):
        for reclaim in (False, True):
            cloud = dataclasses.replace(self.cloud, reclaim=reclaim)
            nova.configure(cloud)
            parsed = self.parse(cloud.etc / 'nova' / 'nova.conf')
            self.assertEqual(reclaim, 'reclaim_instance_interval'
                             in parsed['DEFAULT'])

    def test_an_account_has_the_role_it_is_there_for_alone(self):
        accounts = yaml.safe_load(
            files.render('tempest/accounts.yaml', self.cloud))
        self.assertEqual(
            [['admin'], ['member'], ['member'], ['reader']],
            [account['roles'] for account in accounts])
        self.assertEqual('member1', accounts[-1]['project_name'])

    def test_supervisor_runs_every_program_and_restarts_none(self):
        programs = boot.programs(self.cloud)
        supervision.configure(self.cloud, programs.values())
        parsed = self.parse(supervision.configuration(self.state))
        for name, program in programs.items():
            section = parsed[f'program:{name}']
            self.assertEqual('false', section['autorestart'])
            self.assertEqual(list(program.command),
                             shlex.split(section['command']))

    def test_no_password_in_a_command_line(self):
        for program in boot.programs(self.cloud).values():
            for password in self.cloud.passwords.values():
                self.assertNotIn(password, ' '.join(program.command))

    def test_daemons_drop_root_where_they_can(self):
        text = files.render(
            'supervisord.conf', self.cloud, socket='s',
            programs=boot.programs(self.cloud).values(),
            command=lambda program: f'drops {program.drops_root}')
        self.assertIn('[program:mariadb]\ncommand = drops True', text)

    def test_all_follow_the_number_of_computes(self):
        cloud = dataclasses.replace(self.cloud, computes=5)
        nova.configure(cloud)
        self.assertEqual('compute5', self.parse(
            cloud.etc / 'nova' / 'compute5.conf')['DEFAULT']['host'])
        programs = boot.programs(cloud)
        self.assertIn('nova-compute-compute5', programs)
        self.assertIn('ovn-controller-compute5', programs)
        with mock.patch('allinone.commands.run', autospec=True) as run:
            ovn.configure_chassis(cloud)
            ovn.offer_bandwidth(cloud)
        chassis, bandwidth = (call.args for call in run.call_args_list)
        self.assertIn('external-ids:ovn-encap-ip-compute5="127.0.0.5"',
                      chassis)
        self.assertIn('ovn-cms-options-compute5=', bandwidth[-1])
        workspace.configure(cloud, resources.Resources(
            ('image1', 'image2'), ('flavor1', 'flavor2'), 'network', '2.100',
            '1.39', '3.71'))
        parsed = self.parse(cloud.tempest / 'etc' / 'tempest.conf')
        self.assertEqual('5', parsed['compute']['min_compute_nodes'])
        self.assertEqual(','.join(cloud.hosts),
                         parsed['local_delete']['target_hosts'])

    def test_tempest_conf_fills_in_the_outage_commands(self):
        workspace.configure(self.cloud, resources.Resources(
            ('image1', 'image2'), ('flavor1', 'flavor2'), 'network', '2.100',
            '1.39', '3.71'))
        parsed = self.parse(self.cloud.tempest / 'etc' / 'tempest.conf')
        group = parsed['local_delete']
        self.assertEqual(','.join(self.cloud.hosts), group['target_hosts'])
        for name in ('compute', 'placement', 'placement_proxy'):
            for verb in ('stop', 'start'):
                program, *_ = shlex.split(group[f'{name}_{verb}_command'])
                self.assertTrue(program.startswith('/'), program)
        for verb in ('stop', 'start', 'freeze', 'thaw'):
            self.assertIn('nova-compute-{host}',
                          group[f'compute_{verb}_command'])
