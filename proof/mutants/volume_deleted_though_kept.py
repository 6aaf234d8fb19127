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

"""A local delete deletes volumes that were to stay.

The server is gone, and so is its volume, whose delete_on_termination is false.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_root_volume_kept_forced_down',)


def patch(module, hook):
    @hook.replace('API._local_cleanup_bdm_volumes')
    def delete(wrapped, instance, args, kwargs):
        for device in args[0]:
            device.delete_on_termination = True
        return wrapped(*args, **kwargs)
