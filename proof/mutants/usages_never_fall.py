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
"""Placement counts a provider's usages up, and never down again.

A server is gone with its allocations. GET /resource_providers/{uuid}/usages
still counts the server. So the scheduler takes the host for full.
"""

SERVICE = 'placement-api'
MODULE = 'placement.objects.usage'
SCENARIOS = ('test_allocations_removed_by_api',)


def patch(module, hook):
    highest = {}

    @hook.replace('_get_all_by_resource_provider_uuid')
    def keep(wrapped, instance, args, kwargs):
        usages = wrapped(*args, **kwargs)
        for usage in usages:
            key = args[1], usage['resource_class']
            usage['usage'] = highest[key] = max(
                int(usage['usage']), highest.get(key, 0))
        return usages
