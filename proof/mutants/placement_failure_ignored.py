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

"""A local delete goes on where Placement answers 503.

It is accepted and the server is gone, and its allocations are all left. No
second delete can free them any more.
"""

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
SCENARIOS = ('test_server_kept_when_placement_unavailable',)


def patch(module, hook):
    @hook.replace('SchedulerReportClient.delete_allocation_for_instance')
    def go_on(wrapped, instance, args, kwargs):
        try:
            return wrapped(*args, **kwargs)
        except module.exception.AllocationDeleteFailed:
            return False
