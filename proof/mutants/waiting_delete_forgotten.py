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

"""A compute that comes back forgets the deletes that waited for it.

The server stays in the task state "deleting", on a host that is up.
"""

SERVICE = 'nova-compute'
MODULE = 'nova.compute.manager'
SCENARIOS = ('test_unnoticed.*test_compute_back',)


def patch(module, hook):
    @hook.replace('ComputeManager._init_instance',
                  when=lambda manager, context, server:
                  server.task_state == 'deleting')
    def forget(wrapped, instance, args, kwargs):
        return None

    lost = []

    @hook.replace('ComputeManager.terminate_instance',
                  when=lambda *_, **__: not lost)
    def lose_first(wrapped, instance, args, kwargs):
        lost.append(args)
