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

"""Placement and Nova in memory, in the place of a client's connection.

Everything from the clients' methods down to the bytes of a request is real;
only the connection is not. Each request lets a second of the cloud's clock
pass, so that heartbeats and services that go silent need no real time.
"""

import collections
import copy
import datetime
import email.utils
import json
import re
import types
from unittest import mock
from urllib import parse

from tempest.lib.services.compute import aggregates_client
from tempest.lib.services.compute import flavors_client
from tempest.lib.services.compute import hypervisor_client
from tempest.lib.services.compute import limits_client
from tempest.lib.services.compute import server_groups_client
from tempest.lib.services.compute import servers_client
from tempest.lib.services.compute import services_client
from tempest.lib.services.image.v2 import images_client
from tempest.lib.services.network import floating_ips_client
from tempest.lib.services.network import ports_client
from tempest.lib.services.volume.v3 import volumes_client

from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.cloud import response_schemas
from local_delete_tempest_plugin.services import compute
from local_delete_tempest_plugin.services import network
from local_delete_tempest_plugin.services import placement
from local_delete_tempest_plugin.services import volume

# Of the admin.
PROJECT = '0f1e2d3c4b5a69788796a5b4c3d2e1f0'

DISABLED_TRAIT = 'COMPUTE_STATUS_DISABLED'
SHARING_TRAIT = 'MISC_SHARES_VIA_AGGREGATE'

# What the clock of the cloud begins with.
_EPOCH = datetime.datetime(2026, 1, 1)

VERSION_HEADERS = ('openstack-api-version', 'x-openstack-nova-api-version')


def uuid(number):
    """Make a UUID that is easy to recognize in a message."""
    return '%08d-0000-4000-8000-%012d' % (number, number)


def cinder_volume(number, status, *servers, name=None):
    """Make a volume that is attached to servers, as Cinder shows it."""
    return dict(
        dict.fromkeys(('updated_at', 'replication_status', 'description',
                       'availability_zone', 'consistencygroup_id',
                       'volume_type', 'snapshot_id', 'source_volid')),
        id=uuid(number), name=name, status=status, links=[], encrypted=False,
        size=1, user_id=uuid(1), metadata={}, multiattach=False,
        bootable='true', created_at='2026-01-01T00:00:00.000000',
        attachments=[{
            'server_id': uuid(server), 'attachment_id': uuid(71),
            'attached_at': '2026-01-01T00:00:00.000000', 'host_name': None,
            'volume_id': uuid(number), 'device': '/dev/vda',
            'id': uuid(number)} for server in servers])


class Response(dict):
    """What ``tempest.lib.common.http`` makes of an answer's head."""

    def __init__(self, status, headers):
        super().__init__({name.lower(): value
                          for name, value in headers.items()})
        self.status = status


class Answer(Exception):
    """An answer other than the expected one."""

    def __init__(self, status, body=None):
        super().__init__(status)
        self.status = status
        self.body = body


class _AuthProvider:
    """Puts the base URL of a service in front of a request's."""

    def __init__(self, service):
        self._base_url = 'http://%s.test' % service

    def base_url(self, filters, auth_data=None):
        return self._base_url

    def auth_request(self, method, url, headers=None, body=None,
                     filters=None):
        return '%s/%s' % (self._base_url, url.lstrip('/')), headers, body


