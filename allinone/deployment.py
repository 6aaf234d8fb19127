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

"""One all-in-one: its directories, ports, passwords and accounts."""

import dataclasses
import functools
import json
import pathlib
import secrets
import typing

from allinone import errors
from allinone import release

#: The compute with a real hypervisor, where there is one.
QEMU = 'compute-qemu'

REGION = 'RegionOne'

#: The listeners, in the order of their distance from the port base. A process
#: that needs only a Unix socket is not listed.
LISTENERS = ('keystone', 'placement-proxy', 'placement-api', 'glance-api',
             'nova-api', 'neutron-api', 'mariadb', 'rabbitmq',
             'rabbitmq-distribution', 'epmd', 'keystone-tls',
             'glance-api-tls', 'nova-api-tls', 'neutron-api-tls', 'cinder-api',
             'cinder-api-tls', 'front-end')

#: {listener: path of the API behind the front end of a cloud like DevStack}.
PREFIXES = {'keystone': '/identity',
            'placement-proxy': '/placement',
            'glance-api': '/image',
            'nova-api': '/compute',
            'neutron-api': '/networking',
            'cinder-api': '/volume'}

DEFAULT_PORT_BASE = 21000

#: The services' users, in Keystone and in MariaDB.
SERVICE_USERS = ('cinder', 'glance', 'keystone', 'neutron', 'nova',
                 'placement')

_ACCOUNTS = SERVICE_USERS + ('admin', 'member1', 'member2', 'rabbitmq',
                             'reader1', 'seed')


@dataclasses.dataclass(frozen=True)
class Progress:
    """An upgrade that has begun, and has not ended."""

    #: Name of the release that it leads to.
    to: str
    #: Names of the steps that are done.
    done: tuple[str, ...] = ()
    #: Names of the processes that have that release.
    moved: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Deployment:
    """One all-in-one. All its files lie below the directory ``state``."""

    state: pathlib.Path
    port_base: int
    #: {name of an account, one of _ACCOUNTS: password}.
    passwords: dict[str, str] = dataclasses.field(repr=False)
    #: Id of the user that daemons drop to. None: all processes run as the user
    #: that starts them.
    uid: int | None = None
    #: Name of its release of OpenStack. Until an upgrade ends, this is the old
    #: release.
    release: str = release.DEFAULT
    #: Whether the endpoints are https, with a CA of the deployment.
    tls: bool = False
    #: Whether a deleted server can be restored for a while.
    reclaim: bool = False
    #: Whether there is a compute with a real hypervisor, too.
    qemu: bool = False
    #: Number of the computes of the fake driver.
    computes: int = 8
    #: Whether front end, workers, quotas, stops and heartbeats are as DevStack
    #: has them.
    like_devstack: bool = False
    #: The upgrade that has begun, if there is one.
    upgrade: Progress | None = None

    @property
    def fake_hosts(self) -> tuple[str, ...]:
        """The hosts of the computes of the fake driver."""
        return tuple(f'compute{number + 1}' for number in range(self.computes))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts of all computes."""
        return self.fake_hosts + ((QEMU,) if self.qemu else ())

    @property
    def bandwidth_host(self) -> str:
        """The host whose chassis offers bandwidth. No other chassis does."""
        return self.fake_hosts[-1]

    @property
    def etc(self) -> pathlib.Path:
        """Directory of the configuration of OpenStack, of the release."""
        return self.shared_etc / self.release

    @property
    def shared_etc(self) -> pathlib.Path:
        """Directory of the configuration that no upgrade changes."""
        return self.state / 'etc'

    @property
    def logs(self) -> pathlib.Path:
        """Directory of the services' logs."""
        return self.state / 'logs'

    @property
    def run(self) -> pathlib.Path:
        """Directory of sockets, locks and hooks."""
        return self.state / 'run'

    @property
    def data(self) -> pathlib.Path:
        """Directory of databases, images and volumes."""
        return self.state / 'data'

    @property
    def tempest(self) -> pathlib.Path:
        """Directory of Tempest's workspace."""
        return self.state / 'tempest'

    @property
    def hooks(self) -> pathlib.Path:
        """Directory of the hooks that Python processes of the cloud run.

        When the process NAME starts, it runs NAME/hook.py of this directory
        before its own code. The all-in-one itself never writes a hook.
        """
        return self.run / 'hooks'

    @property
    def environment(self) -> pathlib.Path:
        """The virtual environment of the services (a link into the cache)."""
        return self.state / 'environments' / self.release

    @functools.cached_property
    def ports(self) -> dict[str, int]:
        """{name of the listener: TCP port}."""
        return {name: self.port_base + offset
                for offset, name in enumerate(LISTENERS)}

    @property
    def ca(self) -> pathlib.Path:
        """The certificate of the CA. The file exists only with TLS."""
        return self.shared_etc / 'tls' / 'ca.pem'

    def url(self, listener: str) -> str:
        """Return the URL of an API, one of LISTENERS, as clients find it."""
        if self.like_devstack:
            return (f'http://127.0.0.1:{self.ports["front-end"]}'
                    f'{PREFIXES[listener]}')
        if not self.tls:
            return f'http://127.0.0.1:{self.ports[listener]}'
        port = self.ports.get(f'{listener}-tls', self.ports[listener])
        return f'https://127.0.0.1:{port}'

    @property
    def auth_url(self) -> str:
        """The URL of Keystone's API."""
        return self.url('keystone') + '/v3'

    def database_url(self, database: str, user: str | None = None) -> str:
        """Return the URL of a database, with the password of a user.

        :param user: by default the user that is called as the database is
        """
        user = user or database
        return (f'mysql+pymysql://{user}:{self.passwords[user]}'
                f'@127.0.0.1:{self.ports["mariadb"]}/{database}')

    @property
    def transport_url(self) -> str:
        """The URL of the message bus, with its password."""
        return (f'rabbit://openstack:{self.passwords["rabbitmq"]}'
                f'@127.0.0.1:{self.ports["rabbitmq"]}/')


def new(state: pathlib.Path, port_base: int, uid: int | None = None,
        **options: typing.Any) -> Deployment:
    """Make a deployment with passwords of its own, and write no file.

    The parameters are the fields of a ``Deployment``.
    """
    passwords = {name: secrets.token_hex(16) for name in _ACCOUNTS}
    return Deployment(state, port_base, passwords, uid, **options)


def save(deployment: Deployment) -> None:
    """Write a deployment into its state directory, for ``load``."""
    path = deployment.state / 'deployment.json'
    fields = dataclasses.asdict(deployment)
    del fields['state']
    # The file is always whole, because it has the only copy of the passwords.
    unfinished = path.with_suffix('.new')
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(fields))
    unfinished.replace(path)


def load(state: pathlib.Path) -> Deployment:
    """Return the deployment of a state directory.

    :raises BadInput: no deployment is there, or its file cannot be read
    """
    path = state / 'deployment.json'
    try:
        return Deployment(state, **_fields(json.loads(path.read_text())))
    except FileNotFoundError:
        raise errors.BadInput(f'No all-in-one in {state}: run "up" first')
    except (OSError, ValueError, TypeError) as error:
        raise errors.BadInput(f'{path} cannot be read: {error}')


def _fields(saved):
    """Return the fields of a ``Deployment`` that JSON cannot tell apart."""
    upgrade = saved.get('upgrade')
    if not upgrade:
        return saved
    return {**saved, 'upgrade': Progress(
        upgrade['to'], tuple(upgrade['done']), tuple(upgrade['moved']))}
