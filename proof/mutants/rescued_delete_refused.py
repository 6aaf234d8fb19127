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

"""A rescued server whose host is down cannot be deleted.

DELETE /servers/{id} answers 409 instead of 204, and the server stays.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_rescued_server_deleted',)


def patch(module, hook):
    @hook.replace('API._local_delete', when=lambda api, context, server, *_:
                  server.vm_state == 'rescued')
    def refuse(wrapped, instance, args, kwargs):
        from nova import exception
        raise exception.InstanceInvalidState(
            attr='vm_state', instance_uuid=args[1].uuid, state='rescued',
            method='delete')
