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

"""What a migration gave back to a deleted server stays with it (bug 1848343).

A migration whose server was deleted meanwhile is rolled back, and from then on
GET /allocations/{id} of the server has what the migration had: the source's
audit takes the server for one that is being built.
"""

SERVICE = 'nova-compute'
MODULE = 'nova.compute.resource_tracker'
SCENARIOS = ('test_deleted_and_rolled_back',)
EVERYWHERE = True


def patch(module, hook):
    @hook.replace('ResourceTracker._remove_deleted_instances_allocations')
    def leave(wrapped, instance, args, kwargs):
        return None
