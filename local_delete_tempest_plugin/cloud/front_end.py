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

"""What answers in the place of a service that is stopped."""

from typing import Any
from urllib import parse

from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin import exceptions

# Seconds. Whoever listens answers at once that there is no such path.
_LIMIT = 10

# No service has it.
_PATH = '/local-delete-no-such-path'


def find(client: Any) -> str | None:
    """Look whether others share the address of a service.

    A service whose URL has a path, such as ``/placement``, may be behind a
    front end. It is, if something else than OpenStack answers beside that
    path. The front end goes on to answer while the service is stopped.

    :param client: A ``RestClient`` of the service. No token is sent.
    :returns: Words for the front end, or None where there is none, or where
        nobody can tell.
    """
    parts = parse.urlsplit(client.base_url)
    if not parts.path.strip('/'):
        return None
    url = parse.urlunsplit((parts.scheme, parts.netloc, _PATH, '', ''))
    try:
        resp, data = client.http_obj.request(url, 'GET', headers={},
                                             timeout=_LIMIT)
    except (exceptions.InvalidAnswer, exceptions.RequestFailed):
        return None
    if transport.is_of_service(data):
        return None
    return '%s answered %d (Server: %s)' % (
        url, resp.status, exceptions.one_line(resp.get('server', 'unknown')))
