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

"""Talking to the cloud's APIs as its admin."""

from keystoneauth1 import adapter
from keystoneauth1.identity import v3
from keystoneauth1 import session

from allinone import deployment

# One request may wait for an API that is still importing itself, and that on
# a machine which does other things, too.
_TIMEOUT = 180

_LISTENERS = {'identity': ('keystone', '/v3', None),
              'placement': ('placement-proxy', '', 'placement 1.10'),
              'image': ('glance-api', '', None),
              'compute': ('nova-api', '/v2.1', 'compute 2.53'),
              'network': ('neutron-api', '', None),
              'block-storage': ('cinder-api', '/v3', 'volume 3.27')}


class Admin:
    """Adapters, one a service, that share a token: by default the admin's."""

    def __init__(self, cloud, username='admin', password=None,
                 project='admin'):
        self.cloud = cloud
        auth = v3.Password(
            cloud.auth_url, username=username, user_domain_id='default',
            password=password or cloud.passwords[username],
            project_name=project, project_domain_id='default')
        shared = session.Session(
            auth, timeout=_TIMEOUT,
            verify=str(cloud.ca) if cloud.tls else True)
        for service in _LISTENERS:
            _, _, version = _LISTENERS[service]
            headers = {'OpenStack-API-Version': version} if version else {}
            setattr(self, service.replace('-', '_'), adapter.Adapter(
                shared, endpoint_override=endpoint(cloud, service),
                additional_headers=headers))


def endpoint(cloud, service):
    """The URL of a service as the catalog has it."""
    listener, path, _ = _LISTENERS[service]
    return cloud.url(listener) + path


def compute_services(admin):
    """Return what Nova knows of each nova-compute, as a list of dicts."""
    return admin.compute.get(
        '/os-services?binary=nova-compute').json()['services']


def pages(service, path, key, marker='id', **arguments):
    """Read a list of which one answer may have a part alone.

    :param service: an adapter of an ``Admin``
    :param path: of the list, with its filters
    :param key: what the answer calls the list
    :param marker: the field of an item that says where the next page begins
    :param arguments: of each ``get``
    :returns: a list of all items
    """
    found, start = [], path
    while True:
        answer = service.get(path, **arguments).json()
        found += answer[key]
        more = answer.get(f'{key}_links') or answer.get('next')
        if not more or not answer[key]:
            return found
        path = (f'{start}{"&" if "?" in start else "?"}marker='
                f'{answer[key][-1][marker]}')


def take_over(cloud, password):
    """Make a Keystone from the cache this deployment's own.

    Its user `seed` gives way to `admin`. Changing the password of one user
    would do, but also revoke the tokens that it gets in the same second.

    :param password: of the user `seed`
    """
    seed = Admin(cloud, 'seed', password)
    identity = seed.identity
    for kept in identity.get('/endpoints').json()['endpoints']:
        identity.patch(f'/endpoints/{kept["id"]}', json={
            'endpoint': {'url': cloud.auth_url}})
    project = identity.get('/projects?name=admin').json()['projects'][0]['id']
    role = roles(seed)['admin']
    user = add_user(seed, 'admin', cloud.passwords['admin'], project)
    identity.put(f'/projects/{project}/users/{user}/roles/{role}')
    identity.put(f'/system/users/{user}/roles/{role}')
    former = identity.get('/users?name=seed').json()['users'][0]['id']
    Admin(cloud).identity.delete(f'/users/{former}')


def roles(admin):
    """Return the ID of each role, by name."""
    return {role['name']: role['id']
            for role in admin.identity.get('/roles').json()['roles']}


def register(cloud, admin):
    """Make the services' users and the catalog."""
    identity = admin.identity
    project = identity.post('/projects', json={'project': {
        'name': 'service', 'domain_id': 'default'}}).json()['project']['id']
    known = roles(admin)
    for name in deployment.SERVICE_USERS:
        if name == 'keystone':
            continue
        user = add_user(admin, name, cloud.passwords[name], project)
        for role in ('admin', 'service'):
            identity.put(f'/projects/{project}/users/{user}/roles/'
                         f'{known[role]}')
    for kind in ('placement', 'image', 'compute', 'network',
                 'block-storage'):
        service = identity.post('/services', json={'service': {
            'type': kind, 'name': kind}}).json()['service']['id']
        identity.post('/endpoints', json={'endpoint': {
            'service_id': service, 'interface': 'public',
            'region': deployment.REGION, 'url': endpoint(cloud, kind)}})


def add_user(admin, name, password, project):
    """Make a user of the default domain; return its ID."""
    return admin.identity.post('/users', json={'user': {
        'name': name, 'domain_id': 'default', 'password': password,
        'default_project_id': project}}).json()['user']['id']
