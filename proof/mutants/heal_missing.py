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

"""The compute does not remove the allocations of deleted servers.

Some allocations could not be freed by a local delete. They stay on the host's
provider after the compute's start, and after each of its audits.
"""

SERVICE = 'nova-compute'
MODULE = 'nova.compute.resource_tracker'
SCENARIOS = ('test_leaked_allocations_healed',
             'test_allocations_removed_after_compute_restart')


def patch(module, hook):
    @hook.replace('ResourceTracker._remove_deleted_instances_allocations')
    def leave(wrapped, instance, args, kwargs):
        return None
