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

"""A local delete gives no quota back.

The server is gone, and totalInstancesUsed, totalCoresUsed and totalRAMUsed of
GET /limits still count it.
"""

import collections

from nova import quota

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_allocations_removed_by_api',)


def patch(module, hook):
    kept = collections.defaultdict(collections.Counter)

    @hook.replace('API._local_delete')
    def count(wrapped, instance, args, kwargs):
        _, server, *_ = args
        kept[server.project_id].update(
            instances=1, cores=server.flavor.vcpus,
            ram=server.flavor.memory_mb)
        return wrapped(*args, **kwargs)

    @hook.replace('QuotaEngine.get_project_quotas', module=quota,
                  when=lambda *_, **__: kept)
    def add(wrapped, instance, args, kwargs):
        quotas = wrapped(*args, **kwargs)
        for resource, amount in kept[args[1]].items():
            quotas[resource]['in_use'] += amount
        return quotas
