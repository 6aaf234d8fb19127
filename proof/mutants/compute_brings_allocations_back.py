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

"""A compute that starts brings back allocations that were freed.

A local delete has freed them, and the server is gone. GET /allocations/{id}
has the same amounts as before the delete, until the next audit.
"""

import datetime
import pathlib

SERVICE = 'nova-compute'
MODULE = 'nova.compute.manager'
SCENARIOS = ('test_host_usable_after_outage_stopped',)

# The time of the mutant. A server deleted earlier belongs to no scenario.
_BEGUN = datetime.datetime.fromtimestamp(
    pathlib.Path(__file__).stat().st_ctime, datetime.timezone.utc)


def patch(module, hook):
    @hook.replace('ComputeManager.pre_start_hook')
    def bring_back(wrapped, manager, args, kwargs):
        wrapped(*args, **kwargs)
        context = module.nova.context.get_admin_context(read_deleted='only')
        deleted = module.objects.InstanceList.get_by_filters(
            context, {'host': manager.host, 'deleted': True},
            sort_key='deleted_at', sort_dir='desc', limit=1)
        for server in deleted:
            if server.deleted_at < _BEGUN:
                continue
            node = manager.rt.get_node_by_name(server.node)
            manager.reportclient.put(
                f'/allocations/{server.uuid}', {
                    'allocations': {node.uuid: {'resources': {
                        'VCPU': server.vcpus,
                        'MEMORY_MB': server.memory_mb}}},
                    'project_id': server.project_id,
                    'user_id': server.user_id,
                    'consumer_generation': None}, version='1.28')
