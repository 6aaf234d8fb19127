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

"""A local delete leaves the port of a server that is suspended.

The server is gone, and GET /ports has its port, with its device_id. The port
of an ACTIVE server goes with it.
"""

SERVICE = 'nova-api'
MODULE = 'nova.network.neutron'
SCENARIOS = ('test_suspended_server_deleted',)


def patch(module, hook):
    @hook.replace('API.deallocate_for_instance',
                  when=lambda api, context, server, *_, **__:
                  server.vm_state == 'suspended')
    def leave(wrapped, instance, args, kwargs):
        return None
