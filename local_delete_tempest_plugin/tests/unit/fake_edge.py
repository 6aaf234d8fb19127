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

"""A cloud in memory below everything: catalog, tokens, clients, answers.

``FakeCloud`` stands behind single clients; here Tempest makes all of them
from tempest.conf, and only the connections are not real.
"""

import datetime
import json
from urllib import parse
import uuid

import fixtures
from oslo_utils import fixture as time_fixture
from oslo_utils import timeutils
import urllib3

from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin.tests.unit import fake_cloud

IMAGE, FLAVOR = '11111111-1111-4111-8111-111111111111', '42'
PASSWORD = 'the-secret-password'
TOKEN = 'the-secret-token'

_SERVICES = {'compute': 'compute', 'placement': 'placement',
             'image': 'image', 'identity': 'keystone', 'network': 'network',
             'block-storage': 'volume'}


class FakeEdge(fixtures.Fixture):
    """Keystone, Glance, and the services of a ``FakeCloud``.

    :ivar roles: Names of the admin's roles.
    :ivar clock: How far the cloud's clock is ahead of this machine's.
    :ivar lifetime: How long a token lives.
    :ivar pause: How much time passes with each request.
    :ivar catalog: {service type: URL}.
    :ivar is_real: Whether connections are to be real after all.
    :ivar before_answer: Called with (method, URL) before each answer; may
        return what ``transport._exchange`` does, or raise a
        ``fake_cloud.Answer``.
    """

    def __init__(self):
        super().__init__()
        self.cloud = fake_cloud.FakeCloud()
        self.cloud.add_compute('cmp1', 11)
        self.cloud.add_compute('cmp2', 12)
        for inventories in self.cloud.inventories.values():
            for name in ('MEMORY_MB', 'DISK_GB'):
                inventories[name] = dict(inventories['VCPU'], total=1024)
        self.roles = ['admin', 'member', 'reader']
        self.clock = datetime.timedelta()
        self.lifetime = datetime.timedelta(hours=1)
        self.pause = datetime.timedelta()
        self._expiry = None
        self.catalog = {service: 'https://%s.test' % address
                        for service, address in _SERVICES.items()}
        self.catalog['identity'] += '/v3'
        self.before_answer = lambda method, url: None
        self.requests = []
        self.is_real = False

    def _setUp(self):
        if self.is_real:
            return
        self._time = self.useFixture(time_fixture.TimeFixture())
        self.useFixture(fixtures.MockPatchObject(
            transport, '_exchange', self._exchange))

    @property
    def changes(self):
        """What was sent that is more than a question."""
        return [call for call in self.requests
                if call.split()[0] not in ('GET', 'HEAD')
                and not call.endswith('/auth/tokens')]

    def _exchange(self, pool, url, method, headers, body, limit):
        self.requests.append('%s %s' % (method, url))
        self._time.advance_time_delta(self.pause)
        parts = parse.urlsplit(url)
        if not parts.hostname:
            raise urllib3.exceptions.LocationValueError('No host specified.')
        try:
            given = self.before_answer(method, url)
            if given:
                return given
            if 'X-Auth-Token' in (headers or {}):
                self._check_token()
            status, answer = self._dispatch(method, parts, body)
        except fake_cloud.Answer as wrong:
            status, answer = wrong.status, wrong.body
        if status is None:
            head, data = self.cloud.answer(url, method, headers, body)
            return head, data if isinstance(data, bytes) else data.encode()
        data = answer if isinstance(answer, bytes) else json.dumps(
            answer).encode()
        extra = {name: value for name, value in (headers or {}).items()
                 if name.lower() in fake_cloud.VERSION_HEADERS}
        if parts.path.endswith('/auth/tokens'):
            extra['X-Subject-Token'] = TOKEN
        return transport.Response(url, status, dict(
            extra, **{'Content-Type': 'application/json'})), data

    def _dispatch(self, method, parts, body):
        host, path = parts.hostname.split('.')[0], parts.path
        if host == 'keystone':
            if path == '/v3/auth/tokens':
                return self._token(json.loads(body))
            if path in ('/v3/roles', '/v3/domains'):
                return 200, {path[4:]: [
                    {'id': name, 'name': name, 'enabled': True}
                    for name in ('admin', 'member', 'reader', 'Default')]}
            if path in ('/v3/projects', '/v3/users'):
                return 200, {path[4:]: []}
        if path == '/v2/images':
            return 200, {'images': []}
        if path == '/v2/images/' + IMAGE:
            return 200, {'id': IMAGE, 'name': 'cirros', 'status': 'active'}
        if host == 'compute' and path == '/flavors/' + FLAVOR:
            return 200, {'flavor': {
                'id': FLAVOR, 'name': 'tiny', 'ram': 64, 'vcpus': 1,
                'disk': 1, 'OS-FLV-EXT-DATA:ephemeral': 0, 'swap': '',
                'rxtx_factor': 1.0, 'os-flavor-access:is_public': True,
                'OS-FLV-DISABLED:disabled': False, 'links': []}}
        if path == '/flavors/%s/os-extra_specs' % FLAVOR:
            return 200, {'extra_specs': {}}
        if host == 'compute' and path == '/':
            return 200, {'versions': [
                {'id': 'v2.1', 'status': 'CURRENT', 'version': '2.96',
                 'min_version': '2.1', 'updated': '2013-07-23T11:33:21Z',
                 'links': []}]}
        if host == 'placement' and path == '/':
            return 200, {'versions': [{'max_version': '1.39'}]}
        if host in ('compute', 'placement', 'network', 'volume'):
            return None, None
        return 404, {'error': {'message': 'no such thing', 'code': 404}}

    @property
    def _now(self):
        """The time by the cloud's clock."""
        return timeutils.utcnow() + self.clock

    def _check_token(self):
        if self._now >= self._expiry:
            raise fake_cloud.Answer(401, {'error': {
                'code': 401, 'message': 'The token has expired.'}})

    def _token(self, sent):
        identity = sent['auth']['identity']
        if 'password' not in identity:
            return 400, {'error': {'code': 400, 'message': 'no password'}}
        password = identity['password']['user'].get('password')
        if password != PASSWORD:
            return 401, {'error': {'code': 401, 'message': (
                'The request you have made requires authentication.')}}
        self._expiry = self._now + self.lifetime
        domain = {'id': 'default', 'name': 'Default'}
        return 201, {'token': {
            'expires_at': self._expiry.strftime('%Y-%m-%dT%H:%M:%S.%fZ'),
            'user': {'id': 'a1', 'name': 'admin', 'domain': domain},
            'project': {'id': fake_cloud.PROJECT, 'name': 'admin',
                        'domain': domain},
            'roles': [{'id': role, 'name': role} for role in self.roles],
            'catalog': [
                {'type': service, 'name': service,
                 'id': uuid.uuid5(uuid.NAMESPACE_DNS, service).hex,
                 'endpoints': [
                     {'interface': 'public', 'region': 'RegionOne',
                      'url': url}]}
                for service, url in self.catalog.items()]}}
