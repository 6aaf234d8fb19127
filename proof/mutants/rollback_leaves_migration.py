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

"""A migration's allocations stay when the migration is rolled back.

A cold migration that fails on its source ends in the status "error". GET
/allocations/{id} of the migration stays as it was.
"""

SERVICE = 'nova-compute'
MODULE = 'nova.compute.manager'
SCENARIOS = ('test_rolled_back_and_deleted', 'test_deleted_and_rolled_back')
EVERYWHERE = True


def patch(module, hook):
    @hook.replace('ComputeManager._revert_allocation')
    def leave(wrapped, instance, args, kwargs):
        return False
