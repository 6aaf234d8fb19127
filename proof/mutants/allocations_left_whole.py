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

"""A local delete leaves all allocations of the server.

DELETE /servers/{id} answers 204 and the server is gone. GET /allocations/{id}
and the usages of provider and project stay as they were: bug 1679750.
"""

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
SCENARIOS = ('test_allocations_removed_by_api',)


def patch(module, hook):
    @hook.replace('SchedulerReportClient.delete_allocation_for_instance')
    def leave(wrapped, instance, args, kwargs):
        return True
