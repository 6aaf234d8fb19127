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

"""The migrated databases: made once, kept for all clouds, copied by each.

What is kept is MariaDB's data directory after every migration and Keystone's
bootstrap, with the server stopped. It holds no password that is ever used
again. MariaDB's accounts are made at each start. Nova's cells are kept as
templates. The password of the user seed lies beside the data. That user is
removed as soon as Keystone answers, and the password with it.
"""

import collections.abc
import functools
import shutil
import subprocess

from allinone import cache
from allinone import commands
from allinone import deployment
from allinone import environment
from allinone import files
from allinone import prechecks
from allinone.services import cinder
from allinone.services import glance
from allinone.services import keystone
from allinone.services import mariadb
from allinone.services import neutron
from allinone.services import nova
from allinone.services import placement
from allinone import steps

_MAKERS = (cinder, glance, keystone, mariadb, neutron, nova, placement)


def key(cloud: deployment.Deployment) -> str:
    """Return a short hash of all that the databases depend on."""
    server = subprocess.run([prechecks.find('mariadbd'), '--version'],
                            check=True, capture_output=True, text=True)
    return cache.key(__file__, *(str(module.__file__) for module in _MAKERS),
                     extra=environment.key(cloud) + server.stdout)


def provide(cloud: deployment.Deployment,
            start: collections.abc.Callable[[], object],
            stop: collections.abc.Callable[[], object],
            report: steps.Report) -> str:
    """Start MariaDB with migrated databases.

    :param start: starts MariaDB and waits until it can be spoken to
    :param stop: stops MariaDB and waits for its end
    :param report: called for each migration, unless the cache has them
    :returns: The password of the admin that is called seed.
    :raises StepFailed: a migration failed
    :raises subprocess.CalledProcessError: the data could not be copied
    """
    ours = cloud.data / 'mariadb'

    def make(entry):
        mariadb.initialise(cloud)
        start()
        steps.run(_migrations(cloud), report)
        stop()
        files.write(entry / 'password', cloud.passwords['seed'])
        shutil.move(ours, entry / 'mariadb')

    entry = cache.provide('databases', key(cloud), make)
    commands.run(cloud, 'cp', '--archive', '--reflink=auto',
                 entry / 'mariadb', ours)
    files.give(ours, cloud.uid)
    start()
    return (entry / 'password').read_text()


def _migrations(cloud):
    def step(service):
        name = service.__name__.rpartition('.')[2]
        return steps.Step(f'{name} tables', functools.partial(
            commands.manage, cloud, *service.SYNC))

    return (
        steps.Step('keystone tables',
                   lambda: keystone.sync(cloud, cloud.passwords['seed'])),
        *map(step, (placement, glance, cinder, neutron)),
        steps.Step('nova api tables', lambda: nova.sync_api(cloud)),
        steps.Step('nova cell tables', lambda: nova.sync_cells(cloud),
                   ('nova api tables',)),
    )
