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

"""A server that found no host loses its volumes.

When the server is deleted, its volumes stay reserved for it, with their
attachments: bug 1404867.
"""

SERVICE = 'nova-conductor'
MODULE = 'nova.conductor.manager'
SCENARIOS = ('test_volume_of_never_scheduled_server_detached',)


def patch(module, hook):
    @hook.replace('ComputeTaskManager._bury_in_cell0')
    def forget(wrapped, instance, args, kwargs):
        return wrapped(*args, **dict(kwargs, block_device_mapping=None))
