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

"""TLS: a CA of the deployment's own, and the proxy that speaks TLS.

The API servers themselves speak HTTP, because the wheel of uWSGI has no TLS.
They do so behind the proxies of most clouds, too. Placement has a proxy of its
own, which an outage can stop alone.
"""

import trustme

from allinone import deployment
from allinone import files
from allinone import programs
from allinone.services import proxy

_ROUTES = {f'{api}-tls': api for api in (
    'keystone', 'glance-api', 'nova-api', 'neutron-api', 'cinder-api')}


def configure(cloud: deployment.Deployment) -> None:
    """Make the CA, one certificate for all proxies, and a proxy, if asked to.

    The key of the CA is only in memory, and goes with this process.
    """
    if not cloud.tls:
        return
    ca = trustme.CA()
    server = ca.issue_cert('127.0.0.1')
    # Only daemons that dropped root read this directory.
    etc = files.directory(cloud.shared_etc / 'tls', cloud.uid)
    files.write(cloud.ca, ca.cert_pem.bytes().decode(), cloud.uid)
    files.write(etc / 'server.pem',
                server.private_key_and_cert_chain_pem.bytes().decode(),
                cloud.uid)
    proxy.configure(cloud, 'tls-proxy', _ROUTES)


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    if not cloud.tls:
        return ()
    return (proxy.program(cloud, 'tls-proxy', listener='keystone-tls'),)
