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

"""The credentials of a run: projects, users, and the projects' networks."""

import dataclasses
import pathlib
from typing import Any

from oslo_concurrency import lockutils
from tempest import config

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.recovery import gone
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import run

CONF = config.CONF

# Neutron has an owner of its own for the interfaces of a distributed router,
# and of one in several copies.
_INTERFACES = ('network:router_interface',
               'network:router_interface_distributed',
               'network:ha_router_replicated_interface')

_Items = list[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Credentials(safety_change.Change):
    """The credentials that Tempest makes for a run, or takes for it."""

    kind = 'credentials'

    run_id: str

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> list['Credentials']:
        there = projects(admin, this_run) or _users(admin, this_run)
        return [cls(this_run.id)] if there else []

    def is_of(self, this_run: run.Run) -> bool:
        return self.run_id == this_run.id

    def undo(self, admin: cloud_admin.Admin) -> None:
        this_run = run.Run(self.run_id)
        release_accounts(this_run)
        for project in projects(admin, this_run):
            _delete_networks(admin.manager, project['id'])
            gone.delete(admin.manager.projects_client.delete_project,
                        project['id'])
        for user in _users(admin, this_run):
            gone.delete(admin.manager.users_v3_client.delete_user, user['id'])


def projects(admin: cloud_admin.Admin, this_run: run.Run) -> _Items:
    """Find the projects that Tempest made for a run.

    :param admin: An ``admin.Admin``.
    :param this_run: A ``run.Run``.
    :returns: What ``GET /v3/projects`` has of each.
    """
    return _of_run(this_run, admin.manager.projects_client.list_projects(
        params={'name__contains': this_run.name})['projects'])


def _users(admin: cloud_admin.Admin, this_run: run.Run) -> _Items:
    return _of_run(this_run, admin.manager.users_v3_client.list_users(
        name__contains=this_run.name)['users'])


def _of_run(this_run: run.Run, listed: _Items) -> _Items:
    # They are deleted, so a filter of Keystone is not relied on.
    return [found for found in listed if this_run.owns(found['name'])]


def _of_project(project_id: str, listed: _Items) -> _Items:
    # They are deleted, so a filter of Neutron is not relied on.
    return [found for found in listed
            if (found.get('project_id') or found.get('tenant_id'))
            == project_id]


def _delete_networks(manager: Any, project_id: str) -> None:
    if not CONF.service_available.neutron:
        return
    routers = manager.routers_client
    for router in _of_project(project_id, routers.list_routers(
            project_id=project_id)['routers']):
        for port in manager.ports_client.list_ports(
                device_id=router['id'])['ports']:
            if (port['device_id'] == router['id']
                    and port['device_owner'] in _INTERFACES):
                gone.delete(routers.remove_router_interface, router['id'],
                            port_id=port['id'])
        gone.delete(routers.delete_router, router['id'])
    for network in _of_project(
            project_id, manager.networks_client.list_networks(
                project_id=project_id)['networks']):
        gone.delete(manager.networks_client.delete_network, network['id'])
    delete_security_groups(manager.security_groups_client, project_id)


def delete_security_groups(client: Any, project_id: str) -> None:
    """Delete the security groups of a project that is about to be deleted.

    It also takes the place of Tempest's ``cleanup_default_secgroup``, which
    relies on a filter of Neutron.

    :param client: An admin's ``SecurityGroupsClient``.
    :param project_id: Id of the project.
    """
    for group in _of_project(project_id, client.list_security_groups(
            project_id=project_id)['security_groups']):
        gone.delete(client.delete_security_group, group['id'])


def release_accounts(this_run: run.Run) -> None:
    """Release the pre-provisioned accounts that an abandoned run took.

    Tempest notes them in files that only their taker removes
    (``PreProvisionedCredentialProvider``).

    :param this_run: A ``run.Run``.
    """
    folder = pathlib.Path(str(lockutils.get_lock_path(CONF)), 'test_accounts')
    # Whether the run took some, its tempest.conf told, and not this one.
    if not folder.is_dir():
        return
    with lockutils.lock('test_accounts_io', external=True):
        for path in folder.iterdir():
            if path.is_file() and this_run.owns(
                    path.read_text(errors='replace')):
                path.unlink()
