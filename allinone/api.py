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

"""The cloud's APIs, as its admin uses them."""

import typing

from keystoneauth1 import adapter
from keystoneauth1.identity import v3
from keystoneauth1 import session

from allinone import deployment

# Seconds. A request may wait for an API that is still importing its modules,
# on a machine that is busy.
_TIMEOUT = 180

_LISTENERS = {'identity': ('keystone', '/v3', None),
              'placement': ('placement-proxy', '', 'placement 1.10'),
              'image': ('glance-api', '', None),
              'compute': ('nova-api', '/v2.1', 'compute 2.53'),
              'network': ('neutron-api', '', None),
              'block-storage': ('cinder-api', '/v3', 'volume 3.27')}


class Admin:
    """Adapters, one a service, that share the token of a user.

    :param username: name of the user
    :param password: by default the password that the deployment has for it
    :param project: name of the project of the token
    """

    identity: adapter.Adapter
    placement: adapter.Adapter
    image: adapter.Adapter
    compute: adapter.Adapter
    network: adapter.Adapter
    block_storage: adapter.Adapter

    def __init__(self, cloud: deployment.Deployment, username: str = 'admin',
                 password: str | None = None, project: str = 'admin') -> None:
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


def endpoint(cloud: deployment.Deployment, service: str) -> str:
    """Return the URL of a service, such as "compute", as in the catalog."""
    listener, path, _ = _LISTENERS[service]
    return cloud.url(listener) + path


def compute_services(admin: Admin) -> list[dict[str, typing.Any]]:
    """Return each nova-compute as Nova's API shows it."""
    return admin.compute.get(
        '/os-services?binary=nova-compute').json()['services']


def pages(service: adapter.Adapter, path: str, key: str, marker: str = 'id',
          **arguments: typing.Any) -> list[dict[str, typing.Any]]:
    """Read a whole list, of which an answer may hold only a part.

    :param service: an adapter of an ``Admin``
    :param path: path of the list, with its filters
    :param key: name of the list in an answer
    :param marker: field of the last item after which the next page begins
    :param arguments: arguments of each ``get``
    :returns: All items.
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


def take_over(cloud: deployment.Deployment, password: str) -> None:
    """Make a Keystone from the cache this deployment's own.

    The user admin takes the place of the user seed. A changed password would
    also revoke the tokens that the user gets in the same second.

    :param password: of the user seed
    """
    seed = Admin(cloud, 'seed', password)
    identity = seed.identity
    for kept in identity.get('/endpoints').json()['endpoints']:
        identity.patch(f'/endpoints/{kept["id"]}', json={
            'endpoint': {'url': _catalog_url(cloud)}})
    project = identity.get('/projects?name=admin').json()['projects'][0]['id']
    role = roles(seed)['admin']
    user = add_user(seed, 'admin', cloud.passwords['admin'], project)
    identity.put(f'/projects/{project}/users/{user}/roles/{role}')
    identity.put(f'/system/users/{user}/roles/{role}')
    former = identity.get('/users?name=seed').json()['users'][0]['id']
    Admin(cloud).identity.delete(f'/users/{former}')


def _catalog_url(cloud):
    # DevStack's has no version.
    return cloud.url('keystone') if cloud.like_devstack else cloud.auth_url


def roles(admin: Admin) -> dict[str, str]:
    """Return {name of a role: its ID}."""
    return {role['name']: role['id']
            for role in admin.identity.get('/roles').json()['roles']}


def register(cloud: deployment.Deployment, admin: Admin) -> None:
    """Make the services' users, and the catalog."""
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


def add_user(admin: Admin, name: str, password: str, project: str) -> str:
    """Make a user of the default domain.

    :param project: ID of its default project
    :returns: The ID of the user.
    """
    return admin.identity.post('/users', json={'user': {
        'name': name, 'domain_id': 'default', 'password': password,
        'default_project_id': project}}).json()['user']['id']
