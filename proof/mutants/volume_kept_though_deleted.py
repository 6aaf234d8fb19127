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

"""A local delete keeps volumes that were to go with the server.

The server is gone. Its volume, whose delete_on_termination is true, is
permanently "available".
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_root_volume_deleted_on_termination_forced_down',)


def patch(module, hook):
    @hook.replace('API._local_cleanup_bdm_volumes')
    def keep(wrapped, instance, args, kwargs):
        for device in args[0]:
            device.delete_on_termination = False
        return wrapped(*args, **kwargs)
