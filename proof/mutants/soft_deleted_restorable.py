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

"""A server that is soft deleted while its host is out can be restored.

After DELETE /servers/{id} the restore action answers 202 instead of 404.
Placement, Neutron and Cinder know nothing more of the server.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_soft_delete_destroys_at_once_forced_down',)
RECLAIM = True


def patch(module, hook):
    @hook.replace(
        'API._local_delete', when=lambda api, context, server, devices, kind,
        delete: kind == 'soft_delete')
    def keep(wrapped, instance, args, kwargs):
        context, server, devices, _, delete = args
        instance.network_api.deallocate_for_instance(
            context.elevated(), server)
        instance.placementclient.delete_allocation_for_instance(
            context, server.uuid, force=True)
        delete(context, server, devices, local=True)
