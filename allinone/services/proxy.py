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

"""A proxy: HAProxy, which speaks TLS if the cloud does."""

import collections.abc

from allinone import deployment
from allinone import files
from allinone import prechecks
from allinone import programs


def configure(cloud: deployment.Deployment, name: str,
              routes: collections.abc.Mapping[str, str]) -> None:
    """Write the configuration of a proxy.

    :param routes: {listener of the proxy: listener of the API behind it}
    """
    files.directory(cloud.shared_etc / 'haproxy', cloud.uid)
    files.write(cloud.shared_etc / 'haproxy' / f'{name}.cfg',
                files.render('haproxy.cfg', cloud, routes=routes), cloud.uid)


def program(cloud: deployment.Deployment, name: str,
            listener: str) -> programs.Program:
    """Return the process of a proxy.

    :param listener: the listener that is spoken to when the proxy is ready
    """
    return programs.Program(
        name, (prechecks.find('haproxy'), '-db',
               '-f', f'{cloud.shared_etc}/haproxy/{name}.cfg'),
        listener=listener, drops_root=True)
