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

"""A local delete frees the server's allocations three seconds late.

The server is gone at once. The allocations go within local_cleanup_timeout.
"""

from eventlet import patcher

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
SCENARIOS = ('test_allocations_removed_by_api',
             'test_leaked_allocations_healed')
BENIGN = True

# A green thread would go on only when a request comes, and so much later.
threading = patcher.original('threading')
time = patcher.original('time')


def patch(module, hook):
    @hook.replace('SchedulerReportClient.delete_allocation_for_instance')
    def wait(wrapped, instance, args, kwargs):
        def delete():
            time.sleep(3)
            wrapped(*args, **kwargs)
        threading.Thread(target=delete).start()
        return True
