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

"""The slower of two deletes gives the server's allocations back.

After two DELETE /servers/{id} at the same moment the server is gone, and
GET /allocations/{id} has what it had; one delete alone frees it.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_server_deleted_twice_at_once',)


def patch(module, hook):
    under_way = {}

    @hook.replace('API._local_delete')
    def bring_back(wrapped, api, args, kwargs):
        server = args[1].uuid
        client = api.placementclient
        url = f'/allocations/{server}'
        is_first = server not in under_way
        held = under_way.setdefault(
            server, client.get(url, version='1.28').json())
        try:
            return wrapped(*args, **kwargs)
        finally:
            if is_first:
                del under_way[server]
            elif held['allocations']:
                client.put(url, dict(held, consumer_generation=None),
                           version='1.28')
