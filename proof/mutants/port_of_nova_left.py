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

"""A local delete leaves the ports that Nova made for the server.

The server is gone, and GET /v2.0/ports?device_id={id} still shows its port.
"""

SERVICE = 'nova-api'
MODULE = 'nova.network.neutron'
SCENARIOS = ('test_port_of_nova_deleted_forced_down',)


def patch(module, hook):
    @hook.replace('API._delete_ports')
    def leave(wrapped, instance, args, kwargs):
        return None
