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

"""A local delete leaves the allocations of a server that is paused.

The server is gone. GET /allocations/{id} and the usages of provider and
project stay as they were. The allocations of an ACTIVE server go with it.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_paused_server_deleted',)


def patch(module, hook):
    @hook.replace('API._local_delete', when=lambda api, context, server, *_:
                  server.vm_state == 'paused')
    def leave(wrapped, api, args, kwargs):
        context, server, devices, _, delete = args
        api.network_api.deallocate_for_instance(context.elevated(), server)
        delete(context, server, devices, local=True)
        server.destroy()
