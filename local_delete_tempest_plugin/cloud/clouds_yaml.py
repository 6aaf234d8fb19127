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
"""The account of a clouds.yaml, as the clients of OpenStack read it.

Tempest knows no clouds.yaml, and openstacksdk would be a further dependency.
So this module reads only what a login with a password needs.
"""

import dataclasses
import os
import pathlib
from typing import Any

import jsonschema
from tempest.lib import exceptions as lib_exc
import yaml

from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin.cloud import identity

_FILE, _SECRETS = 'clouds.yaml', 'secure.yaml'
_VARIABLES = {_FILE: 'OS_CLIENT_CONFIG_FILE',
              _SECRETS: 'OS_CLIENT_SECURE_FILE'}

_AUTH = {'type': 'object', 'additionalProperties': {
    'type': ['string', 'null']}}
_TEXT = {'type': ['string', 'null']}
_SCHEMA = {'type': 'object', 'properties': {'clouds': {
    'type': 'object', 'additionalProperties': {
        'type': ['object', 'null'], 'properties': {
            'auth': _AUTH, 'region_name': _TEXT, 'interface': _TEXT,
            'cacert': _TEXT, 'verify': {'type': ['boolean', 'null']}}}}}}

# The fields that both clouds.yaml and Tempest's credentials have.
_FIELDS = ('username', 'user_id', 'password', 'project_name', 'project_id',
           'domain_name', 'domain_id', 'user_domain_name', 'user_domain_id',
           'project_domain_name', 'project_domain_id')

_WITH_PASSWORD = (None, 'password', 'v3password')


@dataclasses.dataclass(frozen=True)
class Account:
    """What clouds.yaml tells of a cloud.

    :param uri: The address of Keystone.
    :param credentials: The fields of ``auth.KeystoneV3Credentials``.
    :param region: Name of the region; None where the file names none.
    :param interface: The kind of endpoints, such as 'public'; None likewise.
    :param ca: Path of the CA's certificate; None likewise.
    :param verify: Whether certificates are verified.
    """

    uri: str
    credentials: dict[str, Any] = dataclasses.field(repr=False)
    region: str | None = None
    interface: str | None = None
    ca: str | None = None
    verify: bool = True

    @property
    def uri_v3(self) -> str:
        """The address as [identity] uri_v3 takes it."""
        return self.uri.rstrip('/').removesuffix('/v3') + '/v3'


def read(name: str, uri: str | None) -> Account:
    """Read the account of a cloud.

    :param name: Name of the cloud in clouds.yaml.
    :param uri: The address of Keystone in tempest.conf; None or '' for any.
    :returns: The account.
    :raises tempest.lib.exceptions.InvalidConfiguration: there is no such
        cloud, it is another cloud, or it needs another way to log in.
    """
    path = _find(_FILE)
    if path is None:
        raise lib_exc.InvalidConfiguration(
            'there is no clouds.yaml in %s' % ', '.join(
                map(str, _folders())))
    cloud = _cloud(path, name)
    if cloud is None:
        raise lib_exc.InvalidConfiguration(
            '%s has no cloud %s' % (path, name))
    secrets = _find(_SECRETS)
    secret = _cloud(secrets, name) if secrets else None
    auth = {**(cloud.get('auth') or {}),
            **((secret or {}).get('auth') or {})}
    if cloud.get('auth_type') not in _WITH_PASSWORD:
        raise lib_exc.InvalidConfiguration(
            'the cloud %s of %s has the auth_type %s, and Tempest logs in '
            'with a password' % (name, path, cloud['auth_type']))
    for field in ('auth_url', 'password'):
        if not auth.get(field):
            raise lib_exc.InvalidConfiguration(
                'the cloud %s of %s has no %s' % (name, path, field))
    if uri and not identity.Cloud(uri, '').is_at(
            auth['auth_url']):
        raise lib_exc.InvalidConfiguration(
            'the cloud %s of %s is at %s, and [identity] uri_v3 is %s' % (
                name, path, endpoints.describe(auth['auth_url']),
                endpoints.describe(uri)))
    return Account(
        auth['auth_url'],
        {field: auth[field] for field in _FIELDS if auth.get(field)},
        cloud.get('region_name'), cloud.get('interface'), cloud.get('cacert'),
        cloud.get('verify') is not False)


def _folders() -> list[pathlib.Path]:
    return [pathlib.Path.cwd(),
            pathlib.Path.home() / '.config' / 'openstack',
            pathlib.Path('/etc/openstack')]


def _find(name: str) -> pathlib.Path | None:
    given = os.environ.get(_VARIABLES[name])
    return next((path for path in (
        [pathlib.Path(given)] if given else []) + [
            folder / name for folder in _folders()] if path.is_file()), None)


def _cloud(path: pathlib.Path, name: str) -> dict[str, Any] | None:
    try:
        found = yaml.safe_load(path.read_text())
    # The parser's own message would quote the line with the password.
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise lib_exc.InvalidConfiguration('%s is not YAML' % path) from None
    for error in jsonschema.Draft202012Validator(_SCHEMA).iter_errors(found):
        # Its message may quote the password, too.
        raise lib_exc.InvalidConfiguration(
            '%s is no clouds.yaml: see %s' % (path, error.json_path))
    return (found.get('clouds') or {}).get(name)
