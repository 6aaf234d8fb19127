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

"""A resize is not confirmed by its delete when its source is forced down.

DELETE /servers/{id} of a server in VERIFY_RESIZE answers 204, and the server
is gone. GET /allocations/{id} of its migration stays as it was.
"""

from nova import objects

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_deleted_with_source_out_forced_down',
             'test_deleted_with_both_out_forced_down')


def _source_is_down(api, context, server):
    admin = context.elevated()
    migration = objects.Migration.get_by_instance_and_status(
        admin, server.uuid, 'finished')
    return not api.servicegroup_api.service_is_up(
        objects.Service.get_by_compute_host(admin, migration.source_compute))


def patch(module, hook):
    @hook.replace('API._confirm_resize_on_deleting', when=_source_is_down)
    def skip(wrapped, instance, args, kwargs):
        return None
