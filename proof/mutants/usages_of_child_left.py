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
"""Placement never counts down the usages of a child provider.

A server whose port had bandwidth is gone with its allocations. The usages of
the bandwidth's own provider still count the port.
"""

SERVICE = 'placement-api'
MODULE = 'placement.objects.usage'
SCENARIOS = ('test_port_with_resource_request_unbound_forced_down',)

_ON_CHILDREN = 'NET_BW_EGR_KILOBIT_PER_SEC'


def patch(module, hook):
    highest = {}

    @hook.replace('_get_all_by_resource_provider_uuid')
    def keep(wrapped, instance, args, kwargs):
        usages = wrapped(*args, **kwargs)
        for usage in usages:
            if usage['resource_class'] == _ON_CHILDREN:
                usage['usage'] = highest[args[1]] = max(
                    int(usage['usage']), highest.get(args[1], 0))
        return usages
