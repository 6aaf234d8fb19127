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

"""A locked server can be deleted by a member.

DELETE /servers/{id} of a server that is locked answers 204 instead of 409, and
the server is gone.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_locked_server_kept_forced_down',)


def patch(module, hook):
    @hook.replace('API.delete', when=lambda api, context, server:
                  server.locked)
    def delete(wrapped, instance, args, kwargs):
        context, server = args
        return instance._delete_instance(context, server)
