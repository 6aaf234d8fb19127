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

"""Check which roles the users of a run have in their tokens."""

from collections.abc import Iterable
from collections.abc import Iterator
import contextlib

from tempest import clients
from tempest import config

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.preflight import finding

CONF = config.CONF

# The roles that each role implies in Keystone, as its bootstrap makes them.
_IMPLIED = {'manager': {'member', 'reader'}, 'member': {'reader'}}


def check_admin(manager: clients.Manager) -> Iterator[finding.Finding]:
    """Check that the admin has the admin's role.

    :param manager: The clients of the admin.
    :returns: An iterator of ``Finding``.
    """
    roles = accounts.roles_of(manager)
    yield finding.judge(
        'admin', CONF.identity.admin_role in roles,
        'has the roles %s' % _listed(roles),
        'give the admin the role %s' % CONF.identity.admin_role)
    if accounts.has_other_admin():
        yield finding.Finding(
            'admin of tempest.conf', finding.WARN,
            'nobody tried its login, because of --os-cloud',
            'run preflight without --os-cloud, too: scenarios log in as the '
            'admin of tempest.conf')


def check_dynamic(manager: clients.Manager) -> Iterator[finding.Finding]:
    """Check what Tempest needs to create accounts. No account is created.

    :param manager: The clients of the admin.
    :returns: An iterator of ``Finding``.
    """
    admin_role = CONF.identity.admin_role
    given = set(CONF.auth.tempest_roles) | {accounts.MEMBER_ROLE}
    yield finding.judge(
        'member', admin_role not in given,
        'Tempest gives each member the roles %s' % _listed(given),
        'remove %s from [auth] tempest_roles' % admin_role)
    known = {role['name']
             for role in manager.roles_v3_client.list_roles()['roles']}
    missing = (given | {admin_role}) - known
    domain = CONF.auth.default_credentials_domain_name
    domains = manager.domains_client.list_domains(name=domain)['domains']
    is_admin = admin_role in accounts.roles_of(manager)
    problems = [words for bad, words in (
        (not is_admin, "the admin's token has no role %s" % admin_role),
        (missing, 'Keystone has no role %s' % _listed(missing)),
        (not any(found['enabled'] for found in domains),
         'Keystone has no enabled domain %s' % domain)) if bad]
    yield finding.judge(
        'dynamic credentials', not problems,
        '; '.join(problems) or 'the admin has the role %s, and sees the '
        'roles and the domain for new users; nobody tried whether the admin '
        'may create users and projects' % admin_role,
        'see [identity] admin_role, [auth] tempest_roles and '
        'default_credentials_domain_name')


def check_provisioned() -> Iterator[finding.Finding]:
    """Log in with each account of the accounts file, and compare its roles.

    :returns: An iterator of ``Finding``.
    :raises tempest.lib.exceptions.InvalidConfiguration: there is no accounts
        file, or it is not a list of accounts.
    """
    listed = accounts.read()
    for kind, role, found in (
            ('admin', CONF.identity.admin_role,
             [one for one in listed if one.is_admin]),
            ('member', accounts.MEMBER_ROLE,
             [one for one in listed if one.is_project_member])):
        yield finding.judge(
            'accounts: %s' % kind, found, ', '.join(map(str, found))
            or '%s has none' % CONF.auth.test_accounts_file,
            '' if found else _cure(listed, role))
    endpoints.require_tls_to_keystone()
    for account in listed:
        try:
            yield _compare(account)
        except finding.FAILURES as error:
            yield finding.Finding(
                'account %s' % account, finding.FAIL,
                exceptions.one_line(error),
                'correct the account in %s' % CONF.auth.test_accounts_file)


def _cure(listed: Iterable[accounts.Account], role: str) -> str:
    """Say how the accounts file gets an account with a role.

    account-generator writes no roles for most accounts that have some.
    """
    able = []
    with contextlib.suppress(exceptions.InsecureCloud):
        endpoints.require_tls_to_keystone()
        for account in listed:
            with contextlib.suppress(*finding.FAILURES):
                if not account.roles and account.has_project and (
                        role in accounts.roles_of(account.log_in())):
                    able.append(account)
    if able:
        return ('write "roles: [%s]" and its project_name to the account %s '
                'in %s: the user has this role, and the file does not say so, '
                'as account-generator writes it' % (
                    role, ' or '.join(map(str, able)),
                    CONF.auth.test_accounts_file))
    return ('add an account with "roles: [%s]" and a project_name; its user '
            'needs this role in the project' % role)


def _compare(account: accounts.Account) -> finding.Finding:
    name = 'account %s' % account
    roles = accounts.roles_of(account.log_in())
    has = 'has the roles %s' % _listed(roles)
    missing = account.roles - roles
    if missing:
        return finding.Finding(
            name, finding.FAIL, '%s, and not %s' % (has, _listed(missing)),
            'give the user %s, or remove %s from the accounts file' % (
                (_listed(missing),) * 2))
    if account.is_admin:
        return finding.Finding(name, finding.PASS, has)
    if CONF.identity.admin_role in roles:
        return finding.Finding(
            name, finding.FAIL, has + ', and should be no admin',
            'remove the role %s from the user' % CONF.identity.admin_role)
    implied = set().union(*(_IMPLIED.get(role, ()) for role in account.roles))
    more = roles - account.roles - implied
    return finding.judge(
        name, not more, has, 'remove %s from the user: the accounts file does '
        'not ask for that' % _listed(more), bad=finding.WARN)


def _listed(roles: Iterable[str]) -> str:
    return ', '.join(sorted(roles)) or 'none'
