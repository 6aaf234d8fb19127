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

"""Servers of another project come and go on every compute.

GET /servers?all_tenants=1 shows each of them for some seconds. Their
allocations are on the hosts' providers.
"""

import itertools
import threading
import time

from keystoneauth1 import adapter
from nova import utils

SERVICE = 'nova-api'
MODULE = 'nova.api.openstack.compute.servers'
SCENARIOS = ('test_allocations_removed_by_api',
             'test_leaked_allocations_healed')
BENIGN = True
OPTIONS = {'allow_foreign_servers': 'True'}

_LIVES = 3
_BUILD_LIMIT = 30


class _Foreigner:
    """Makes servers as Nova's own user, through the API."""

    def __init__(self, hook):
        mine = utils.get_ksa_adapter('placement')
        self._api = adapter.Adapter(
            mine.session, auth=mine.auth, service_type='compute',
            interface='public', default_microversion='2.74')
        self._images = adapter.Adapter(
            mine.session, auth=mine.auth, service_type='image',
            interface='public')
        self._hook = hook

    def come_and_go(self, number):
        services = self._api.get('/os-services?binary=nova-compute').json()
        hosts = sorted(one['host'] for one in services['services']
                       if (one['state'], one['status']) == ('up', 'enabled'))
        server = self._create(hosts[number % len(hosts)])
        try:
            if self._settle(server) == 'ACTIVE':
                self._hook.reached()
                time.sleep(_LIVES)
        finally:
            self._api.delete(f'/servers/{server}')

    def _create(self, host):
        image = self._images.get('/v2/images').json()['images'][0]['id']
        flavor = self._api.get('/flavors').json()['flavors'][0]['id']
        return self._api.post('/servers', json={'server': {
            'name': 'foreign', 'imageRef': image, 'flavorRef': flavor,
            'networks': 'none', 'host': host}}).json()['server']['id']

    def _settle(self, server):
        end = time.monotonic() + _BUILD_LIMIT
        while self._hook.active() and time.monotonic() < end:
            shown = self._api.get(f'/servers/{server}').json()['server']
            if shown['status'] != 'BUILD':
                return shown['status']
            time.sleep(1)
        return None


def patch(module, hook):
    def go_on():
        for number in itertools.count():
            time.sleep(1)
            if not hook.active():
                break
            try:
                _Foreigner(hook).come_and_go(number)
            except Exception:
                # The API is only starting, or a host has gone away.
                continue
    threading.Thread(target=go_on, daemon=True).start()
