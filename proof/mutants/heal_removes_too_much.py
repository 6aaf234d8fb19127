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

"""The compute's audit removes the allocations of live servers too.

The servers stay ACTIVE. GET /allocations/{id} of each server of the host is
empty after a start or an audit of the compute.
"""

SERVICE = 'nova-compute'
MODULE = 'nova.compute.resource_tracker'
SCENARIOS = ('test_neighbour_kept_after_outage',)


def patch(module, hook):
    @hook.replace('ResourceTracker._remove_deleted_instances_allocations')
    def remove_all(wrapped, tracker, args, kwargs):
        wrapped(*args, **kwargs)
        context, node, *_ = args
        held = tracker.reportclient.get_allocations_for_resource_provider(
            context, node.uuid).allocations
        for consumer in held:
            tracker.reportclient.delete_allocation_for_instance(
                context, consumer, force=True)
