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

"""The forced delete of a server that was deleted softly does nothing.

The action forceDelete answers 204, and the server stays SOFT_DELETED with all
that it holds.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_soft_deleted_server_force_deleted_forced_down',)
RECLAIM = True


def patch(module, hook):
    @hook.replace('API.force_delete',
                  when=lambda api, context, server:
                  server.vm_state == 'soft-delete')
    def leave(wrapped, instance, args, kwargs):
        return None
