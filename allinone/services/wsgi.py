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

"""An API server: one uWSGI, with one worker of several threads.

In a cloud like DevStack it has two workers of one thread each. An API that
uses eventlet has four of them in any other cloud.
"""

import collections.abc
import pathlib

from allinone import deployment
from allinone import files
from allinone import programs
from allinone.services import forkservers


# Apache loses the length of a body that it passes on in chunks as uwsgi. So it
# speaks HTTP with this API.
_HTTP = 'glance-api'


def socket(cloud: deployment.Deployment, name: str) -> pathlib.Path | None:
    """Return the Unix socket of an API, or None if it has a TCP port.

    :param name: the listener
    """
    if not cloud.like_devstack or name == _HTTP:
        return None
    return cloud.run / 'uwsgi' / f'{name}.sock'


def configure(cloud: deployment.Deployment, name: str, module: str,
              eventlet: bool = False) -> None:
    """Write the uWSGI configuration of an API.

    :param name: the listener
    :param module: Python module that has ``application``
    :param eventlet: whether the API uses eventlet, which bears no threads
    """
    files.write(cloud.etc / 'uwsgi' / f'{name}.ini',
                files.render('uwsgi.ini', cloud, name=name, module=module,
                             eventlet=eventlet, socket=socket(cloud, name)))


def api(cloud: deployment.Deployment, name: str,
        environment: collections.abc.Mapping[str, str],
        server: str = forkservers.LIBRARIES) -> programs.Program:
    """Return the process of an API.

    :param name: the listener
    :param environment: variables of the process
    :param server: name of the fork server that starts it
    """
    path = socket(cloud, name)
    return programs.Program(
        name, (str(cloud.environment / 'bin' / 'pyuwsgi'),
               '--ini', str(cloud.etc / 'uwsgi' / f'{name}.ini')),
        environment, listener=None if path else name, socket=path,
        forked_by=forkservers.socket(cloud, server))
