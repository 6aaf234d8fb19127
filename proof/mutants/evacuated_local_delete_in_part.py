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

"""A local delete frees one host of a server that was evacuated.

The server is gone. GET /allocations/{id} still has the allocations on the
other host.
"""

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
SCENARIOS = ('test_evacuated_then_deleted_with_both_out',)


def patch(module, hook):
    @hook.replace('SchedulerReportClient.delete_allocation_for_instance')
    def free_one(wrapped, client, args, kwargs):
        url = f'/allocations/{args[1]}'
        held = client.get(url, version='1.28').json()
        if len(held['allocations']) < 2:
            return wrapped(*args, **kwargs)
        held['allocations'].pop(sorted(held['allocations'])[0])
        return bool(client.put(url, held, version='1.28'))
