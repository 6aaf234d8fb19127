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

"""A delete handles one port that Nova made, and one of the user's ports.

GET /v2.0/ports?device_id={id} still shows all other ports of both kinds. A
server with one port of each kind loses its ports as it should.
"""

SERVICE = 'nova-api'
MODULE = 'nova.network.neutron'
SCENARIOS = ('test_two_ports_of_nova_and_two_of_user_forced_down',)


def patch(module, hook):
    @hook.replace('API._unbind_ports',
                  when=lambda api, context, ports, *_, **__: len(ports) > 1)
    def unbind_one(wrapped, instance, args, kwargs):
        context, ports, *others = args
        return wrapped(context, set(sorted(ports)[:1]), *others, **kwargs)

    @hook.replace('API._delete_ports',
                  when=lambda api, neutron, server, ports, *_, **__:
                  len(ports) > 1)
    def delete_one(wrapped, instance, args, kwargs):
        neutron, server, ports, *others = args
        return wrapped(neutron, server, sorted(ports)[:1], *others, **kwargs)
