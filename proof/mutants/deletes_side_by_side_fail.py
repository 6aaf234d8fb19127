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

"""A local delete fails while three other deletes are under way.

DELETE /servers/{id} answers 500 then, and the server stays.
"""

import threading

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_many_servers_deleted_at_once',)

_MOST = 3


def patch(module, hook):
    under_way = set()
    lock = threading.Lock()

    @hook.replace('API._local_delete')
    def fail(wrapped, instance, args, kwargs):
        server = args[1]
        with lock:
            under_way.add(server.uuid)
            crowded = len(under_way) > _MOST
        try:
            if crowded:
                raise RuntimeError('too many deletes at once')
            return wrapped(*args, **kwargs)
        finally:
            with lock:
                under_way.discard(server.uuid)
