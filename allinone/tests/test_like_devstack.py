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

"""A cloud like DevStack: one front end, gentle stops, no quotas."""

import configparser
import dataclasses
import subprocess
from unittest import mock

import fixtures

from allinone import api
from allinone import boot
from allinone import deployment
from allinone import errors
from allinone import lifecycle
from allinone import prechecks
from allinone import resources
from allinone.services import ovn
from allinone import supervision
from allinone.tests import base
from allinone import workspace


class LikeDevstackTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.plain = self.cloud
        self.cloud = dataclasses.replace(self.plain, like_devstack=True)
        found = prechecks.find
        self.apache = found('apache2')
        # Its package need not be there.
        self.useFixture(fixtures.MonkeyPatch(
            'allinone.prechecks.find',
            lambda name: found(name) or f'/usr/sbin/{name}'))

    def configure(self, cloud):
        for service in boot.SERVICES:
            if service is not ovn:
                service.configure(cloud)
        supervision.configure(cloud, boot.programs(cloud).values())
        workspace.configure(cloud, resources.Resources(
            ('image1', 'image2'), ('flavor1', 'flavor2'), 'network', '2.100',
            '1.39', '3.71'))

    def parse(self, path):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(path.read_text())
        return parser

    def apache_configuration(self):
        return self.cloud.shared_etc / 'apache' / 'apache.conf'

    def test_not_there_by_default(self):
        self.configure(self.plain)
        self.assertFalse((self.plain.shared_etc / 'apache').exists())
        self.assertNotIn('front-end', boot.programs(self.plain))
        parsed = self.parse(self.plain.etc / 'nova' / 'nova.conf')
        self.assertNotIn('driver', parsed['quota'])

    def test_one_front_end_is_before_all_apis(self):
        self.assertEqual(
            {'front-end'}, boot.programs(self.cloud).keys() -
            boot.programs(self.plain).keys())
        self.assertEqual(
            {'placement-proxy'}, boot.programs(self.plain).keys() -
            boot.programs(self.cloud).keys())
        front = f'http://127.0.0.1:{self.cloud.ports["front-end"]}'
        self.assertEqual(
            {'identity': '/identity/v3', 'placement': '/placement',
             'image': '/image', 'compute': '/compute/v2.1',
             'network': '/networking', 'block-storage': '/volume/v3'},
            {service: api.endpoint(self.cloud, service).removeprefix(front)
             for service in ('identity', 'placement', 'image', 'compute',
                             'network', 'block-storage')})

    def test_apis_speak_uwsgi_on_sockets(self):
        self.configure(self.cloud)
        apache = self.apache_configuration().read_text()
        programs = boot.programs(self.cloud)
        for name, prefix in (
                ('keystone', 'identity'), ('placement-api', 'placement'),
                ('nova-api', 'compute'), ('neutron-api', 'networking'),
                ('cinder-api', 'volume')):
            path = self.cloud.run / 'uwsgi' / f'{name}.sock'
            parsed = self.parse(self.cloud.etc / 'uwsgi' / f'{name}.ini')
            self.assertEqual(str(path), parsed['uwsgi']['socket'])
            self.assertEqual('2', parsed['uwsgi']['processes'])
            self.assertNotIn('http-socket', parsed['uwsgi'])
            # With it no request is answered 502 or 503.
            self.assertNotIn('post-buffering', parsed['uwsgi'])
            self.assertEqual((path, None), (programs[name].socket,
                                            programs[name].listener))
            self.assertIn(f'ProxyPass "/{prefix}" "unix:{path}|uwsgi:',
                          apache)

    def test_glance_gets_bodies_in_chunks(self):
        self.configure(self.cloud)
        apache = self.apache_configuration().read_text()
        port = self.cloud.ports['glance-api']
        parsed = self.parse(self.cloud.etc / 'uwsgi' / 'glance-api.ini')
        self.assertEqual(f'127.0.0.1:{port}', parsed['uwsgi']['http-socket'])
        self.assertEqual('2', parsed['uwsgi']['processes'])
        self.assertIn(f'ProxyPass "/image" "http://127.0.0.1:{port}"', apache)

    def test_apache_takes_the_configuration(self):
        if not self.apache:
            self.skipTest('apache2-bin is not installed')
        self.configure(self.cloud)
        ended = subprocess.run(
            [self.apache, '-t', '-f', self.apache_configuration()],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertIn('Syntax OK', ended.stdout)

    def test_apache_never_runs_as_root(self):
        with mock.patch('os.geteuid', autospec=True) as euid:
            euid.return_value = 0
            private = boot.programs(self.cloud)['front-end'].command
            owned = boot.programs(dataclasses.replace(
                self.cloud, uid=61184))['front-end']
            euid.return_value = 1000
            user = boot.programs(self.cloud)['front-end'].command
        self.assertIn('--reuid=65534', private)
        self.assertTrue(owned.drops_root)
        for command in (owned.command, user):
            self.assertTrue(command[0].endswith('/apache2'), command)

    def test_a_stop_is_gentle(self):
        self.configure(self.cloud)
        nova = self.parse(self.cloud.etc / 'nova' / 'nova.conf')['DEFAULT']
        parsed = self.parse(supervision.configuration(self.state))
        for name in ('nova-compute-compute1', 'nova-scheduler'):
            section = parsed[f'program:{name}']
            self.assertEqual('TERM', section['stopsignal'])
            self.assertGreater(int(section['stopwaitsecs']),
                               int(nova['graceful_shutdown_timeout']))
        # Nova would not wait at all.
        self.assertGreater(int(nova['graceful_shutdown_timeout']),
                           int(nova['manager_shutdown_timeout']))

    def test_nova_is_set_as_in_devstack(self):
        self.configure(self.cloud)
        parsed = self.parse(self.cloud.etc / 'nova' / 'nova.conf')
        self.assertEqual('nova.quota.NoopQuotaDriver',
                         parsed['quota']['driver'])
        self.assertEqual('True',
                         parsed['DEFAULT']['allow_resize_to_same_host'])
        self.assertEqual(6 * int(parsed['DEFAULT']['report_interval']),
                         int(parsed['DEFAULT']['service_down_time']))

    def test_workers_of_keystone_share_no_memory(self):
        self.configure(self.cloud)
        parsed = self.parse(self.cloud.etc / 'keystone' / 'keystone.conf')
        self.assertEqual('dogpile.cache.null', parsed['cache']['backend'])

    def test_tempest_conf_does_not_tell_the_kind_of_cloud(self):
        path = self.cloud.tempest / 'etc' / 'tempest.conf'
        self.configure(self.plain)
        plain = {*path.read_text().splitlines()}
        self.configure(self.cloud)
        like = {*path.read_text().splitlines()}
        self.assertEqual({f'uri_v3 = {self.cloud.auth_url}'}, like - plain)
        # With the front end every API would be away.
        self.assertEqual(
            ['placement_proxy_start_command', 'placement_proxy_stop_command',
             'uri_v3'],
            sorted(line.split()[0] for line in plain - like))

    def test_choice_is_the_deployments(self):
        deployment.save(self.cloud)
        self.assertTrue(deployment.load(self.state).like_devstack)
        error = self.assertRaises(errors.BadInput, lifecycle._confirm,
                                  self.state, like_devstack=False)
        self.assertIn('runs already, with --like-devstack: take it down '
                      'first', str(error))

    def test_what_it_cannot_have_is_named(self):
        self.useFixture(fixtures.MonkeyPatch(
            'allinone.prechecks.find', lambda name: None))
        error = self.assertRaises(
            errors.BadInput, prechecks.run,
            dataclasses.replace(self.cloud, tls=True))
        lines = str(error).splitlines()
        self.assertIn('--like-devstack has no TLS: leave out --tls', lines)
        self.assertIn('--like-devstack needs apache2-bin, too: it comes with '
                      '"PROFILES=devstack tools/setup.sh"', lines)
