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

"""A local delete gives the server's allocations to another consumer.

The server is gone, and GET /allocations/{id} is empty. The host's provider has
the same amounts under a consumer that is no server.
"""

import uuid

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
SCENARIOS = ('test_allocations_removed_by_api',)


def patch(module, hook):
    @hook.replace('SchedulerReportClient.delete_allocation_for_instance')
    def rename(wrapped, client, args, kwargs):
        held = client.get(f'/allocations/{args[1]}', version='1.28').json()
        deleted = wrapped(*args, **kwargs)
        if held['allocations']:
            client.put(f'/allocations/{uuid.uuid4()}',
                       dict(held, consumer_generation=None), version='1.28')
        return deleted
