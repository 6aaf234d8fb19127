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

"""Neutron: its API, with ML2 and OVN."""

from allinone import deployment
from allinone import files
from allinone import programs
from allinone.services import ovn
from allinone.services import wsgi

_FILE = 'neutron/neutron.conf'

#: Migrates the database: a program, its configuration, and its arguments.
SYNC = ('neutron-db-manage', _FILE, 'upgrade', 'heads')

#: The same in two parts. The second part needs a stopped neutron-api.
EXPAND = ('neutron-db-manage', _FILE, 'upgrade', '--expand')
CONTRACT = ('neutron-db-manage', _FILE, 'upgrade', '--contract')


def configure(cloud: deployment.Deployment) -> None:
    """Write what the processes read."""
    files.directory(cloud.data / 'neutron')
    files.write(cloud.etc / 'neutron' / 'neutron.conf', files.render(
        'neutron/neutron.conf', cloud,
        northbound=ovn.socket(cloud, 'ovn-nb'),
        southbound=ovn.socket(cloud, 'ovn-sb'), tunnels=ovn.TUNNELS))
    wsgi.configure(cloud, 'neutron-api', 'neutron.wsgi.api')


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    return (wsgi.api(cloud, 'neutron-api', {
        'OS_NEUTRON_CONFIG_DIR': f'{cloud.etc}/neutron',
        'OS_NEUTRON_CONFIG_FILES': 'neutron.conf'}),)
