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

"""Removing all that a mutant has left in the cloud.

The plugin's own ``recover`` undoes what runs left. It does not find everything
that a mutant leaves: allocations of consumers that Nova does not know, and
volumes and networks of the projects that Tempest made for the runs. These are
removed here, by the APIs, as the admin.
"""

import contextlib
import pathlib
import re

from keystoneauth1 import exceptions

from allinone import api
from allinone import boot
from allinone import deployment
from allinone import errors
from allinone import readiness
from proof.trials import runs

# Seconds in which a volume has to be gone.
_LIMIT = 300

# The lists that show ids of runs, and the words before an id.
_SHOW_RUNS = (('compute', '/os-services'),
              ('compute', '/flavors?is_public=None'),
              ('compute', '/servers?all_tenants=1&soft_deleted=True'),
              ('identity', '/projects'), ('identity', '/users'),
              ('image', '/v2/images'),
              ('placement', '/traits?name=startswith:CUSTOM_'))
_RUN = re.compile('(?:local-delete-|CUSTOM_LOCAL_DELETE_|recover --run )'
                  '([0-9A-F]{12})', re.IGNORECASE)

# What is listed by project, in the order in which it can be deleted.
_NETWORK = ('floatingips', 'ports', 'routers', 'subnets', 'networks',
            'security-groups')


def undo(cloud: deployment.Deployment, log: pathlib.Path) -> None:
    """Undo what runs could not, and remove what mutants left.

    :param log: file that gets what ``recover`` prints
    :raises StepFailed: a process does not start, or an API is away
    """
    # A "mutate" that was killed may have been restarting a process.
    boot.Boot(cloud).start_missing()
    admin = api.Admin(cloud)
    workspace = runs.Workspace(cloud.tempest)
    try:
        _recover(admin, workspace, log)
        _remove(admin)
        # A port may have kept a network, and so its project.
        _recover(admin, workspace, log)
    except exceptions.ClientException as error:
        raise errors.StepFailed(f'cleaning up: {error}')


def _recover(admin, workspace, log):
    """Undo what runs left: by their journals, or by what the cloud shows.

    The caller compares the cloud with before, and finds what is still left.
    """
    known = {path.stem for path in workspace.journals.glob('*.journal')}
    if known:
        workspace.command('recover', log=log)
    shown = {run.upper() for service, path in _SHOW_RUNS for run in
             _RUN.findall(getattr(admin, service).get(path).text)}
    for run in sorted(shown - known):
        workspace.command('recover', '--run', run, log=log)


def _remove(admin):
    """Remove what belongs to projects of runs, or to no project at all."""
    kept = {project['id'] for project in
            admin.identity.get('/projects').json()['projects']
            if not _RUN.search(project['name'])}
    _delete_orphans(admin)
    for kind in ('snapshots', 'volumes'):
        _delete_volumes(admin, kind, kept)
    for kind in _NETWORK:
        _delete_network(admin, kind, kept)


def _delete_orphans(admin):
    """Delete the allocations of consumers that Nova does not know."""
    # Nova hides the servers that can be restored, unless it is asked.
    known = {one['id'] for one in api.pages(
        admin.compute, '/servers?all_tenants=1&soft_deleted=True', 'servers')}
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
    readiness.wait(f'the end of all {kind}', lambda: not left(), _LIMIT)


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


def _quietly(request, *arguments, **keywords):
    """Send a request that may fail, because its object may be gone.

    The caller compares the cloud with before, and finds what is still left.
    """
    with contextlib.suppress(exceptions.ClientException):
        request(*arguments, **keywords)
