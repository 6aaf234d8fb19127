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

"""Glance: images, kept as files."""

from allinone import deployment
from allinone import files
from allinone import programs
from allinone.services import wsgi

_FILE = 'glance/glance-api.conf'

#: Migrates the database: a program, its configuration, and its arguments.
SYNC = ('glance-manage', _FILE, 'db_sync')

#: The same in three parts. An upgrade restarts before the last part.
EXPAND = ('glance-manage', _FILE, 'db', 'expand')
MIGRATE = ('glance-manage', _FILE, 'db', 'migrate')
CONTRACT = ('glance-manage', _FILE, 'db', 'contract')


def configure(cloud: deployment.Deployment) -> None:
    """Write what the processes read."""
    etc = files.directory(cloud.etc / 'glance')
    files.directory(cloud.data / 'glance')
    files.write(etc / 'glance-api.conf',
                files.render('glance/glance-api.conf', cloud))
    wsgi.configure(cloud, 'glance-api', 'glance.wsgi.api')


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    return (wsgi.api(cloud, 'glance-api', {
        'OS_GLANCE_CONFIG_DIR': f'{cloud.etc}/glance'}),)
