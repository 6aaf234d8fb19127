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

"""TLS: the certificates, who trusts them, and the proxies that show them."""

import configparser
import dataclasses
import ssl
import stat
import subprocess

from allinone import api
from allinone import deployment
from allinone import errors
from allinone import lifecycle
from allinone import prechecks
from allinone import resources
from allinone.services import glance
from allinone.services import keystone
from allinone.services import neutron
from allinone.services import nova
from allinone.services import placement
from allinone.services import tls
from allinone.tests import base
from allinone import workspace


class TlsTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.cloud = dataclasses.replace(self.cloud, tls=True)
        for service in (glance, keystone, neutron, nova, placement, tls):
            service.configure(self.cloud)

    def shake_hands(self, host):
        """Do a handshake in memory, as a client of `host` would."""
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(
            self.cloud.shared_etc / 'tls' / 'server.pem')
        client = ssl.create_default_context(cafile=self.cloud.ca)
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [client.wrap_bio(to_client, to_server, server_hostname=host),
                server.wrap_bio(to_server, to_client, server_side=True)]
        while ends:
            end = ends.pop(0)
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                ends.append(end)

    def test_certificate_is_that_of_the_address(self):
        self.shake_hands('127.0.0.1')
        self.assertRaises(ssl.SSLCertVerificationError, self.shake_hands,
                          '127.0.0.2')

    def test_keys_are_for_the_owner_alone(self):
        self.assertEqual({0o600}, {
            stat.S_IMODE(path.stat().st_mode)
            for path in (self.cloud.shared_etc / 'tls').iterdir()})

    def test_haproxy_takes_the_configurations(self):
        for name, count in (('placement-proxy', 1), ('tls-proxy', 5)):
            path = self.cloud.shared_etc / 'haproxy' / f'{name}.cfg'
            subprocess.run([prechecks.find('haproxy'), '-c', '-f', path],
                           check=True, stdout=subprocess.DEVNULL)
            binds = [line.split() for line in path.read_text().splitlines()
                     if line.strip().startswith('bind ')]
            self.assertEqual(count, len(binds))
            for words in binds:
                self.assertIn('ssl', words)

    def test_catalog_is_https_through_proxies_alone(self):
        api_ports = [port for name, port in self.cloud.ports.items()
                     if name == 'keystone' or name.endswith('-api')]
        for service in ('identity', 'placement', 'image', 'compute',
                        'network', 'block-storage'):
            url = api.endpoint(self.cloud, service)
            self.assertTrue(url.startswith('https://127.0.0.1:'), url)
            self.assertNotIn(int(url.split(':')[2].split('/')[0]), api_ports)

    def test_whoever_logs_in_trusts_the_ca(self):
        paths = [self.cloud.etc / name for name in (
            'glance/glance-api.conf', 'neutron/neutron.conf',
            'nova/nova.conf', 'placement/placement.conf')]
        for path in paths:
            parsed = configparser.ConfigParser(interpolation=None)
            parsed.read_string(path.read_text())
            for name, section in parsed.items():
                if 'auth_url' in section:
                    self.assertTrue(section['auth_url'].startswith('https:'))
                    self.assertEqual(str(self.cloud.ca),
                                     section.get('cafile'), f'{path} {name}')

    def test_tempest_trusts_the_ca(self):
        workspace.configure(self.cloud, resources.Resources(
            ('image1', 'image2'), ('flavor1', 'flavor2'), 'network', '2.100',
            '1.39', '3.71'))
        text = (self.cloud.tempest / 'etc' / 'tempest.conf').read_text()
        self.assertIn(f'\nca_certificates_file = {self.cloud.ca}\n', text)

    def test_choice_is_the_deployments(self):
        deployment.save(self.cloud)
        self.assertTrue(deployment.load(self.state).tls)
        error = self.assertRaises(errors.BadInput, lifecycle._confirm,
                                  self.state, tls=False)
        self.assertIn('runs already, with --tls: take it down first',
                      str(error))
