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

"""A local delete is refused where Placement refuses connections.

DELETE /servers/{id} answers 409, and the server stays without its ports. With
Placement away nothing can be deleted.
"""

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
SCENARIOS = ('test_allocations_removed_after_compute_restart',)


def patch(module, hook):
    @hook.replace('SchedulerReportClient.delete_allocation_for_instance')
    def refuse(wrapped, instance, args, kwargs):
        deleted = wrapped(*args, **kwargs)
        # safe_connect returns this for a refused connection.
        if deleted is None:
            raise module.exception.AllocationDeleteFailed(
                consumer_uuid=args[1], error='connection refused')
        return deleted
