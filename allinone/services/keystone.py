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

"""Keystone: identity."""

import base64
import os

from allinone import commands
from allinone import deployment
from allinone import files
from allinone import programs
from allinone.services import wsgi

_FILE = 'keystone/keystone.conf'

#: What an upgrade runs before the restart, and after it.
EXPAND = ('keystone-manage', _FILE, 'db_sync', '--expand')
CONTRACT = ('keystone-manage', _FILE, 'db_sync', '--contract')


def configure(cloud: deployment.Deployment) -> None:
    """Write what the processes read."""
    files.write(cloud.etc / 'keystone' / 'keystone.conf',
                files.render('keystone/keystone.conf', cloud))
    wsgi.configure(cloud, 'keystone', 'keystone.wsgi.api')
    # A staged key (0) and a primary key (1). The commands fernet_setup and
    # credential_setup would make them in two seconds of a core each. An
    # upgrade keeps them, so that tokens and credentials stay valid.
    for repository in ('fernet-keys', 'credential-keys'):
        directory = files.directory(
            cloud.shared_etc / 'keystone' / repository)
        for number in ('0', '1'):
            if not (directory / number).exists():
                key = base64.urlsafe_b64encode(os.urandom(32)).decode()
                files.write(directory / number, key)


def sync(cloud: deployment.Deployment, password: str) -> None:
    """Migrate the database, and make roles, endpoint and the user seed.

    :param password: of the user seed, who is an admin
    """
    _manage(cloud, 'db_sync')
    _manage(cloud, 'bootstrap', '--bootstrap-region-id', deployment.REGION,
            '--bootstrap-public-url', cloud.auth_url,
            OS_BOOTSTRAP_USERNAME='seed', OS_BOOTSTRAP_PASSWORD=password)


def _manage(cloud, *arguments, **environment):
    commands.manage(cloud, 'keystone-manage', _FILE, *arguments,
                    **environment)


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    return (wsgi.api(cloud, 'keystone', {
        'OS_KEYSTONE_CONFIG_FILES': f'{cloud.etc}/keystone/keystone.conf'}),)
