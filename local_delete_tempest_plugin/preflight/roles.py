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

"""Who the run would be, and what it may do: the roles in their tokens."""

from tempest import config

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.preflight import finding

CONF = config.CONF

# What Keystone's bootstrap has each role imply.
_IMPLIED = {'manager': {'member', 'reader'}, 'member': {'reader'}}


def check_admin(manager):
    """Check that the admin is one.

    :param manager: The admin's ``tempest.clients.Manager``.
    :returns: A generator of ``Finding``.
    """
    roles = accounts.roles_of(manager)
    yield finding.judge(
        'admin', CONF.identity.admin_role in roles,
        'has the roles %s' % _listed(roles),
        'give it the role %s' % CONF.identity.admin_role)


def check_dynamic(manager):
    """Check what Tempest makes its accounts of; none is made.

    :param manager: The admin's ``tempest.clients.Manager``.
    :returns: A generator of ``Finding``.
    """
    admin_role = CONF.identity.admin_role
    given = set(CONF.auth.tempest_roles) | {accounts.MEMBER_ROLE}
    yield finding.judge(
        'member', admin_role not in given,
        'Tempest gives it the roles %s' % _listed(given),
        'take %s out of [auth] tempest_roles' % admin_role)
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
        'roles and the domain for new users; that it may create users and '
        'projects was not tried' % admin_role,
        'see [identity] admin_role, [auth] tempest_roles and '
        'default_credentials_domain_name')


def check_provisioned():
    """Log in with each account of the accounts file, and compare its roles.

    :returns: A generator of ``Finding``.
    :raises tempest.lib.exceptions.InvalidConfiguration: there is no such
        file, or it is not a list of accounts.
    """
    listed = accounts.read()
    for kind, found in (
            ('admin', [one for one in listed if one.is_admin]),
            ('member', [one for one in listed if one.is_project_member])):
        yield finding.judge(
            'accounts: %s' % kind, found, ', '.join(map(str, found))
            or '%s has none' % CONF.auth.test_accounts_file,
            'add one with the role %s and a project_name' % (
                CONF.identity.admin_role if kind == 'admin'
                else accounts.MEMBER_ROLE))
    endpoints.require_tls_to_keystone()
    for account in listed:
        try:
            yield _compare(account)
        except finding.FAILURES as error:
            yield finding.Finding(
                'account %s' % account, finding.FAIL,
                exceptions.one_line(error),
                'correct it in %s' % CONF.auth.test_accounts_file)


def _compare(account):
    name = 'account %s' % account
    roles = accounts.roles_of(account.log_in())
    has = 'has the roles %s' % _listed(roles)
    missing = account.roles - roles
    if missing:
        return finding.Finding(
            name, finding.FAIL, '%s, and not %s' % (has, _listed(missing)),
            'give it that, or take it out of the accounts file')
    if account.is_admin:
        return finding.Finding(name, finding.PASS, has)
    if CONF.identity.admin_role in roles:
        return finding.Finding(
            name, finding.FAIL, has + ', and should be no admin',
            'take the role %s from it' % CONF.identity.admin_role)
    implied = set().union(*(_IMPLIED.get(role, ()) for role in account.roles))
    more = roles - account.roles - implied
    return finding.judge(
        name, not more, has, 'take %s from it: the accounts file does not '
        'ask for it' % _listed(more), bad=finding.WARN)


def _listed(roles):
    return ', '.join(sorted(roles)) or 'none'
