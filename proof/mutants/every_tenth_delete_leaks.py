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

"""Every tenth server that is deleted locally leaves its allocations.

Many servers of one host are deleted at once. The allocations and usages of its
provider still count some of them.
"""

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
# The second one, because the audit of a compute that is only forced down may
# free the allocations before the story looks.
SCENARIOS = ('test_many_servers_deleted_at_once_forced_down',
             'test_many_servers_deleted_at_once_stopped')


def patch(module, hook):
    servers = {}

    # By server, because Nova may ask for a server more than once.
    @hook.replace('SchedulerReportClient.delete_allocation_for_instance',
                  when=lambda client, context, server, *_, **__:
                  not servers.setdefault(server, len(servers) + 1) % 10)
    def leave(wrapped, instance, args, kwargs):
        return True
