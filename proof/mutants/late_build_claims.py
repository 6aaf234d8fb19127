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

"""A compute that comes back claims for a build whose server is gone.

The claim takes some time. The host then has the allocations of the server in
Placement, under a consumer that Nova does not know.
"""

import time
import uuid

SERVICE = 'nova-compute'
MODULE = 'nova.compute.manager'
SCENARIOS = ('test_server_deleted_in_build',)

# Longer than a compute needs to be seen up.
_LATE = 12


def patch(module, hook):
    def is_gone(manager, context, server, *_, **__):
        try:
            module.objects.Instance.get_by_uuid(context, server.uuid)
        except module.exception.InstanceNotFound:
            return True
        return False

    @hook.replace('ComputeManager._do_build_and_run_instance', when=is_gone)
    def claim(wrapped, manager, args, kwargs):
        context, server, *_ = args
        time.sleep(_LATE)
        node, = manager.rt.compute_nodes.values()
        manager.reportclient.put(
            f'/allocations/{uuid.uuid4()}', {
                'allocations': {node.uuid: {'resources': {
                    'VCPU': server.flavor.vcpus,
                    'MEMORY_MB': server.flavor.memory_mb}}},
                'project_id': server.project_id,
                'user_id': server.user_id,
                'consumer_generation': None}, version='1.28')
        return wrapped(*args, **kwargs)
