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

"""Servers of another project, created and deleted while something goes on."""

import collections.abc
import contextlib
import dataclasses
import random
import threading
import time

from allinone import api
from allinone import deployment
from allinone import readiness

_TENANT = 'member2'

_PAUSE = 0.1
_LIMIT = 300


@dataclasses.dataclass
class Server:
    """One server of the other project. Moments are of the monotonic clock."""

    #: When its create was sent.
    posted: float
    id: str | None = None
    host: str | None = None
    #: When the host was first seen.
    placed: float | None = None
    #: When its delete was sent.
    deleting: float | None = None
    problem: str | None = None


class Load:
    """Another project's servers.

    :param workers: how many servers live at once
    :param pause: seconds between the servers of a worker, at most
    :param seed: number that decides the pauses
    :ivar servers: the servers, in the order of their creation
    :ivar problems: a line for each thing that the workers could not do
    """

    def __init__(self, cloud: deployment.Deployment, workers: int,
                 pause: float, seed: int) -> None:
        self.servers: list[Server] = []
        self.problems: list[str] = []
        self._admin = api.Admin(cloud).compute
        tenant = api.Admin(cloud, _TENANT, project=_TENANT)
        self._tenant = tenant.compute
        self._image = tenant.image.get('/v2/images').json()['images'][0]['id']
        self._flavor = self._tenant.get('/flavors').json()['flavors'][0]['id']
        self._pause = pause
        self._over = threading.Event()
        # Daemons, so that a thread that hangs does not keep the process.
        self._threads = [
            threading.Thread(target=self._work, daemon=True,
                             args=(random.Random(seed + number),))
            for number in range(workers)]

    @contextlib.contextmanager
    def made(self) -> collections.abc.Generator[None, None, None]:
        """Make the load for as long as the body lasts, and delete it then.

        :returns: A context manager.
        """
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            end = time.monotonic() + 3 * _LIMIT
            for thread in self._threads:
                thread.join(max(0, end - time.monotonic()))
                if thread.is_alive():
                    self.problems.append(
                        f'{thread.name} is still at work after '
                        f'{3 * _LIMIT} s')

    def _work(self, chance):
        while not self._over.wait(chance.uniform(0, self._pause)):
            server = Server(posted=time.monotonic())
            self.servers.append(server)
            try:
                self._live(server, chance)
            # An error of any kind is a problem, and does not end the load.
            except Exception as error:
                self.problems.append(
                    f'server {server.id} of the other project: '
                    f'{type(error).__name__}: {error}')

    def _live(self, server, chance):
        server.id = self._tenant.post('/servers', json={'server': {
            'name': 'noise', 'imageRef': self._image,
            'flavorRef': self._flavor, 'networks': 'none'}}
        ).json()['server']['id']
        try:
            # The pause is short because the moment counts. The end of the
            # load does not end these waits.
            readiness.wait('its build', lambda: self._built(server), _LIMIT,
                           _PAUSE)
            self._over.wait(chance.uniform(0.5, 4))
        finally:
            server.deleting = time.monotonic()
            self._tenant.delete(f'/servers/{server.id}')
            readiness.wait('its end', lambda: self._gone(server), _LIMIT,
                           _PAUSE)

    def _built(self, server):
        shown = self._admin.get(f'/servers/{server.id}').json()['server']
        server.host = shown['OS-EXT-SRV-ATTR:host']
        if server.host and server.placed is None:
            server.placed = time.monotonic()
        if shown['status'] == 'ERROR':
            server.problem = shown.get('fault', {}).get('message')
        return shown['status'] != 'BUILD'

    def _gone(self, server):
        return self._admin.get(f'/servers/{server.id}',
                               raise_exc=False).status_code == 404
