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

"""Tell stories with openstacksdk alone, for the floor of a scenario's time.

This is a program of its own, for a Python that has openstacksdk. It reads a
JSON object from stdin: what ``floor.py`` gives to it. For each line that
follows, which names a story, it tells the story once and prints its seconds.

A story makes the calls of its scenario: the same reads of the guard and of the
footprint, the same changes, the same proofs. Nothing is journaled, and no
answer is checked beyond what the next call needs.
"""

from collections.abc import Callable
from collections.abc import Iterator
import concurrent.futures
import contextlib
import json
import subprocess
import sys
import time
from typing import Any
import uuid

import openstack

_PAUSE = 0.2
_LIMIT = 300


class Floor:
    """The cloud, as an admin and as a member.

    :param given: what ``floor.py`` gives
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._admin = self._connect('admin')
        self._member = self._connect('member1')
        self._project = self._member.current_project_id
        self._pool = concurrent.futures.ThreadPoolExecutor(8)

    def _connect(self, user):
        return openstack.connection.Connection(
            auth={'auth_url': self._given['auth_url'], 'username': user,
                  'password': self._given['passwords'][user],
                  'project_name': user, 'user_domain_id': 'default',
                  'project_domain_id': 'default'},
            region_name=self._given['region'], verify=self._given['verify'],
            compute_default_microversion='2.53',
            placement_default_microversion='1.28',
            volume_default_microversion='3.27')

    # -- what Tempest and the plugin make for a class

    @contextlib.contextmanager
    def made(self) -> Iterator[None]:
        """Make the network, the trait and the flavors, and delete them."""
        compute, network = self._admin.compute, self._member.network
        name = f'floor-{uuid.uuid4().hex}'
        self._trait = 'CUSTOM_' + name.upper().replace('-', '_')
        with contextlib.ExitStack() as undo:
            self._network = network.create_network(name=name).id
            undo.callback(network.delete_network, self._network)
            undo.callback(self._delete_servers)
            network.create_subnet(
                network_id=self._network, cidr='10.200.0.0/28', ip_version=4)
            self._admin.placement.put(f'/traits/{self._trait}')
            undo.callback(self._admin.placement.delete,
                          f'/traits/{self._trait}')
            self._flavors = []
            for number, size in enumerate(((128, 1, 1), (256, 2, 2))):
                ram, vcpus, disk = size
                flavor = compute.create_flavor(
                    name=f'{name}-{number}', ram=ram, vcpus=vcpus, disk=disk,
                    is_public=False)
                undo.callback(compute.delete_flavor, flavor)
                compute.create_flavor_extra_specs(
                    flavor, {f'trait:{self._trait}': 'required'})
                compute.flavor_add_tenant_access(flavor, self._project)
                self._flavors.append(flavor.id)
            yield

    def _delete_servers(self):
        """Delete the server of a story that failed."""
        compute = self._member.compute
        for server in compute.servers(details=False):
            compute.delete_server(server)
        self._wait(lambda: not list(compute.servers(details=False)))

    # -- the stories

    def forced_down(self, away: Callable | None = None,
                    **settings: Any) -> None:
        """Delete a server whose compute is forced down, or stopped."""
        away = away or self._forced_down
        host, = hosts = self._lease(1)
        self._read(hosts)
        server = self._boot(**settings)
        self._read(hosts, server)
        with away(host):
            self._delete(server, host)
            self._read(hosts, server)
        self._read(hosts, server)
        self._give_back(server, hosts)

    def stopped(self) -> None:
        """Delete a server whose compute is stopped."""
        self.forced_down(self._stopped)

    def healed(self) -> None:
        """Stop Placement for the delete; the compute's start heals."""
        host, = hosts = self._lease(1)
        self._read(hosts)
        server = self._boot()
        self._read(hosts, server)
        with self._stopped(host):
            self._command('placement_stop')
            self._wait(lambda: not self._placement_answers())
            self._delete(server, host)
            self._command('placement_start')
            self._wait(self._placement_answers)
            self._read(hosts, server)
        self._wait(lambda: not self._read(hosts, server))
        self._give_back(server, hosts)

    def port(self) -> None:
        """Delete a server with a port of the user."""
        network = self._member.network
        port = network.create_port(network_id=self._network)
        self.forced_down(networks=[{'port': port.id}])
        network.get_port(port)
        network.delete_port(port)

    def volume(self) -> None:
        """Delete a server with a volume of the user attached."""
        storage = self._member.block_storage
        volume = storage.create_volume(size=1)
        self._wait(lambda: self._is(volume, 'available'))
        host, = hosts = self._lease(1)
        self._read(hosts)
        server = self._boot()
        self._read(hosts, server)
        self._member.compute.create_volume_attachment(
            server, volume_id=volume.id)
        self._wait(lambda: self._active(server))
        self._wait(lambda: self._is(volume, 'in-use'))
        self._read(hosts, server)
        with self._forced_down(host):
            self._delete(server, host)
            self._wait(lambda: self._read(hosts, server) is not None
                       and self._is(volume, 'available'))
        self._read(hosts, server)
        self._give_back(server, hosts)
        storage.delete_volume(volume)
        self._wait(lambda: not list(storage.volumes(details=False)))

    def move(self) -> None:
        """Delete a resized server whose destination is forced down."""
        hosts = self._lease(2)
        self._read(hosts)
        server = self._boot()
        self._read(hosts, server)
        self._member.compute.resize_server(server, self._flavors[1])
        self._wait(lambda: self._migrations(server))
        migration, = self._migrations(server)
        self._wait(lambda: self._show(server)['status'] == 'VERIFY_RESIZE')
        self._read(hosts, server, migration)
        with self._forced_down(self._host_of(server)):
            self._delete(server, self._away)
            self._wait(lambda: not self._read(hosts, server, migration))
        self._read(hosts, server)
        self._give_back(server, hosts)

    # -- the steps

    def _wait(self, ready):
        end = time.monotonic() + _LIMIT
        while not ready():
            if time.monotonic() > end:
                raise TimeoutError(f'not after {_LIMIT} s')
            time.sleep(_PAUSE)

    def _lease(self, count):
        self._services()
        nodes = {node['service']['host']: node['id']
                 for node in self._hypervisors()}
        leased = {host: nodes[host] for host in self._given['hosts'][:count]}
        for host, provider in leased.items():
            self._guard(host, provider)
            self._put_traits(provider, add=True)
        self._providers = leased
        return list(leased)

    def _services(self, host=None):
        found = self._admin.compute.get(
            '/os-services?binary=nova-compute' + (
                f'&host={host}' if host else '')).json()['services']
        return found[0] if host else found

    def _hypervisors(self):
        return self._admin.compute.get(
            '/os-hypervisors/detail').json()['hypervisors']

    def _guard(self, host, provider):
        self._services()
        self._admin.compute.get(f'/os-migrations?host={host}')
        self._admin.compute.get(f'/servers?all_tenants=1&host={host}')
        for found in self._tree(provider):
            self._admin.placement.get(
                f'/resource_providers/{found}/allocations')

    def _tree(self, provider):
        return [found['uuid'] for found in self._admin.placement.get(
            f'/resource_providers?in_tree={provider}'
        ).json()['resource_providers']]

    def _traits(self, provider):
        return self._admin.placement.get(
            f'/resource_providers/{provider}/traits').json()

    def _put_traits(self, provider, add):
        path = f'/resource_providers/{provider}/traits'
        for _ in range(20):
            told = self._traits(provider)
            traits = set(told['traits']) - {self._trait}
            if self._admin.placement.put(path, json={
                    'traits': sorted(traits | {self._trait} if add
                                     else traits),
                    'resource_provider_generation': told[
                        'resource_provider_generation']},
                    raise_exc=False).status_code == 200:
                return
        raise TimeoutError(path)

    def _read(self, hosts, server=None, migration=None):
        """Read the footprint, and return what the consumers hold."""
        member, storage = self._member.compute, self._member.block_storage
        since = f'?changes-since={self._created}' if server else ''
        asked = [self._pool.submit(self._read_tree, self._providers[host])
                 for host in hosts]
        asked += [self._pool.submit(client.get, path) for client, path in (
            (self._admin.placement, f'/usages?project_id={self._project}'),
            (member, f'/servers{since}'), (member, '/limits'),
            (self._admin.network, f'/ports?project_id={self._project}'),
            (storage, '/volumes/detail'), (storage, '/attachments/detail'))]
        consumers = [self._pool.submit(
            self._admin.placement.get, f'/allocations/{consumer}')
            for consumer in (server, migration) if consumer]
        for answer in asked:
            answer.result()
        held = {}
        for answer in consumers:
            held.update(answer.result().json()['allocations'])
        return held

    def _read_tree(self, provider):
        for found in self._tree(provider):
            for what in ('allocations', 'usages'):
                self._admin.placement.get(
                    f'/resource_providers/{found}/{what}')

    def _boot(self, **settings):
        for provider in self._providers.values():
            self._traits(provider)
        server = self._member.compute.create_server(**{
            'name': 'floor', 'image_id': self._given['image'],
            'flavor_id': self._flavors[0],
            'networks': [{'uuid': self._network}], **settings}).id
        self._created = self._show(server)['created']
        self._wait(lambda: self._active(server))
        return server

    def _is(self, volume, status):
        return self._member.block_storage.get_volume(
            volume.id).status == status

    def _migrations(self, server):
        return [migration['uuid'] for migration in self._admin.compute.get(
            f'/os-migrations?instance_uuid={server}',
            microversion='2.59').json()['migrations']]

    def _show(self, server):
        return self._admin.compute.get(f'/servers/{server}').json()['server']

    def _active(self, server):
        shown = self._show(server)
        return (shown['status'] == 'ACTIVE'
                and not shown['OS-EXT-STS:task_state'])

    def _host_of(self, server):
        self._away = self._show(server)['OS-EXT-SRV-ATTR:host']
        return self._away

    def _delete(self, server, host):
        answer = self._member.compute.delete(f'/servers/{server}')
        request = answer.headers['x-openstack-request-id']
        self._wait(lambda: self._member.compute.get(
            f'/servers/{server}', raise_exc=False).status_code == 404)
        self._services(host)
        actions = f'/servers/{server}/os-instance-actions'
        self._admin.compute.get(actions)
        self._admin.compute.get(f'{actions}/{request}')

    @contextlib.contextmanager
    def _fenced(self, host):
        provider = self._providers[host]
        self._guard(host, provider)
        service = self._services(host)['id']
        self._put(service, status='disabled', disabled_reason='floor')
        self._guard(host, provider)
        try:
            yield service
        finally:
            self._unfence(host, provider, service)

    def _unfence(self, host, provider, service):
        self._wait(lambda: self._services(host)['state'] == 'up')
        self._services(host)
        self._put(service, status='enabled')
        self._services(host)
        self._wait(lambda: 'COMPUTE_STATUS_DISABLED' not in self._traits(
            provider)['traits'])
        self._services(host)

    def _put(self, service, **settings):
        self._admin.compute.put(f'/os-services/{service}', json=settings)

    def _await_down(self, host):
        self._wait(lambda: self._services(host)['state'] == 'down')

    @contextlib.contextmanager
    def _forced_down(self, host):
        with self._fenced(host) as service:
            self._put(service, forced_down=True)
            self._await_down(host)
            try:
                yield
            finally:
                self._services(host)
                self._put(service, forced_down=False)

    @contextlib.contextmanager
    def _stopped(self, host):
        with self._fenced(host):
            self._command('compute_stop', host)
            self._await_down(host)
            try:
                yield
            finally:
                self._command('compute_start', host)
                self._await_heartbeats(host)
            self._services(host)

    def _await_heartbeats(self, host):
        beats = set()

        def count():
            beats.add(self._services(host)['updated_at'])
            return len(beats) > 2

        self._wait(count)

    def _command(self, name, host=''):
        subprocess.run([word.replace('{host}', host) for word in
                        self._given['commands'][name]], check=True,
                       stdout=subprocess.DEVNULL)

    def _placement_answers(self):
        try:
            return self._admin.placement.get(
                '/', raise_exc=False, connect_retries=0).status_code < 500
        except Exception:
            return False

    def _give_back(self, server, hosts):
        for path in ('/servers?all_tenants=1&name=%5Efloor%24',
                     '/servers?all_tenants=1&name=%5Efloor%24',
                     '/servers?all_tenants=1&deleted=True&name=%5Efloor%24'):
            self._admin.compute.get(path)
        self._admin.placement.get(f'/allocations/{server}')
        for host in hosts:
            self._put_traits(self._providers[host], add=False)


def main() -> None:
    """Tell the stories that stdin names, and print their seconds."""
    floor = Floor(json.loads(sys.stdin.readline()))
    with floor.made():
        print('ready', flush=True)
        for line in sys.stdin:
            story = getattr(floor, line.strip())
            began = time.monotonic()
            story()
            print(f'{time.monotonic() - began:.3f}', flush=True)


if __name__ == '__main__':
    main()
