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

"""A server deleted before it was scheduled keeps its volumes.

The server is gone, and its volumes stay reserved for it, with their
attachments.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_volume_of_server_deleted_before_scheduled_detached',)


def patch(module, hook):
    @hook.replace('API._attempt_delete_of_buildrequest')
    def forget_volumes(wrapped, api, args, kwargs):
        context, server = args
        try:
            module.objects.BuildRequest.get_by_instance_uuid(
                context, server.uuid).destroy()
        except module.exception.BuildRequestNotFound:
            return False
        return True
