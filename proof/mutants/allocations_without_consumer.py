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
"""Placement forgets a consumer, and keeps the rows of its allocations.

GET /allocations/{id} and the allocations of the provider are empty. The usage
of the project is 0. The usages of the provider still count the server.
"""

SERVICE = 'placement-api'
MODULE = 'placement.objects.allocation'
SCENARIOS = ('test_allocations_removed_by_api',)


def patch(module, hook):
    kept = {}

    # In memory, because no API could take such rows away again.
    def keep(allocations):
        for one in allocations:
            key = one.resource_provider.uuid, one.resource_class
            kept[key] = kept.get(key, 0) + one.used

    @hook.replace('delete_all')
    def keep_deleted(wrapped, instance, args, kwargs):
        keep(args[1])
        return wrapped(*args, **kwargs)

    @hook.replace('replace_all',
                  when=lambda _, context, allocations: allocations
                  and not any(one.used for one in allocations))
    def keep_emptied(wrapped, instance, args, kwargs):
        keep(module.get_all_by_consumer_id(
            args[0], args[1][0].consumer.uuid))
        return wrapped(*args, **kwargs)

    @hook.replace('_get_all_by_resource_provider_uuid',
                  module='placement.objects.usage')
    def count(wrapped, instance, args, kwargs):
        return [dict(usage, usage=int(usage['usage']) + kept.get(
            (args[1], usage['resource_class']), 0))
            for usage in wrapped(*args, **kwargs)]
