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

"""A server that never found a host cannot be deleted.

DELETE /servers/{id} of a server in ERROR that never had a host answers 204.
GET /servers/{id} shows the server as before.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_never_scheduled_server_deleted',)


def patch(module, hook):
    @hook.replace('API._delete', when=lambda api, context, server, *_, **__:
                  not server.host and server.vm_state == 'error')
    def leave(wrapped, instance, args, kwargs):
        return None
