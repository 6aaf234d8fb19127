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
"""A delete gives a migration's allocations to an unknown consumer.

A resized server that nobody has confirmed is deleted, and is gone. The
source's provider has a new consumer that names another project.
"""

import uuid

SERVICE = 'nova-compute'
MODULE = 'nova.compute.manager'
SCENARIOS = ('test_deleted_with_destination_out_forced_down',)
EVERYWHERE = True


def patch(module, hook):
    @hook.replace('ComputeManager._delete_allocation_after_move')
    def rename(wrapped, manager, args, kwargs):
        migration = args[2]
        client = manager.reportclient
        held = client.get(f'/allocations/{migration.uuid}',
                          version='1.28').json()
        deleted = wrapped(*args, **kwargs)
        if held['allocations']:
            client.put(f'/allocations/{uuid.uuid4()}', dict(
                held, project_id=uuid.uuid4().hex, consumer_generation=None),
                version='1.28')
        return deleted
