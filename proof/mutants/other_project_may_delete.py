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

"""Everybody who knows a server's id may delete it.

DELETE /servers/{id} of another project's member answers 204 instead of 404,
and the server is gone.
"""

SERVICE = 'nova-api'
MODULE = 'nova.api.openstack.compute.servers'
SCENARIOS = ('test_server_kept_from_other_project_and_reader',)


def patch(module, hook):
    @hook.replace('ServersController._delete')
    def as_admin(wrapped, instance, args, kwargs):
        context, request, server_id = args
        return wrapped(context.elevated(), request, server_id)
