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

"""An API server: one uWSGI with one worker of several threads."""

import collections.abc

from allinone import deployment
from allinone import files
from allinone import programs
from allinone.services import forkservers


def configure(cloud: deployment.Deployment, name: str, module: str) -> None:
    """Write the uWSGI configuration of an API.

    :param name: the listener
    :param module: Python module that has ``application``
    """
    files.write(cloud.etc / 'uwsgi' / f'{name}.ini',
                files.render('uwsgi.ini', cloud, name=name, module=module))


def api(cloud: deployment.Deployment, name: str,
        environment: collections.abc.Mapping[str, str],
        server: str = forkservers.LIBRARIES) -> programs.Program:
    """Return the process of an API.

    :param name: the listener
    :param environment: variables of the process
    :param server: name of the fork server that starts it
    """
    return programs.Program(
        name, (str(cloud.environment / 'bin' / 'pyuwsgi'),
               '--ini', str(cloud.etc / 'uwsgi' / f'{name}.ini')),
        environment, listener=name,
        forked_by=forkservers.socket(cloud, server))
