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

"""MariaDB: one server that holds the databases of every service."""

import os
import pathlib

from allinone import commands
from allinone import deployment
from allinone import files
from allinone import prechecks
from allinone import programs

#: {user: databases that it owns}.
DATABASES = {'cinder': ('cinder',),
             'glance': ('glance',),
             'keystone': ('keystone',),
             'neutron': ('neutron',),
             'nova': ('nova_api', 'nova_cell0', 'nova_cell1'),
             'placement': ('placement',)}


def configure(cloud: deployment.Deployment) -> None:
    """Write the server's configuration, and the accounts it starts with."""
    etc = files.directory(cloud.shared_etc / 'mariadb', cloud.uid)
    files.directory(cloud.run / 'mariadb', cloud.uid)
    for name in ('my.cnf', 'accounts.sql'):
        files.write(etc / name, files.render(
            f'mariadb/{name}', cloud, databases=DATABASES), cloud.uid)


def initialise(cloud: deployment.Deployment) -> None:
    """Make a data directory with system tables and no account at all.

    "mariadb-install-db" does this too. It adds help texts and a sys schema
    that nobody reads here. In Debian it needs the full server package.

    :raises subprocess.CalledProcessError: the server refused
    """
    datadir = cloud.data / 'mariadb'
    files.directory(datadir / 'mysql')
    tables = pathlib.Path('/usr/share/mysql/mysql_system_tables.sql')
    program, *root = _server()
    commands.run(
        cloud, program, '--no-defaults', *root, '--bootstrap',
        f'--datadir={datadir}', '--innodb-flush-method=nosync',
        '--innodb-log-file-size=16M', '--default-storage-engine=InnoDB',
        stdin='USE mysql;\n' + tables.read_text())
    files.give(datadir, cloud.uid)


def _server():
    command = [prechecks.find('mariadbd')]
    if os.geteuid() == 0:
        # The server refuses to run as root, unless it is asked to.
        command.append('--user=root')
    return command


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    program, *root = _server()
    if cloud.uid is not None:
        root = []
    return (programs.Program(
        'mariadb',
        (program, f'--defaults-file={cloud.shared_etc}/mariadb/my.cnf', *root),
        listener='mariadb', drops_root=True),)