class FakeCloud:
    """One cloud: compute services, hypervisors, providers, allocations.

    :ivar requests: [(method, path and query, headers, decoded body)].
    :ivar before_answer: Called with (method, path) before each answer; may
        change the cloud, raise ``Answer`` or anything else.
    :ivar is_running: Called with a host; tells whether its process runs.
    """

    # Seconds after its last heartbeat in which a service still counts as up.
    service_down_time = 4

    def __init__(self):
        self.requests = []
        self.before_answer = lambda method, path: None
        self.is_running = lambda host: True
        self.services = []
        self.hypervisors = []
        self.page_size = 1000
        self.providers = []
        self.traits = {}
        self.inventories = {}
        self.provider_aggregates = {}
        self.custom_traits = set()
        self.allocations = {}
        # {provider UUID: {class: amount}} in its usages and no allocation.
        self.uncounted = {}
        # Server id: 'ACTIVE', 'unchanged' (for long), 'deleting' (and stuck
        # in it) or 'deleted'.
        self.servers = {}
        # Server id: name; 'server' where it is not here. Like a proxy that
        # drops filters, this cloud heeds no name.
        self.names = {}
        self.hosts = {}
        self.migrations = []
        self.flavors = []
        self.ports = []
        # {port UUID: its bindings}
        self.port_bindings = {}
        self.floating_ips = []
        self.volumes = []
        self.attachments = []
        self.server_groups = []
        self.images = []
        self.aggregates = []
        # Of new projects, as far as it has limits.
        self.default_quota = {}
        # {name of an aggregate: its metadata}
        self.aggregate_metadata = {}
        # What went with a compute service, until its process starts again.
        self._forgotten = []
        self._now = 0

    def client(self, client_class, service):
        """Make a client of ours or of tempest.lib that talks to this cloud."""
        client = client_class(_AuthProvider(service), service, 'RegionOne')
        client.http_obj = self
        return client

    def placement_client(self):
        return self.client(placement.PlacementClient, 'placement')

    def servers_client(self):
        return self.client(servers_client.ServersClient, 'compute')

    def member(self):
        """Make what a member's manager has for this plugin."""
        return types.SimpleNamespace(
            servers_client=self.servers_client(),
            limits_client=self.client(limits_client.LimitsClient, 'compute'),
            server_groups_client=self.client(
                server_groups_client.ServerGroupsClient, 'compute'),
            floating_ips_client=self.client(
                floating_ips_client.FloatingIPsClient, 'network'),
            volumes_client_latest=self.client(
                volumes_client.VolumesClient, 'volume'),
            image_client_v2=self.client(images_client.ImagesClient, 'image'),
            local_delete_volume=types.SimpleNamespace(
                AttachmentsClient=lambda: self.client(
                    volume.AttachmentsClient, 'volume')))

    def compute_services(self, kind=compute_services.ComputeServices):
        return kind(
            self.client(services_client.ServicesClient, 'compute'),
            self.client(hypervisor_client.HypervisorClient, 'compute'))

    def admin(self):
        """Make the clients of an admin of this cloud."""
        return admin.Admin(
            manager=types.SimpleNamespace(
                auth_provider=mock.Mock(auth_data=('token', {
                    'project': {'id': PROJECT}, 'catalog': []})),
                servers_client=self.servers_client(),
                flavors_client=self.client(
                    flavors_client.FlavorsClient, 'compute'),
                ports_client=self.client(ports_client.PortsClient, 'network'),
                **{name: getattr(self.member(), name) for name in (
                    'floating_ips_client', 'server_groups_client',
                    'volumes_client_latest', 'image_client_v2')},
                aggregates_client=self.client(
                    aggregates_client.AggregatesClient, 'compute'),
                local_delete_compute=types.SimpleNamespace(
                    ServicesClient=lambda: self.client(
                        compute.ServicesClient, 'compute'),
                    MigrationsClient=lambda: self.client(
                        compute.MigrationsClient, 'compute')),
                local_delete_network=types.SimpleNamespace(
                    PortBindingsClient=lambda: self.client(
                        network.PortBindingsClient, 'network'))),
            services=self.compute_services(),
            placement=self.placement_client())

    def add_compute(self, host, number, service_number=None):
        """Add a host with a compute service and a node.

        :returns: The ``TargetHost``.
        """
        self.add_service(host, service_number or 100 + number)
        return self.add_node(host, number)

    def add_service(self, host, number):
        self.services.append({
            'id': uuid(number), 'binary': 'nova-compute', 'host': host,
            'zone': 'nova', 'status': 'enabled', 'disabled_reason': None,
            'forced_down': False, 'heartbeat': 0, 'updated_at': 0,
            'ran': True})

    def add_node(self, host, number):
        name = '%s.test' % host
        self.hypervisors.append({
            'id': uuid(number), 'hypervisor_hostname': name, 'state': 'up',
            'status': 'enabled', 'host_ip': '192.0.2.1', 'cpu_info': {},
            'current_workload': 0, 'disk_available_least': 1,
            'free_disk_gb': 1, 'free_ram_mb': 1, 'hypervisor_type': 'fake',
            'hypervisor_version': 1, 'local_gb': 1, 'local_gb_used': 0,
            'memory_mb': 1, 'memory_mb_used': 0, 'running_vms': 0,
            'vcpus': 1, 'vcpus_used': 0,
            'service': {'id': uuid(100 + number), 'host': host,
                        'disabled_reason': None}})
        self.add_provider(number, name)
        return compute_services.TargetHost(host, uuid(number), name)

    def add_provider(self, number, name, root=None):
        self.providers.append({
            'uuid': uuid(number), 'name': name, 'generation': 0,
            'root_provider_uuid': uuid(root or number),
            'parent_provider_uuid': uuid(root) if root else None,
            'links': []})
        self._describe(uuid(number))

    def _describe(self, provider_id):
        """Describe a provider as its nova-compute does."""
        self.traits[provider_id] = {'HW_CPU_X86_AVX'}
        self.provider_aggregates[provider_id] = []
        self.inventories[provider_id] = {
            name: {'total': 8, 'reserved': 0, 'min_unit': 1, 'max_unit': 8,
                   'step_size': 1, 'allocation_ratio': ratio}
            for name, ratio in (('VCPU', 4.0), ('MEMORY_MB', 1.0))}

    def hold(self, consumer, provider, project_id='ours', **resources):
        """Let a consumer hold resources on a provider."""
        owned = self.allocations.setdefault(uuid(consumer), {
            'project_id': project_id, 'user_id': 'someone',
            'consumer_generation': 1, 'allocations': {}})
        owned['allocations'][uuid(provider)] = {
            'resources': resources, 'generation': 1}

    def service_of(self, host):
        return next(service for service in self.services
                    if service['host'] == host)

    def settings_of(self, host):
        """What must be the same before and after an outage."""
        service = self.service_of(host)
        traits = {node['id']: sorted(self.traits[node['id']])
                  for node in self.hypervisors
                  if node['service']['host'] == host}
        return dict(
            {name: service[name] for name in (
                'status', 'disabled_reason', 'forced_down')},
            runs=self.is_running(host), traits=traits)

    def calls(self, *methods):
        """List the requests as '<method> <path and query>'."""
        return ['%s %s' % (method, path)
                for method, path, _, _ in self.requests
                if not methods or method in methods]

    def request(self, url, method, headers=None, body=None, **_):
        """Answer a request, as ``urllib3`` does through tempest.lib."""
        head, answer = self.answer(url, method, headers, body)
        head.call = '%s %s' % (method, url)
        response_schemas.check(head.call, head, answer.encode())
        return head, answer

    def answer(self, url, method, headers, body):
        """Answer a request, and leave it to others to check it.

        :returns: (``Response``, what would be the answer's bytes).
        """
        parts = parse.urlsplit(url)
        path = parts.path.lstrip('/')
        sent = json.loads(body) if body else None
        whole = path + ('?' + parts.query if parts.query else '')
        self.requests.append((method, whole, headers, sent))
        self._tick()
        query = dict(parse.parse_qsl(parts.query))
        try:
            self.before_answer(method, whole)
            status, answer = self._dispatch(method, path, query, sent)
        except Answer as given:
            status, answer = given.status, given.body
        if not isinstance(answer, (bytes, str)):
            answer = json.dumps(answer) if answer is not None else ''
        versions = {name: value for name, value in (headers or {}).items()
                    if name.lower() in VERSION_HEADERS}
        return Response(status, dict(versions, **{
            'Content-Type': 'application/json',
            'Date': email.utils.format_datetime(_EPOCH + datetime.timedelta(
                seconds=self._now)),
            'X-Openstack-Request-Id': 'req-%d' % len(self.requests)})), answer

    def _tick(self):
        self._now += 1
        for forgotten in list(self._forgotten):
            if self.is_running(forgotten[0]['host']):
                self._forgotten.remove(forgotten)
                self._register_again(*forgotten)
        for service in self.services:
            runs = self.is_running(service['host'])
            if runs:
                service['heartbeat'] = service['updated_at'] = self._now
            if runs and not service['ran']:
                self._sync_trait(service)
            service['ran'] = runs

    def _sync_trait(self, service):
        change = (set.add if service['status'] == 'disabled'
                  else set.discard)
        for node in self.hypervisors:
            if node['service']['host'] == service['host']:
                change(self.traits[node['id']], DISABLED_TRAIT)

    def _dispatch(self, method, path, query, sent):
        for routed, pattern, handler in self._ROUTES:
            match = re.fullmatch(pattern, path)
            if match and routed == method:
                return handler(self, *map(parse.unquote, match.groups()),
                               **{'query': query} if routed == 'GET'
                               else {'sent': sent})
        raise Answer(404, {'itemNotFound': {'message': path}})

    def _page(self, query, key, items):
        first = next((number for number, item in enumerate(items, 1)
                      if item['id'] == query.get('marker')), 0)
        page = items[first:first + self.page_size]
        answer = {key: page}
        if first + len(page) < len(items):
            # Glance has it in another place.
            answer['next' if key == 'images' else key + '_links'] = [
                {'rel': 'next', 'href': 'http://service.test/next'}]
        return 200, answer

    def _unlinked_page(self, query, key, items):
        first = int(query.get('offset', 0))
        return 200, {key: items[first:first + self.page_size]}

    # Nova

    def _list_services(self, query):
        return 200, {'services': [
            self._shown(service) for service in self.services
            if query.get('host', service['host']) == service['host']
            and query['binary'] == service['binary']]}

    def _shown(self, service):
        silent = self._now - service['heartbeat'] > self.service_down_time
        shown = {name: service[name] for name in (
            'id', 'binary', 'host', 'zone', 'status', 'disabled_reason',
            'forced_down', 'zone')}
        shown['state'] = ('down' if silent or service['forced_down']
                          else 'up')
        shown['updated_at'] = (
            _EPOCH + datetime.timedelta(
                seconds=service['updated_at'])).strftime(
                    '%Y-%m-%dT%H:%M:%S.000000')
        return shown

    def _update_service(self, service_id, sent):
        service = next(service for service in self.services
                       if service['id'] == service_id)
        if 'disabled_reason' in sent and sent.get('status') != 'disabled':
            raise Answer(400, {'badRequest': {
                'message': 'disabled_reason without status disabled'}})
        # The compute puts and removes the trait, if it is up, or as it starts.
        was_up = self._shown(service)['state'] == 'up'
        service.update(sent)
        if 'status' in sent:
            service['disabled_reason'] = sent.get('disabled_reason')
            if was_up:
                self._sync_trait(service)
        service['updated_at'] = self._now + 0.5
        return 200, {'service': self._shown(service)}

    def _delete_service(self, service_id, sent):
        service = next(service for service in self.services
                       if service['id'] == service_id)
        nodes = [node for node in self.hypervisors
                 if node['service']['host'] == service['host']]
        providers = [provider for provider in self.providers
                     if provider['uuid'] in [node['id'] for node in nodes]]
        self.services.remove(service)
        for node in nodes:
            self.hypervisors.remove(node)
        for provider in providers:
            self.providers.remove(provider)
        self._forgotten.append((service, nodes, providers))
        return 204, None

    def _register_again(self, service, nodes, providers):
        self.services.append(dict(
            service, id=uuid(500 + self._now), status='enabled',
            disabled_reason=None, forced_down=False))
        self.hypervisors += nodes
        self.providers += providers
        for provider in providers:
            provider['generation'] = 0
            self._describe(provider['uuid'])

    def _list_aggregates(self, query):
        return 200, {'aggregates': [
            {'id': 1, 'uuid': uuid(700), 'name': name, 'hosts': hosts,
             'availability_zone': None, 'created_at': '2026-01-01T00:00:00',
             'updated_at': None, 'deleted': False, 'deleted_at': None,
             'metadata': self.aggregate_metadata.get(name, {})}
            for name, hosts in self.aggregates]}

    def _list_hypervisors(self, query):
        pattern = query.get('hypervisor_hostname_pattern')
        if pattern is None:
            return self._page(query, 'hypervisors',
                              copy.deepcopy(self.hypervisors))
        found = [copy.deepcopy(node) for node in self.hypervisors
                 if pattern in node['hypervisor_hostname']]
        if not found:
            raise Answer(404, {'itemNotFound': {'message': 'no match'}})
        return 200, {'hypervisors': found}

    def _show_hypervisor(self, hypervisor_id, query):
        return 200, {'hypervisor': next(
            copy.deepcopy(node) for node in self.hypervisors
            if node['id'] == hypervisor_id)}

    def _list_servers(self, query):
        # An admin who asks for deleted servers gets them, and no others.
        left_out = (None if query.get('deleted') == 'True' else
                    'unchanged' if 'changes-since' in query else 'deleted')
        return self._page(query, 'servers', [
            {'id': server_id, 'name': self.names.get(server_id, 'server'),
             'links': []}
            for server_id, state in self.servers.items()
            if state != left_out
            and (state != 'SOFT_DELETED'
                 or query.get('soft_deleted') == 'True')
            and query.get('task_state') in (None, state)
            and (query.get('deleted') != 'True' or state == 'deleted')
            and query.get('uuid') in (None, server_id)
            and query.get('host') in (None, self.hosts.get(server_id))])

    def _act_on_server(self, server_id, sent):
        if 'os-resetState' in sent:
            self.servers[server_id] = 'ACTIVE'
        elif self.servers[server_id] not in ('deleting', 'soft-deleting'):
            self.servers[server_id] = 'deleted'
        return 202, None

    def _list_flavors(self, query):
        return self._page(query, 'flavors', [
            {'id': name, 'name': name, 'links': []} for name in self.flavors])

    def _delete_flavor(self, name, sent):
        self.flavors.remove(name)
        return 202, None

    def _list_migrations(self, query):
        return 200, {'migrations': [
            dict({'id': 900 + number, 'uuid': uuid(900 + number)}, **migration)
            for number, migration in enumerate(self.migrations)
            if query.get('host', migration['source_compute']) in (
                migration['source_compute'], migration['dest_compute'])
            and query.get('instance_uuid', migration['instance_uuid'])
            == migration['instance_uuid']]}

    def _show_limits(self, query):
        alive = sum(state not in ('deleted', 'unchanged')
                    for state in self.servers.values())
        return 200, {'limits': {'rate': [], 'absolute': {
            **dict.fromkeys(
                ('maxServerMeta', 'maxTotalInstances', 'maxTotalRAMSize',
                 'maxTotalCores', 'maxTotalKeypairs', 'maxServerGroups',
                 'maxServerGroupMembers', 'totalServerGroupsUsed',
                 'maxPersonality', 'maxPersonalitySize'), 10),
            'maxTotalRAMSize': 51200,
            'totalInstancesUsed': alive, 'totalCoresUsed': alive,
            'totalRAMUsed': 512 * alive}}}

    def _show_default_quota(self, project_id, query):
        return 200, {'quota_set': dict(
            dict.fromkeys((
                'cores', 'instances', 'key_pairs', 'ram', 'metadata_items',
                'server_groups', 'server_group_members', 'injected_files',
                'injected_file_content_bytes', 'injected_file_path_bytes'),
                -1),
            id=project_id, **self.default_quota)}

    def _list_server_groups(self, query):
        return self._unlinked_page(query, 'server_groups', [
            {'id': group['id'], 'name': 'group', 'metadata': {},
             'policies': [], 'project_id': 'ours', 'user_id': 'someone',
             'members': group['members']} for group in self.server_groups])

    # Neutron and Cinder

    def _list_ports(self, query):
        return self._page(query, 'ports', self.ports)

    def _list_port_bindings(self, port_id, query):
        if port_id not in self.port_bindings:
            raise Answer(404, {'NeutronError': {'type': 'PortNotFound'}})
        return 200, {'bindings': self.port_bindings[port_id]}

    def _list_floating_ips(self, query):
        return self._page(query, 'floatingips', self.floating_ips)

    def _list_images(self, query):
        return self._page(query, 'images', [
            image for image in self.images
            if query.get('name', image['name']) == image['name']])

    def _list_volumes(self, query):
        return self._page(query, 'volumes', self.volumes)

    def _list_volumes_briefly(self, query):
        return self._page(query, 'volumes', [
            {name: volume[name] for name in ('id', 'name', 'links')}
            for volume in self.volumes])

    def _list_attachments(self, query):
        return self._unlinked_page(query, 'attachments', self.attachments)

    # Placement

    def _provider(self, uuid):
        for provider in self.providers:
            if provider['uuid'] == uuid:
                return provider
        raise Answer(404, {'errors': []})

    def _show_root(self, query):
        return 200, {'versions': []}

    def _list_providers(self, query):
        if 'required' in query:
            if not self._is_known(query['required']):
                raise Answer(400, {'errors': [{'title': 'Bad Request'}]})
            return 200, {'resource_providers': [
                provider for provider in self.providers
                if query['required'] in self.traits[provider['uuid']]]}
        if 'in_tree' not in query:
            return 200, {'resource_providers': self.providers}
        root = self._provider(query['in_tree'])['root_provider_uuid']
        return 200, {'resource_providers': [
            provider for provider in self.providers
            if provider['root_provider_uuid'] == root]}

    def _list_candidates(self, query):
        """Offer what the providers of a tree have free, if they have it all.

        Each group of the request is looked at alone. Without a tree only
        sharing providers offer something, because another group has a tree.
        """
        taken = {}
        for name in query:
            if not name.startswith('resources'):
                continue
            suffix = name.removeprefix('resources')
            tree = query.get('in_tree' + suffix)
            wanted = dict(amount.split(':') for amount
                          in query[name].split(','))
            for resource, amount in wanted.items():
                provider = next((
                    one['uuid'] for one in self.providers
                    if (tree == one['root_provider_uuid'] if tree
                        else SHARING_TRAIT in self.traits[one['uuid']])
                    and self._free(one['uuid'], resource) >= int(amount)
                    and self._has(one['uuid'],
                                  query.get('required' + suffix, ''))), None)
                if provider is None:
                    return 200, {'allocation_requests': [],
                                 'provider_summaries': {}}
                taken.setdefault(provider, {'resources': {}})['resources'][
                    resource] = int(amount)
        return 200, {'allocation_requests': [{'allocations': taken}],
                     'provider_summaries': {}}

    def _free(self, provider, resource):
        inventory = self.inventories[provider].get(resource)
        if not inventory:
            return 0
        _, answer = self._list_provider_usages(provider, {})
        return (inventory['total'] * inventory['allocation_ratio']
                - answer['usages'][resource])

    def _has(self, provider, required):
        traits = self.traits[provider]
        return all((name[1:] not in traits) if name.startswith('!')
                   else name in traits
                   for name in required.split(',') if name)

    def _list_provider_allocations(self, provider_id, query):
        return 200, {
            'allocations': {
                consumer: {'resources':
                           held['allocations'][provider_id]['resources'],
                           'consumer_generation': 1}
                for consumer, held in self.allocations.items()
                if provider_id in held['allocations']},
            'resource_provider_generation':
                self._provider(provider_id)['generation']}

    def _list_provider_usages(self, provider_id, query):
        usages = collections.Counter()
        for held in self.allocations.values():
            usages.update(held['allocations'].get(
                provider_id, {'resources': {}})['resources'])
        usages.update(self.uncounted.get(provider_id, {}))
        return 200, {'usages': usages, 'resource_provider_generation':
                     self._provider(provider_id)['generation']}

    def _list_traits(self, provider_id, query):
        return 200, {
            'traits': sorted(self.traits[provider_id]),
            'resource_provider_generation':
                self._provider(provider_id)['generation']}

    def _update_traits(self, provider_id, sent):
        provider = self._provider(provider_id)
        if sent['resource_provider_generation'] != provider['generation']:
            raise Answer(409, {'errors': [{'title': 'Conflict'}]})
        provider['generation'] += 1
        self.traits[provider_id] = set(sent['traits'])
        return self._list_traits(provider_id, query={})

    def _list_inventories(self, provider_id, query):
        return 200, {
            'inventories': copy.deepcopy(self.inventories[provider_id]),
            'resource_provider_generation':
                self._provider(provider_id)['generation']}

    def _update_inventories(self, provider_id, sent):
        provider = self._provider(provider_id)
        if sent['resource_provider_generation'] != provider['generation']:
            raise Answer(409, {'errors': [{'title': 'Conflict'}]})
        provider['generation'] += 1
        self.inventories[provider_id] = sent['inventories']
        return self._list_inventories(provider_id, query={})

    def _list_provider_aggregates(self, provider_id, query):
        return 200, {'aggregates': self.provider_aggregates[provider_id]}

    def _list_allocations(self, consumer, query):
        return 200, self.allocations.get(consumer, {'allocations': {}})

    def _put_allocations(self, consumer, sent):
        self.allocations[consumer] = dict(sent, consumer_generation=1)
        return 204, None

    def _delete_allocations(self, consumer, sent):
        if self.allocations.pop(consumer, None) is None:
            raise Answer(404, {'errors': []})
        return 204, None

    def _list_usages(self, query):
        usages = {}
        for held in self.allocations.values():
            if held['project_id'] == query['project_id']:
                for allocation in held['allocations'].values():
                    for name, amount in allocation['resources'].items():
                        usages[name] = usages.get(name, 0) + amount
        return 200, {'usages': usages}

    def _is_known(self, name):
        return name in self.custom_traits.union(*self.traits.values())

    def _list_all_traits(self, query):
        prefix = query['name'].removeprefix('startswith:')
        return 200, {'traits': sorted(
            name for name in self.custom_traits.union(*self.traits.values())
            if name.startswith(prefix))}

    def _show_trait(self, name, query):
        if not self._is_known(name):
            raise Answer(404, {'errors': []})
        return 204, None

    def _create_trait(self, name, sent):
        self.custom_traits.add(name)
        return 201, None

    def _delete_trait(self, name, sent):
        self.custom_traits.discard(name)
        return 204, None

    _ROUTES = (
        ('GET', 'os-services', _list_services),
        ('PUT', 'os-services/(.*)', _update_service),
        ('DELETE', 'os-services/(.*)', _delete_service),
        ('GET', 'os-aggregates', _list_aggregates),
        ('GET', 'os-hypervisors/detail', _list_hypervisors),
        ('GET', 'os-hypervisors/(.*)', _show_hypervisor),
        ('GET', 'servers', _list_servers),
        ('POST', 'servers/(.*)/action', _act_on_server),
        ('GET', 'os-migrations', _list_migrations),
        ('GET', 'flavors', _list_flavors),
        ('DELETE', 'flavors/(.*)', _delete_flavor),
        ('GET', 'limits', _show_limits),
        ('GET', 'os-quota-sets/(.*)/defaults', _show_default_quota),
        ('GET', 'os-server-groups', _list_server_groups),
        ('GET', 'v2.0/ports', _list_ports),
        ('GET', 'v2.0/ports/(.*)/bindings', _list_port_bindings),
        ('GET', 'v2.0/floatingips', _list_floating_ips),
        ('GET', 'images', _list_images),
        ('GET', 'volumes/detail', _list_volumes),
        ('GET', 'volumes', _list_volumes_briefly),
        ('GET', 'attachments/detail', _list_attachments),
        ('GET', '', _show_root),
        ('GET', 'allocation_candidates', _list_candidates),
        ('GET', 'resource_providers', _list_providers),
        ('GET', 'resource_providers/(.*)/allocations',
         _list_provider_allocations),
        ('GET', 'resource_providers/(.*)/usages', _list_provider_usages),
        ('GET', 'resource_providers/(.*)/traits', _list_traits),
        ('PUT', 'resource_providers/(.*)/traits', _update_traits),
        ('GET', 'resource_providers/(.*)/inventories', _list_inventories),
        ('PUT', 'resource_providers/(.*)/inventories', _update_inventories),
        ('GET', 'resource_providers/(.*)/aggregates',
         _list_provider_aggregates),
        ('GET', 'allocations/(.*)', _list_allocations),
        ('PUT', 'allocations/(.*)', _put_allocations),
        ('DELETE', 'allocations/(.*)', _delete_allocations),
        ('GET', 'usages', _list_usages),
        ('GET', 'traits', _list_all_traits),
        ('GET', 'traits/(.*)', _show_trait),
        ('PUT', 'traits/(.*)', _create_trait),
        ('DELETE', 'traits/(.*)', _delete_trait),
    )
