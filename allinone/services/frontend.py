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

"""The front end of a cloud like DevStack: one Apache before all APIs.

Apache speaks uwsgi with the API servers, each on a Unix socket. It finds them
by the first part of the path. If an API does not read the body of a request,
about one request in nine is answered 502 or 503. The reason is that uWSGI
closes the socket too early. Apache then still sends the body, or has not read
the answer. That takes a Unix socket, and a uWSGI without ``post-buffering``.
"""

import os

from allinone import deployment
from allinone import files
from allinone import prechecks
from allinone import programs
from allinone.services import wsgi

# Without an unprivileged user of the deployment, Apache runs as nobody, since
# it refuses to run as root. Then root alone may enter the state directory, so
# that Apache keeps one capability of root.
_NOBODY = '65534'
_PASS = '-all,+dac_override'


def configure(cloud: deployment.Deployment) -> None:
    """Write Apache's configuration, if the cloud has this front end."""
    if not cloud.like_devstack:
        return
    files.directory(cloud.run / 'apache', cloud.uid)
    files.directory(cloud.run / 'uwsgi', cloud.uid)
    etc = files.directory(cloud.shared_etc / 'apache', cloud.uid)
    routes = {}
    for listener, prefix in deployment.PREFIXES.items():
        name = listener.replace('-proxy', '-api')
        socket = wsgi.socket(cloud, name)
        routes[prefix] = (f'unix:{socket}|uwsgi://{name}' if socket else
                          f'http://127.0.0.1:{cloud.ports[name]}')
    files.write(etc / 'apache.conf', files.render(
        'apache.conf', cloud, routes=routes), cloud.uid)


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    if not cloud.like_devstack:
        return ()
    command = [prechecks.find('apache2'), '-D', 'FOREGROUND',
               '-f', f'{cloud.shared_etc}/apache/apache.conf']
    if os.geteuid() == 0 and cloud.uid is None:
        command = ['setpriv', f'--reuid={_NOBODY}', f'--regid={_NOBODY}',
                   '--clear-groups', '--no-new-privs',
                   f'--inh-caps={_PASS}', f'--ambient-caps={_PASS}',
                   f'--bounding-set={_PASS}', *command]
    return (programs.Program('front-end', tuple(command),
                             listener='front-end', drops_root=True),)
