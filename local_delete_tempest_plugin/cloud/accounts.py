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

"""The accounts of tempest.conf: the admin, and the accounts of a file."""

import contextvars
import dataclasses
from typing import Any

import jsonschema
from tempest import clients
from tempest.common import credentials_factory
from tempest import config
from tempest.lib.common import preprov_creds
from tempest.lib import exceptions as lib_exc
import yaml

CONF = config.CONF

MEMBER_ROLE = 'member'
READER_ROLE = 'reader'

_NAMES = {'type': 'array', 'items': {'type': 'string'}}
_FILE = {'type': 'array', 'items': {
    'type': 'object', 'properties': {'roles': _NAMES, 'types': _NAMES}}}


@dataclasses.dataclass(frozen=True)
class Account:
    """One account of ``[auth] test_accounts_file``.

    :param roles: Names of the roles that the file gives it.
    :param credentials: The fields of ``auth.KeystoneV3Credentials``.
    """

    roles: frozenset[str]
    credentials: dict[str, Any] = dataclasses.field(repr=False)

    @property
    def is_admin(self) -> bool:
        """Whether it has ``[identity] admin_role``."""
        return CONF.identity.admin_role in self.roles

    @property
    def has_project(self) -> bool:
        """Whether its token is for a project, not a domain or the system."""
        return any(key in self.credentials for key in (
            'project_name', 'project_id', 'tenant_name'))

    @property
    def is_project_member(self) -> bool:
        """Whether Tempest would take it for a ``project_member``."""
        return (not self.is_admin and MEMBER_ROLE in self.roles
                and self._names_project)

    @property
    def is_project_reader(self) -> bool:
        """Whether it is a ``project_reader``, and no member."""
        return (not self.is_admin and READER_ROLE in self.roles
                and MEMBER_ROLE not in self.roles and self._names_project)

    @property
    def _names_project(self) -> bool:
        # Tempest finds no member or reader whose project only has an id.
        return 'project_name' in self.credentials

    @property
    def project(self) -> tuple[str | None, ...]:
        """What the file says of its project: name and domain."""
        return tuple(self.credentials.get(key) for key in (
            'project_name', 'project_domain_name', 'domain_name'))

    def log_in(self) -> clients.Manager:
        """Make the clients that use the account; nothing is sent yet.

        :returns: A manager with the clients.
        """
        return clients.Manager(credentials_factory.get_credentials(
            fill_in=False, **self.credentials))

    def __str__(self) -> str:
        user = self.credentials.get('username') or (
            self.credentials.get('user_id'))
        scope = (self.credentials.get('project_name')
                 or self.credentials.get('project_id')
                 or self.credentials.get('domain_name'))
        return '%s in %s' % (user, scope or 'no project')


def read() -> list[Account]:
    """Read the accounts of ``[auth] test_accounts_file``.

    Tempest's own reader waits for a free account and locks it. This function
    needs no free account.

    :returns: The accounts, in the order of the file.
    :raises tempest.lib.exceptions.InvalidConfiguration: there is no such
        file, or it is not a list of accounts.
    """
    path = CONF.auth.test_accounts_file
    if not path:
        raise lib_exc.InvalidConfiguration(
            '[auth] use_dynamic_credentials is False, and test_accounts_file '
            'is not set')
    try:
        listed = preprov_creds.read_accounts_yaml(path)
    # The parser's own message would quote the line with the password.
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise lib_exc.InvalidConfiguration('%s is not YAML' % path)
    for error in jsonschema.Draft202012Validator(_FILE).iter_errors(listed):
        # Its message may quote the password, too.
        raise lib_exc.InvalidConfiguration(
            '%s is not a list of accounts: see %s' % (path, error.json_path))
    return [_account(entry) for entry in listed]


def _account(entry):
    roles = set(entry.pop('roles', ()))
    if 'admin' in entry.pop('types', ()):
        roles.add(CONF.identity.admin_role)
    entry.pop('resources', None)
    return Account(frozenset(roles), entry)


# What a command was given in the place of the admin of tempest.conf.
_given: contextvars.ContextVar[dict[str, Any] | None] = (
    contextvars.ContextVar('admin', default=None))


def use_admin(credentials: dict[str, Any]) -> None:
    """Let ``log_in_admin`` take other credentials from now on.

    :param credentials: Fields of ``auth.KeystoneV3Credentials``.
    """
    _given.set(credentials)


def has_other_admin() -> bool:
    """Tell whether ``use_admin`` was called."""
    return _given.get() is not None


def log_in_admin() -> clients.Manager:
    """Authenticate as the admin of tempest.conf, or of ``use_admin``.

    :returns: A manager with the admin's clients.
    :raises tempest.lib.exceptions.TempestException: tempest.conf names no
        admin, or Keystone refuses the admin.
    """
    given = _given.get()
    _require_options(is_admin_given=bool(given))
    if given:
        return clients.Manager(credentials_factory.get_credentials(**given))
    if CONF.auth.use_dynamic_credentials:
        return clients.Manager(
            credentials_factory.get_configured_admin_credentials())
    for account in read():
        if account.is_admin and account.has_project:
            return clients.Manager(credentials_factory.get_credentials(
                **account.credentials))
    raise lib_exc.InvalidConfiguration(
        'no account of %s has the role %s in a project' % (
            CONF.auth.test_accounts_file, CONF.identity.admin_role))


def _require_options(is_admin_given: bool) -> None:
    """Refuse a tempest.conf without what the admin needs to log in.

    Tempest's own message has all fields of the credentials.
    """
    needed = [('identity', 'uri_v3')]
    if CONF.auth.use_dynamic_credentials and not is_admin_given:
        needed[:0] = [('auth', 'admin_username'), ('auth', 'admin_password')]
    for group, option in needed:
        if not getattr(CONF, group)[option]:
            raise lib_exc.InvalidConfiguration(
                '[%s] %s is not set' % (group, option))


def roles_of(manager: clients.Manager) -> set[str]:
    """Read the roles of a login from its token.

    :param manager: The login.
    :returns: The names of the roles. A token without a scope has none.
    """
    _, token = manager.auth_provider.auth_data
    return {role['name'] for role in token.get('roles', ())}
