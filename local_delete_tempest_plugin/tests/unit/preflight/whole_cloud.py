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

"""A cloud for preflight: every service that it asks, as far as it asks."""

import json
import pathlib
from urllib import parse

import fixtures

from local_delete_tempest_plugin.preflight import checks
from local_delete_tempest_plugin.scenario import test_local_delete
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

GOOD = {'allow_outages': True, 'target_hosts': ['cmp1'],
        'allow_placement_outage': True,
        'compute_stop_command': 'true {host}',
        'compute_start_command': 'true {host}',
        'placement_stop_command': 'true', 'placement_start_command': 'true'}

ACCOUNTS = """
- {username: boss, password: SECRET, project_name: p, roles: [admin]}
- {username: joe, password: SECRET, project_name: p, roles: [member]}
"""


class WholeCloud(fake_cloud.FakeCloud):
    """With Keystone, Glance and Neutron, as far as preflight asks them."""

    def __init__(self):
        super().__init__()
        self.roles = {'boss': ['admin', 'member', 'reader'],
                      'joe': ['member', 'reader']}
        self.urls = {kind: 'https://%s.test' % kind for kind in (
            'identity', 'compute', 'placement', 'image', 'network',
            'block-storage')}
        self.region = 'RegionOne'
        self.offered = '2.103'
        self.placement_offered = '1.39'
        # {user: paths that are not there for this user}
        self.unseen = {}
        self.networks = [{'id': 'n1', 'name': 'net', 'status': 'ACTIVE',
                          'subnets': ['s']}]
        self.public_network = None
        self.disk = 1
        self.specs = {}
        # Fields of another flavor; None where there is none.
        self.other = None
        self.image = {'name': 'cirros', 'status': 'active'}
        self.known_roles = ['admin', 'member', 'reader']

    def _describe(self, provider_id):
        super()._describe(provider_id)
        for name, total in (('VCPU', 8), ('MEMORY_MB', 1024),
                            ('DISK_GB', 100)):
            self.inventories[provider_id][name] = dict(
                self.inventories[provider_id]['VCPU'], total=total)

    def answer(self, url, method, headers, body):
        self.asked = parse.urlsplit(url).hostname.split('.')[0]
        self.asking = (headers or {}).get('X-Auth-Token')
        response, answer = super().answer(url, method, headers, body)
        if method == 'POST':
            # The name of the user is the token.
            response['x-subject-token'] = json.loads(body)['auth'][
                'identity']['password']['user']['name']
        return response, answer

    def _dispatch(self, method, path, query, sent):
        if self.asked == 'compute' and not path:
            return 200, {'versions': [
                {'version': version, 'status': 'CURRENT', 'id': 'v2',
                 'updated': '2013-07-23T11:33:21Z', 'min_version': '',
                 'links': []} for version in ('', self.offered)]}
        if path in self.unseen.get(self.asking, ()):
            if path == 'v2.0/networks':
                return 200, {'networks': []}
            raise fake_cloud.Answer(404, {'message': 'who knows'})
        known = {
            'v2/images/image': self.image,
            'v2.0/networks': {'networks': self.networks},
            'v3/roles': {'roles': [{'name': name}
                                   for name in self.known_roles]},
            'v3/domains': {'domains': [{'name': 'Default', 'enabled': True}]},
            'flavors/flavor/os-extra_specs': {'extra_specs': self.specs},
            'flavors/flavor': {'flavor': self._flavor('flavor', 'tiny')}}
        if self.other:
            known.update({
                'flavors/other/os-extra_specs': {'extra_specs': {}},
                'flavors/other': {'flavor': self._flavor(
                    'other', 'other', **self.other)}})
        if self.public_network:
            known['v2.0/networks/ext'] = {'network': self.public_network}
        if method == 'GET' and path in known:
            return 200, known[path]
        if (method, path) == ('POST', 'v3/auth/tokens'):
            return self._create_token(sent)
        if not path:
            return 200, {'versions': [
                {'max_version': self.placement_offered}]}
        return super()._dispatch(method, path, query, sent)

    def _flavor(self, flavor_id, name, **fields):
        return dict({
            'id': flavor_id, 'name': name, 'vcpus': 1, 'ram': 64,
            'disk': self.disk, 'swap': '', 'rxtx_factor': 1, 'links': [],
            'os-flavor-access:is_public': True,
            'OS-FLV-EXT-DATA:ephemeral': 0,
            'OS-FLV-DISABLED:disabled': False}, **fields)

    def _create_token(self, sent):
        user = sent['auth']['identity']['password']['user']
        if user['password'] != 'SECRET':
            raise fake_cloud.Answer(401, {'error': {'message': 'who?'}})
        domain = {'id': 'default', 'name': 'Default'}
        named = {'id': 'x', 'name': user['name'], 'domain': domain}
        return 201, {'token': {
            'expires_at': '2999-01-01T00:00:00.000000Z', 'user': named,
            'project': named,
            'roles': [{'name': role} for role in self.roles[user['name']]],
            'catalog': [{'type': kind, 'endpoints': [{
                'interface': 'public', 'region': self.region, 'url': url}]}
                for kind, url in self.urls.items()]}}


class CloudCase(base.TestCase):

    def setUp(self):
        super().setUp()
        self.use_microversions()
        folder = self.useFixture(fixtures.TempDir()).path
        self.accounts = pathlib.Path(folder) / 'accounts.yaml'
        self.accounts.write_text(ACCOUNTS)
        self.config(journal_dir=folder, **GOOD)
        self.config(group='compute', max_microversion='latest',
                    image_ref='image', flavor_ref='flavor')
        self.config(group='identity', uri_v3='https://keystone.test/v3')
        self.config(group='auth', admin_username='boss',
                    admin_password='SECRET', admin_project_name='p',
                    admin_domain_name='Default',
                    test_accounts_file=str(self.accounts))
        self.config(group='service_available', neutron=True)
        self.cloud = WholeCloud()
        self.cloud.add_compute('cmp1', 11)
        self.cloud.add_compute('cmp2', 12)
        self.error = None
        self.useFixture(fixtures.MonkeyPatch(
            'tempest.lib.common.http.ClosingHttp.request', self.request))
        # What the command puts there in its turn.
        self.useFixture(fixtures.MonkeyPatch(
            'local_delete_tempest_plugin.cloud.transport.request',
            lambda pool, url, method, **arguments: self.request(
                pool, url, method, **arguments)))

    def request(self, _, url, method, **arguments):
        if self.error:
            raise self.error
        return self.cloud.request(url, method, **arguments)

    def findings(self, **arguments):
        return {found.check: found for found in checks.Checks(
            [test_local_delete.LocalDeleteTest], **arguments).run()}

    def assert_found(self, check, outcome, words):
        findings = self.findings()
        self.assertIn(check, findings, 'preflight makes no such check')
        found = findings[check]
        self.assertEqual(outcome, found.outcome, found)
        self.assertIn(words, found.found)
        self.assertEqual(outcome == 'pass', found.to_do == '')

    def assert_only_reads(self):
        self.assertEqual(set(), {
            (method, path) for method, path, _, _ in self.cloud.requests
            if method not in ('GET', 'HEAD')
            and (method, path) != ('POST', 'v3/auth/tokens')})
