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

"""What one all-in-one is made of: directories, ports, passwords, accounts."""

import dataclasses
import functools
import json
import pathlib
import secrets

from allinone import errors

COMPUTES = ('compute1', 'compute2', 'compute3')

#: The compute with a real hypervisor, where there is one.
QEMU = 'compute-qemu'

#: The one whose chassis offers bandwidth; the others' providers are plain.
BANDWIDTH = 'compute3'

REGION = 'RegionOne'

#: What listens, in the order of its distance from the port base. Whatever
#: can do with a Unix socket has no place here.
LISTENERS = ('keystone', 'placement-proxy', 'placement-api', 'glance-api',
             'nova-api', 'neutron-api', 'mariadb', 'rabbitmq',
             'rabbitmq-distribution', 'epmd', 'keystone-tls',
             'glance-api-tls', 'nova-api-tls', 'neutron-api-tls', 'cinder-api',
             'cinder-api-tls')

DEFAULT_PORT_BASE = 21000

#: The services' users, in Keystone and in MariaDB.
SERVICE_USERS = ('cinder', 'glance', 'keystone', 'neutron', 'nova',
                 'placement')

_ACCOUNTS = SERVICE_USERS + ('admin', 'member1', 'member2', 'rabbitmq',
                             'reader1', 'seed')


@dataclasses.dataclass(frozen=True)
class Deployment:
    """One all-in-one; everything of it lies below the directory `state`."""

    state: pathlib.Path
    port_base: int
    #: Name of the account (one of _ACCOUNTS) to its password.
    passwords: dict[str, str] = dataclasses.field(repr=False)
    #: The user that daemons drop to; None where everything runs as the
    #: invoking user.
    uid: int | None = None
    #: Whether the APIs are spoken to over TLS, with a CA of the deployment.
    tls: bool = False
    #: Whether a deleted server can be restored for a while.
    reclaim: bool = False
    #: Whether there is a compute with a real hypervisor, too.
    qemu: bool = False

    @property
    def computes(self):
        """The hosts of all computes."""
        return COMPUTES + ((QEMU,) if self.qemu else ())

    @property
    def etc(self):
        return self.state / 'etc'

    @property
    def logs(self):
        return self.state / 'logs'

    @property
    def run(self):
        return self.state / 'run'

    @property
    def data(self):
        return self.state / 'data'

    @property
    def tempest(self):
        return self.state / 'tempest'

    @property
    def hooks(self):
        """Where a Python process of the cloud finds its hook.

        As it starts, the process NAME runs the file NAME/hook.py of this
        directory before its own code. Nothing of the all-in-one writes there.
        """
        return self.run / 'hooks'

    @property
    def environment(self):
        """The virtual environment of the services (a link into the cache)."""
        return self.state / 'environment'

    @functools.cached_property
    def ports(self):
        """Name of the listener to its TCP port."""
        return {name: self.port_base + offset
                for offset, name in enumerate(LISTENERS)}

    @property
    def ca(self):
        """The certificate of the CA; there is one only with TLS."""
        return self.etc / 'tls' / 'ca.pem'

    def url(self, listener):
        """Where clients find the API that listens as `listener`."""
        if not self.tls:
            return f'http://127.0.0.1:{self.ports[listener]}'
        port = self.ports.get(f'{listener}-tls', self.ports[listener])
        return f'https://127.0.0.1:{port}'

    @property
    def auth_url(self):
        return self.url('keystone') + '/v3'

    def database_url(self, database, user=None):
        user = user or database
        return (f'mysql+pymysql://{user}:{self.passwords[user]}'
                f'@127.0.0.1:{self.ports["mariadb"]}/{database}')

    @property
    def transport_url(self):
        return (f'rabbit://openstack:{self.passwords["rabbitmq"]}'
                f'@127.0.0.1:{self.ports["rabbitmq"]}/')


def new(state, port_base, uid, tls=False, reclaim=False, qemu=False):
    """A deployment with passwords of its own, not yet written down."""
    passwords = {name: secrets.token_hex(16) for name in _ACCOUNTS}
    return Deployment(state, port_base, passwords, uid, tls, reclaim, qemu)


def save(deployment):
    """Write down what the other commands need to find the deployment."""
    path = deployment.state / 'deployment.json'
    path.touch(mode=0o600)
    path.write_text(json.dumps({'port_base': deployment.port_base,
                                'uid': deployment.uid,
                                'tls': deployment.tls,
                                'reclaim': deployment.reclaim,
                                'qemu': deployment.qemu,
                                'passwords': deployment.passwords}))


def load(state):
    """Return the deployment in `state`.

    :raises BadInput: there is none, or what is there cannot be read
    """
    path = state / 'deployment.json'
    try:
        saved = json.loads(path.read_text())
        return Deployment(state, saved['port_base'], saved['passwords'],
                          saved['uid'], saved.get('tls', False),
                          saved.get('reclaim', False),
                          saved.get('qemu', False))
    except FileNotFoundError:
        raise errors.BadInput(f'No all-in-one in {state}: run "up" first')
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise errors.BadInput(f'{path} cannot be read: {error}')
