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

"""A local delete unbinds only the first of the ports that the user brought.

The server is gone, and the other ports still have its id as their device_id.
"""

SERVICE = 'nova-api'
MODULE = 'nova.network.neutron'
SCENARIOS = ('test_two_ports_of_nova_and_two_of_user_forced_down',)


def patch(module, hook):
    @hook.replace('API._unbind_ports',
                  when=lambda api, context, ports, *_, **__: len(ports) > 1)
    def unbind_one(wrapped, instance, args, kwargs):
        context, ports, *others = args
        return wrapped(context, sorted(ports)[:1], *others, **kwargs)
