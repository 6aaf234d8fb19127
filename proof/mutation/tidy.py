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

"""Removing what a mutant has left in the cloud, by its APIs, as the admin.

Tempest and the plugin have cleaned up by now as far as the mutant let them.
What is left belongs to projects that Tempest made, if they are still there, or
to no project at all; and in Placement to consumers that nobody knows.
"""

import contextlib

from keystoneauth1 import exceptions

from allinone import api
from allinone import cloud as recipe
from allinone import errors
from allinone import readiness
from proof.trials import marks
from proof.trials import runs

_PREFIX = 'tempest-'

# Seconds for the deletes that Nova goes on with after its answer.
_LIMIT = 300

# What is listed by project, in the order in which it can be deleted.
_NETWORK = ('floatingips', 'ports', 'routers', 'subnets', 'networks',
            'security-groups')


def undo(cloud, log):
    """Undo what runs could not: first as their journals say, then the rest.

    :param log: file that gets what ``recover`` prints
    :raises StepFailed: something cannot be undone
    """
    # Whoever was interrupted may have been restarting something.
    recipe.Boot(cloud, lambda name, seconds: None).start_missing()
    workspace = runs.Workspace(cloud.tempest)
    if any(workspace.journals.glob('*.journal')):
        workspace.command('recover', log=log)
    try:
        _remove(cloud)
    except exceptions.ClientException as error:
        raise errors.StepFailed(f'cleaning up: {error}')


def _remove(cloud):
    """Remove what runs left of all kinds of things."""
    admin = api.Admin(cloud)
    kept = {project['id'] for project in
            admin.identity.get('/projects').json()['projects']
            if not project['name'].startswith(_PREFIX)}
    _give_back_computes(admin)
    _delete_servers(admin, kept)
    _delete_orphans(admin)
    for kind in ('snapshots', 'volumes'):
        _delete_volumes(admin, kind, kept)
    for one in api.pages(admin.image, '/v2/images', 'images'):
        if one['owner'] not in kept:
            _quietly(admin.image.delete, f'/v2/images/{one["id"]}')
    for kind in _NETWORK:
        _delete_network(admin, kind, kept)
    for kind in ('projects', 'users'):
        _delete_named(admin.identity, f'/{kind}', kind)
    _delete_named(admin.compute, '/flavors?is_public=None', 'flavors',
                  '/flavors')
    _delete_traits(admin)


def _give_back_computes(admin):
    for one in api.compute_services(admin):
        path = f'/os-services/{one["id"]}'
        if one['forced_down']:
            admin.compute.put(path, json={'forced_down': False})
            readiness.wait(f'{one["host"]} up', lambda one=one: any(
                now['id'] == one['id'] and now['state'] == 'up'
                for now in api.compute_services(admin)), _LIMIT)
        if one['status'] == 'disabled':
            admin.compute.put(path, json={'status': 'enabled'})


def _servers(admin, kept):
    # Those that can be restored are there, and Nova hides them.
    return [one for one in api.pages(
        admin.compute, '/servers/detail?all_tenants=1&soft_deleted=True',
        'servers') if one['tenant_id'] not in kept]


def _delete_servers(admin, kept):
    for one in _servers(admin, kept):
        path = f'/servers/{one["id"]}/action'
        # A server in the midst of something ignores a delete.
        _quietly(admin.compute.post, path,
                 json={'os-resetState': {'state': 'error'}})
        _quietly(admin.compute.post, path, json={'forceDelete': None})
    readiness.wait('the end of the runs\' servers',
                   lambda: not _servers(admin, kept), _LIMIT)


def _delete_orphans(admin):
    """Delete the allocations of consumers that Nova does not know."""
    known = {one['id'] for one in _servers(admin, kept=())}
    known |= {one['uuid'] for one in api.pages(
        admin.compute, '/os-migrations', 'migrations', marker='uuid',
        headers={'OpenStack-API-Version': 'compute 2.59'}
    ) if one['status'] not in (
        'completed', 'confirmed', 'reverted', 'error', 'failed', 'done')}
    for provider in admin.placement.get(
            '/resource_providers').json()['resource_providers']:
        for consumer in admin.placement.get(
                f'/resource_providers/{provider["uuid"]}/allocations'
        ).json()['allocations']:
            if consumer not in known:
                _quietly(admin.placement.delete, f'/allocations/{consumer}')


def _delete_volumes(admin, kind, kept):
    project = {'volumes': 'os-vol-tenant-attr:tenant_id',
               'snapshots': 'os-extended-snapshot-attributes:project_id'}[kind]
    path = f'/{kind}/detail?all_tenants=1'

    def left():
        return [one for one in api.pages(admin.block_storage, path, kind)
                if one[project] not in kept]

    for one in left():
        if kind == 'volumes':
            for attachment in one['attachments']:
                _quietly(admin.block_storage.delete,
                         f'/attachments/{attachment["attachment_id"]}')
            action = f'/volumes/{one["id"]}/action'
            _quietly(admin.block_storage.post, action, json={
                'os-reset_status': {'status': 'available',
                                    'attach_status': 'detached'}})
        _quietly(admin.block_storage.delete, f'/{kind}/{one["id"]}')
    readiness.wait(f'the end of the runs\' {kind}', lambda: not left(), _LIMIT)


def _delete_network(admin, kind, kept):
    key = kind.replace('-', '_')
    for one in api.pages(admin.network, f'/v2.0/{kind}', key):
        if one['project_id'] in kept or not one['project_id']:
            continue
        if kind == 'ports' and one['device_owner'].startswith(
                'network:router_interface'):
            _quietly(admin.network.put,
                     f'/v2.0/routers/{one["device_id"]}'
                     '/remove_router_interface', json={'port_id': one['id']})
        else:
            _quietly(admin.network.delete, f'/v2.0/{kind}/{one["id"]}')


def _delete_named(service, listed, key, path=None):
    for one in api.pages(service, listed, key):
        if one['name'].startswith(_PREFIX):
            _quietly(service.delete, f'{path or listed}/{one["id"]}')


def _delete_traits(admin):
    ours = [trait for trait in admin.placement.get(
        '/traits?name=startswith:CUSTOM_').json()['traits']
        if trait.startswith(marks.TRAIT)]
    if not ours:
        return
    for provider in admin.placement.get(
            '/resource_providers').json()['resource_providers']:
        path = f'/resource_providers/{provider["uuid"]}/traits'
        now = admin.placement.get(path).json()
        rest = [trait for trait in now['traits'] if trait not in ours]
        if rest != now['traits']:
            _quietly(admin.placement.put, path, json=dict(now, traits=rest))
    for trait in ours:
        _quietly(admin.placement.delete, f'/traits/{trait}')


def _quietly(request, *arguments, **keywords):
    """Ask for something that may have happened meanwhile by itself.

    What did not happen is found by whoever compares the cloud with before.
    """
    with contextlib.suppress(exceptions.ClientException):
        request(*arguments, **keywords)
