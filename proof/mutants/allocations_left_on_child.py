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

"""A local delete frees only the allocations on the host's own provider.

The server is gone. GET /allocations/{id} still has the bandwidth of its port,
on another provider of the host's tree.
"""

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
SCENARIOS = ('test_port_with_resource_request_unbound_forced_down',)


def patch(module, hook):
    @hook.replace('SchedulerReportClient.delete_allocation_for_instance')
    def free_root(wrapped, client, args, kwargs):
        url = f'/allocations/{args[1]}'
        held = client.get(url, version='1.28').json()
        left = {provider: one for provider, one
                in held['allocations'].items()
                if 'VCPU' not in one['resources']}
        return bool(client.put(url, dict(held, allocations=left),
                               version='1.28'))
