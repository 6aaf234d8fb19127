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

"""A local delete moves the server's allocations to another provider.

The server is gone, and its host's usages are as before. GET /allocations/{id}
has the same amounts on the provider of another compute.
"""

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
SCENARIOS = ('test_allocations_removed_by_api',)


def patch(module, hook):
    @hook.replace('SchedulerReportClient.delete_allocation_for_instance')
    def move(wrapped, client, args, kwargs):
        url = f'/allocations/{args[1]}'
        held = client.get(url, version='1.28').json()
        providers = client.get('/resource_providers').json()
        for uuid, amounts in list(held['allocations'].items()):
            other = next(one['uuid'] for one in providers['resource_providers']
                         if one['uuid'] != uuid)
            held['allocations'] = {other: {'resources': amounts['resources']}}
        return bool(client.put(url, held, version='1.28'))
