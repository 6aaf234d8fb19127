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

"""The old host of an evacuated server keeps the server's allocations.

When the old host is back, GET /allocations/{id} of the server has the
providers of both hosts.
"""

SERVICE = 'nova-compute'
MODULE = 'nova.scheduler.client.report'
SCENARIOS = ('test_evacuated_and_old_host_back',)
# Either of two hosts may be the evacuated host.
EVERYWHERE = True


def patch(module, hook):
    @hook.replace('SchedulerReportClient.'
                  'remove_provider_tree_from_instance_allocation')
    def leave(wrapped, instance, args, kwargs):
        return True
