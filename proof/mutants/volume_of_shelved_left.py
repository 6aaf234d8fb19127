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

"""The delete of a server without a host forgets its volumes.

A server that shelving took off its host is gone. Its volumes are permanently
"in-use", attached to the server: bug 1675570.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_volumes_of_shelved_server_detached',)


def patch(module, hook):
    @hook.replace('API._local_cleanup_bdm_volumes',
                  when=lambda api, devices, server, *_, **__:
                  server.vm_state == 'shelved_offloaded')
    def forget(wrapped, instance, args, kwargs):
        return None
