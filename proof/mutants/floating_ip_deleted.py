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

"""A local delete deletes the floating IPs of the server.

The server is gone, and GET /v2.0/floatingips/{id} of its address is 404.
"""

SERVICE = 'nova-api'
MODULE = 'nova.network.neutron'
SCENARIOS = ('test_floating_ip_of_.*_kept_forced_down',)


def patch(module, hook):
    @hook.replace('API.deallocate_for_instance')
    def delete(wrapped, instance, args, kwargs):
        context, server = args[:2]
        client = module.get_client(context)
        ports = client.list_ports(device_id=server.uuid)['ports']
        for port in ports:
            for address in client.list_floatingips(
                    port_id=port['id'])['floatingips']:
                client.delete_floatingip(address['id'])
        return wrapped(*args, **kwargs)
