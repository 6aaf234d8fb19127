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

"""The slower of two deletes gives the server's allocations back.

After two DELETE /servers/{id} at the same moment the server is gone. GET
/allocations/{id} has a part of its amounts. A single delete frees them.
"""

import time

SERVICE = 'nova-api'
MODULE = 'nova.objects.instance'
SCENARIOS = ('test_server_deleted_twice_at_once',)

# Both deletes come to this point.
_PAUSE = 2


def patch(module, hook):
    @hook.replace('Instance.destroy')
    def bring_back(wrapped, server, args, kwargs):
        from nova import exception
        time.sleep(_PAUSE)
        try:
            return wrapped(*args, **kwargs)
        except exception.ObjectActionError:
            _allocate(module.objects, server)
            raise


def _allocate(objects, server):
    from nova.scheduler.client import report
    node = objects.ComputeNode.get_by_host_and_nodename(
        server._context.elevated(), server.host, server.node)
    report.report_client_singleton().put(f'/allocations/{server.uuid}', {
        'allocations': {node.uuid: {'resources': {
            'VCPU': server.flavor.vcpus}}},
        'project_id': server.project_id, 'user_id': server.user_id,
        'consumer_generation': None}, version='1.28')
