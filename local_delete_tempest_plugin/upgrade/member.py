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

"""Log in as the member of a stage, without a secret in a file."""

from collections.abc import Callable
from typing import Any

from tempest import clients
from tempest.common import credentials_factory
from tempest import config
from tempest.lib.common.utils import data_utils
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.upgrade import stage_file

CONF = config.CONF


def log_in(admin: cloud_admin.Admin, stage: stage_file.Stage) -> Any:
    """Log in as the member who has the servers of a stage.

    A user whom Tempest made for the stage gets a new password, because nobody
    has written down the first one.

    :param admin: An ``admin.Admin``.
    :param stage: The stage.
    :returns: The member's ``tempest.clients.Manager``.
    :raises StageUnusable: there is no such member.
    """
    if stage.user_id is None:
        return _log_in_to(stage.project_id)
    users = admin.manager.users_v3_client
    _require_owned('user', stage.user_id, users.show_user, stage.run_id)
    _require_owned('project', stage.project_id,
                   admin.manager.projects_client.show_project, stage.run_id)
    password = data_utils.rand_password()
    users.update_user(stage.user_id, password=password)
    return _await_token(clients.Manager(credentials_factory.get_credentials(
        fill_in=False, user_id=stage.user_id, password=password,
        project_id=stage.project_id)))


def _require_owned(kind: str, found: str, show: Callable[[str], Any],
                   run_id: str) -> None:
    """Refuse a user or a project that is gone, or not of the stage."""
    try:
        name = show(found)[kind]['name']
    except lib_exc.NotFound:
        raise exceptions.StageUnusable(
            problem='the %s of stage %s is gone: the stage was verified, or '
            'recovered' % (kind, run_id)) from None
    if not run.Run(run_id).owns(name):
        raise exceptions.StageUnusable(
            problem='%s %s (%s) is not of stage %s' % (
                kind, name, found, run_id))


def _await_token(member: clients.Manager) -> clients.Manager:
    """Wait until tokens are good that are newer than the password.

    Keystone revokes all tokens of the same second, the new one too.
    """
    def is_let_in() -> bool:
        member.auth_provider.clear_auth()
        try:
            member.servers_client.list_servers(limit=1)
        except lib_exc.Unauthorized:
            return False
        return True

    waiters.wait_until(is_let_in, bool, 'the member of the stage is let in',
                       CONF.local_delete.api_timeout)
    return member


def _log_in_to(project_id: str) -> clients.Manager:
    for account in accounts.read():
        if account.is_project_member:
            member = account.log_in()
            _, token = member.auth_provider.auth_data
            if token['project']['id'] == project_id:
                return member
    raise exceptions.StageUnusable(
        problem='no member of [auth] test_accounts_file is of project %s, '
        'which has the servers of the stage' % project_id)
