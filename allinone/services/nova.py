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

"""Nova: API, scheduler, conductor, and a compute for each host."""

import subprocess

from allinone import commands
from allinone import deployment
from allinone import files
from allinone import programs
from allinone import release
from allinone.services import forkservers
from allinone.services import qemu
from allinone.services import wsgi

# Cells by template: each process fills in the account of its configuration. So
# the database, which is kept for later clouds, holds no password.
_BUS = '{scheme}://{username}:{password}@{hostname}:{port}/'
_CELL_DATABASE = '{scheme}://{username}:{password}@{hostname}:{port}/'

_FILES = ('nova/nova.conf', 'nova/databases.conf')

#: Migrate the databases: a program, its configuration, and its arguments.
SYNC_API = ('nova-manage', _FILES, 'api_db', 'sync')
SYNC = ('nova-manage', _FILES, 'db', 'sync')

#: What an upgrade runs before that, and after the last restart.
CHECK = ('nova-status', _FILES, 'upgrade', 'check')
DATA = ('nova-manage', _FILES, 'db', 'online_data_migrations')


def configure(cloud: deployment.Deployment) -> None:
    """Write what the processes read."""
    etc = files.directory(cloud.etc / 'nova')
    for name in ('nova.conf', 'databases.conf'):
        files.write(etc / name, files.render(f'nova/{name}', cloud))
    for host in cloud.fake_hosts:
        files.directory(cloud.data / 'nova' / host)
        files.write(etc / f'{host}.conf',
                    files.render('nova/compute.conf', cloud, host=host))
    if cloud.qemu:
        own = files.directory(cloud.data / 'nova' / deployment.QEMU)
        files.directory(own / 'instances')
        files.write(etc / f'{deployment.QEMU}.conf', files.render(
            'nova/compute-qemu.conf', cloud, host=deployment.QEMU,
            uri=qemu.uri(cloud), database=qemu.database(cloud)))
    wsgi.configure(cloud, 'nova-api', 'nova.wsgi.osapi_compute',
                   eventlet='nova-api' in release.get(cloud.release).eventlet)


def sync_api(cloud: deployment.Deployment) -> None:
    """Migrate the API database, and map the first cell."""
    commands.manage(cloud, *SYNC_API)
    _manage(cloud, 'cell_v2', 'map_cell0', '--database_connection',
            _CELL_DATABASE + 'nova_cell0')


def sync_cells(cloud: deployment.Deployment) -> None:
    """Migrate the databases of both cells, after ``sync_api``."""
    commands.manage(cloud, *SYNC)
    _manage(cloud, 'cell_v2', 'create_cell', '--name', 'cell1',
            '--transport-url', _BUS,
            '--database_connection', _CELL_DATABASE + 'nova_cell1')


def archive(cloud: deployment.Deployment) -> None:
    """Remove the rows of deleted servers and services.

    :raises subprocess.CalledProcessError: rows may be left
    """
    try:
        _manage(cloud, 'db', 'archive_deleted_rows', '--until-complete',
                '--purge')
    except subprocess.CalledProcessError as error:
        # The program ends with 1 when it has archived rows.
        if error.returncode != 1:
            raise


def _manage(cloud, *arguments):
    commands.manage(cloud, 'nova-manage', _FILES, *arguments)


def _environment(cloud, host):
    if host != deployment.QEMU:
        return {}
    return qemu.compute_environment(cloud)


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    binaries = cloud.environment / 'bin'
    common = ('--config-file', f'{cloud.etc}/nova/nova.conf')
    control = common + ('--config-file', f'{cloud.etc}/nova/databases.conf')

    def forked_by(service):
        return forkservers.socket(cloud, forkservers.of_nova(cloud, service))

    # A service ends as on a host that loses power, or gently as systemd stops
    # it. The scheduler takes longer for that than supervisord waits.
    stop_signal = 'TERM' if cloud.like_devstack else 'KILL'
    computes = tuple(
        programs.Program(
            f'nova-compute-{host}',
            (str(binaries / 'nova-compute'), *common,
             '--config-file', f'{cloud.etc}/nova/{host}.conf'),
            _environment(cloud, host),
            # libvirt's binding is not on the path of a fork server.
            forked_by=(None if host == deployment.QEMU
                       else forked_by('nova-compute')),
            stop_signal=stop_signal)
        for host in cloud.hosts)
    return (
        wsgi.api(cloud, 'nova-api', {
            'OS_NOVA_CONFIG_DIR': f'{cloud.etc}/nova',
            'OS_NOVA_CONFIG_FILES':
                f'{cloud.environment}/etc/nova/api-paste.ini;'
                'nova.conf;databases.conf'},
            forkservers.of_nova(cloud, 'nova-api')),
        programs.Program('nova-conductor', (
            str(binaries / 'nova-conductor'), *control),
            forked_by=forked_by('nova-conductor'),
            # A scenario loses what it was doing, as when its host has no
            # power any more.
            stop_signal='KILL'),
        programs.Program('nova-scheduler', (
            str(binaries / 'nova-scheduler'), *control),
            forked_by=forked_by('nova-scheduler'), stop_signal=stop_signal),
    ) + computes
