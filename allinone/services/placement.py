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

"""Placement, and the proxy that its endpoint in the catalog leads to.

The proxy makes both ways of losing Placement real. Without the proxy the
connection of a client is refused. Without the API behind the proxy a client
gets 503. A cloud like DevStack has only the front end of all APIs.
"""

from allinone import deployment
from allinone import files
from allinone import programs
from allinone.services import proxy
from allinone.services import wsgi

_FILE = 'placement/placement.conf'

#: Migrates the database: a program, its configuration, and its arguments.
SYNC = ('placement-manage', _FILE, 'db', 'sync')

#: What an upgrade runs before that, and after the restart.
CHECK = ('placement-status', _FILE, 'upgrade', 'check')
DATA = ('placement-manage', _FILE, 'db', 'online_data_migrations')


def configure(cloud: deployment.Deployment) -> None:
    """Write what the processes read."""
    files.write(cloud.etc / 'placement' / 'placement.conf',
                files.render('placement/placement.conf', cloud))
    if not cloud.like_devstack:
        proxy.configure(cloud, 'placement-proxy',
                        {'placement-proxy': 'placement-api'})
    wsgi.configure(cloud, 'placement-api', 'placement.wsgi.api')


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    api = wsgi.api(cloud, 'placement-api', {
        'OS_PLACEMENT_CONFIG_DIR': f'{cloud.etc}/placement'})
    if cloud.like_devstack:
        return (api,)
    return (api, proxy.program(cloud, 'placement-proxy',
                               listener='placement-proxy'))
