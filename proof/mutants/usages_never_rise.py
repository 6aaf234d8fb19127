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
"""Placement counts no server in a provider's usages.

A server lives and has its allocations. GET /resource_providers/{uuid}/usages
has no more than before. So the scheduler puts too much on the host.
"""

SERVICE = 'placement-api'
MODULE = 'placement.objects.usage'
SCENARIOS = ('test_allocations_removed_by_api',)


def patch(module, hook):
    @hook.replace('_get_all_by_resource_provider_uuid')
    def forget(wrapped, instance, args, kwargs):
        return [dict(usage, usage=0) for usage in wrapped(*args, **kwargs)]
