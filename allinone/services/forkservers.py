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

"""Fork servers: each imports what several services share, once for all.

A Python service of OpenStack takes a second or more of a core to import its
modules. A process that is forked by a fork server has them already. Otherwise
it is as any other process. It runs the service's own script. The supervisor
starts, stops and kills it. See allinone/plugins/forkserver.py.

A fork server has the libraries of several services, or the modules of a single
service. Two services would register their options twice. Some services need
eventlet's patches, which come before any other import. Some modules read an
option at their import, such as the managers of Nova. No fork server imports
them, because the service has to read its configuration first.
"""

import pathlib

from allinone import cache
from allinone import deployment
from allinone import files
from allinone import programs
from allinone import release

#: Names of the fork servers: with libraries only, and with Nova's modules,
#: each with threads and with eventlet.
LIBRARIES = 'fork-server'
EVENTLET = 'fork-server-eventlet'
NOVA = 'fork-server-nova'
NOVA_EVENTLET = 'fork-server-nova-eventlet'

_SHARED = (
    'barbicanclient.client', 'castellan.options', 'cinderclient.client',
    'cursive.signature_utils', 'dogpile.cache', 'glanceclient.common.http',
    'glanceclient.v2.client', 'jsonschema', 'keystonemiddleware.auth_token',
    'kombu.messaging', 'kombu.transport.pyamqp', 'neutronclient.v2_0.client',
    'openstack.connection', 'os_brick.initiator.utils', 'oslo_cache',
    'oslo_db.sqlalchemy.enginefacade', 'oslo_limit.limit',
    'oslo_middleware', 'oslo_policy.policy',
    'oslo_reports.guru_meditation_report',
    'osprofiler.sqlalchemy', 'paste.deploy', 'paste.urlmap', 'pymysql',
    'routes.middleware', 'setproctitle', 'sqlalchemy.dialects.mysql',
    'webob.dec')

# What imports eventlet. Nova 34, which runs with threads, refuses that.
_GREEN = ('oslo_privsep.priv_context', 'tooz.hashring')

# What decides for eventlet, unless Nova has decided for threads before.
_BUS = ('oslo_messaging._drivers.impl_rabbit', 'oslo_versionedobjects.base')

#: {service of Nova: names to import}.
_NOVA_NAMES = {
    'nova-api': (),
    'nova-scheduler': ('nova.cmd.scheduler', 'nova.scheduler.client.report',
                       *_BUS),
    'nova-compute': ('nova.cmd.compute', 'nova.compute.api',
                     'nova.virt.driver'),
    'nova-conductor': ('nova.cmd.conductor',),
}


def of_nova(cloud: deployment.Deployment, service: str) -> str:
    """Return the name of the fork server that forks a service of Nova."""
    if service in release.get(cloud.release).eventlet:
        return NOVA_EVENTLET
    return NOVA


def all_of_nova(cloud: deployment.Deployment) -> tuple[str, ...]:
    """Return the names of the fork servers that have Nova's modules."""
    return tuple(sorted({of_nova(cloud, name) for name in _NOVA_NAMES}))


def socket(cloud: deployment.Deployment, name: str) -> pathlib.Path:
    """Return the socket of a fork server."""
    # Short, because the path of a socket has at most 107 bytes. In an upgrade
    # no old process finds a fork server of the new release.
    return (cloud.run / 'fork' /
            f'{cloud.release}-{name.removeprefix("fork-server-")}')


def configure(cloud: deployment.Deployment) -> None:
    """Make the directory of the sockets."""
    files.directory(cloud.run / 'fork')


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    def server(name, names, parent=None, **environment):
        return programs.Program(
            name, (str(cloud.environment / 'bin' / 'python3'),
                   str(cache.HERE / 'plugins' / 'forkserver.py'),
                   str(socket(cloud, name)), *names), environment,
            socket=socket(cloud, name),
            forked_by=socket(cloud, parent) if parent else None)

    def nova(name):
        names = [one for service, names in _NOVA_NAMES.items()
                 if of_nova(cloud, service) == name for one in names]
        if name == NOVA_EVENTLET:
            return server(name, names, EVENTLET)
        # Otherwise Nova reads its configuration at the import, to decide.
        return server(name, names, LIBRARIES,
                      OS_NOVA_DISABLE_EVENTLET_PATCHING='true')

    green = _GREEN if release.get(cloud.release).eventlet else ()
    return (server(LIBRARIES, (*_SHARED, *green)),
            server(EVENTLET, ('eventlet:monkey_patch', *_SHARED, *_GREEN,
                              *_BUS)),
            *map(nova, all_of_nova(cloud)))
