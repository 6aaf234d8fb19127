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

"""A live migration that has completed leaves its allocations on the source.

The server is ACTIVE on its new host. GET /allocations/{id} of the migration is
as it was before, also after the server's delete.
"""

SERVICE = 'nova-compute'
MODULE = 'nova.compute.manager'
SCENARIOS = ('test_live_migrated_and_deleted_forced_down',)
EVERYWHERE = True


def patch(module, hook):
    @hook.replace('ComputeManager._delete_allocation_after_move',
                  when=lambda manager, context, instance, migration:
                  migration.migration_type == 'live-migration')
    def leave(wrapped, manager, args, kwargs):
        return None
