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

"""Choose how Tempest reaches the cloud: Keystone, the admin, the catalog."""

import os
from typing import Any
from urllib import parse

from tempest import clients
from tempest import config

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import clouds_yaml
from local_delete_tempest_plugin.configure import settings
from local_delete_tempest_plugin import exceptions

CONF = config.CONF

_FROM_FILE = 'as clouds.yaml has it'

# The types that a catalog may have for each service of Tempest.
_TYPES = {'nova': ('compute',), 'glance': ('image',), 'neutron': ('network',),
          'cinder': ('block-storage', 'block-store', 'volumev3'),
          'swift': ('object-store',)}

# The sections whose services have an endpoint of their own.
_WITH_ENDPOINT = 'compute', 'image', 'network', 'volume', 'placement'

_PUBLIC = 'public'


def choose_keystone(chosen: settings.Settings,
                    account: clouds_yaml.Account) -> None:
    """Choose where Keystone is, before anybody logs in.

    :param chosen: The settings.
    :param account: The account of clouds.yaml.
    """
    chosen.choose('identity', 'uri_v3', account.uri_v3, _FROM_FILE,
                  is_secret='@' in parse.urlsplit(account.uri_v3).netloc)
    if account.ca:
        chosen.choose('identity', 'ca_certificates_file', os.path.abspath(
            os.path.expanduser(account.ca)), _FROM_FILE)
    if not account.verify:
        chosen.choose(
            'identity', 'disable_ssl_certificate_validation', 'True',
            'clouds.yaml has verify: false. Anybody can pose as the cloud')
    if account.region:
        chosen.choose('identity', 'region', account.region, _FROM_FILE)
    kind = (account.interface or _PUBLIC).replace('URL', '')
    if kind != _PUBLIC:
        chosen.choose('identity', 'v3_endpoint_type', kind, _FROM_FILE)
        for group in _WITH_ENDPOINT:
            chosen.choose(group, 'endpoint_type', kind, _FROM_FILE)


def choose_admin(chosen: settings.Settings, account: clouds_yaml.Account,
                 token: dict[str, Any]) -> None:
    """Choose the admin with whom Tempest makes the accounts of a run.

    :param chosen: The settings.
    :param account: The account of clouds.yaml.
    :param token: The account's token, as Keystone describes it.
    :raises NotConfigured: the token is not of a project.
    """
    if not CONF.auth.use_dynamic_credentials:
        return
    user, project = token['user'], token.get('project')
    if not project:
        raise exceptions.NotConfigured(
            problem='the account of clouds.yaml has no project: add a '
            'project_name to it, because Tempest needs one')
    why = 'the account of clouds.yaml'
    for option, value in (('admin_username', user['name']),
                          ('admin_project_name', project['name']),
                          ('admin_domain_name', user['domain']['name'])):
        chosen.choose('auth', option, value, why)
    if project['domain'] != user['domain']:
        chosen.choose('auth', 'admin_project_domain_name',
                      project['domain']['name'], why)
    chosen.choose('auth', 'admin_password', account.credentials['password'],
                  why, is_secret=True)


def check_role(manager: clients.Manager) -> None:
    """Refuse an account that may not read what has to be read.

    :param manager: Its login.
    :raises NotConfigured: it is no admin.
    """
    roles = accounts.roles_of(manager)
    if CONF.identity.admin_role not in roles:
        raise exceptions.NotConfigured(
            problem='the account has the roles %s, and not %s: only an admin '
            'may list compute services' % (
                ', '.join(sorted(roles)) or 'none', CONF.identity.admin_role))


def choose_services(chosen: settings.Settings,
                    token: dict[str, Any]) -> None:
    """Choose what the catalog tells: the region, and which services are there.

    :param chosen: The settings.
    :param token: The account's token, as Keystone describes it.
    :raises NotConfigured: the catalog has no Nova, or several regions.
    """
    # Tempest uses the first service of a type, and no other.
    services = {service['type']: service['endpoints']
                for service in reversed(token.get('catalog', ()))
                if service['endpoints']}
    _choose_region(chosen, {str(endpoint.get('region')) for endpoint
                            in services.get('compute', ())})
    for name, types in _TYPES.items():
        there = [kind for kind in types if kind in services]
        chosen.choose('service_available', name, str(bool(there)),
                      'the catalog has %s' % (
                          there[0] if there else 'no %s' % types[0]))
        if name == 'cinder' and there:
            chosen.choose('volume', 'catalog_type', there[0],
                          'the type of Cinder in the catalog')


def _choose_region(chosen, regions):
    if not regions:
        raise exceptions.NotConfigured(
            problem='the catalog has no endpoint of type compute')
    if not any(choice.option == 'region' for choice in chosen.choices) and (
            len(regions) == 1):
        chosen.choose('identity', 'region', *regions, 'the only region')
    wanted = CONF.compute.region or CONF.identity.region
    if wanted not in regions:
        raise exceptions.NotConfigured(
            problem='the region is %s, and the catalog has Nova in %s: name '
            'one of these in [identity] region of tempest.conf, or in '
            'region_name of clouds.yaml' % (
                wanted, ', '.join(sorted(regions))))
