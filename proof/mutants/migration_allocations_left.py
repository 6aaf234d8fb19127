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

"""A migration's allocations on the source stay after the server's delete.

A resized server that nobody has confirmed is deleted, and is gone. The
source's provider still has the allocations of the migration.
"""

SERVICE = 'nova-compute'
MODULE = 'nova.compute.manager'
SCENARIOS = ('test_deleted_with_destination_out_forced_down',)
EVERYWHERE = True


def patch(module, hook):
    @hook.replace('ComputeManager._delete_allocation_after_move')
    def leave(wrapped, instance, args, kwargs):
        return None
