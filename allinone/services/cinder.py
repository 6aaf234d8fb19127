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

"""Cinder: volumes, kept as sparse files."""

from allinone import cache
from allinone import deployment
from allinone import files
from allinone import programs
from allinone.services import forkservers
from allinone.services import wsgi

# The driver that the volumes' backend names is imported from there.
_PLUGINS = cache.HERE / 'plugins'

_FILE = 'cinder/cinder.conf'

#: Migrates the database: a program, its configuration, and its arguments.
SYNC = ('cinder-manage', _FILE, 'db', 'sync')

#: What an upgrade runs after the last restart.
DATA = ('cinder-manage', _FILE, 'db', 'online_data_migrations')


def configure(cloud: deployment.Deployment) -> None:
    """Write what the processes read."""
    etc = files.directory(cloud.etc / 'cinder')
    files.directory(cloud.data / 'cinder')
    files.write(etc / 'cinder.conf',
                files.render('cinder/cinder.conf', cloud))
    wsgi.configure(cloud, 'cinder-api', 'cinder.wsgi.api')


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    def daemon(name, **environment):
        return programs.Program(
            name, (str(cloud.environment / 'bin' / name), '--config-file',
                   f'{cloud.etc}/{_FILE}'), environment,
            forked_by=forkservers.socket(cloud, forkservers.EVENTLET))

    return (
        # It looks for its configuration only in its home directory.
        wsgi.api(cloud, 'cinder-api', {'HOME': f'{cloud.etc}/cinder'}),
        daemon('cinder-scheduler'),
        daemon('cinder-volume', PYTHONPATH=str(_PLUGINS)),
    )
