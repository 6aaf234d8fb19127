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

"""A second delete is ignored though the host is down by now.

DELETE /servers/{id} answers 204, and the server stays in the task state
"deleting" until its compute is back.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_forced_down_and_deleted_again',
             'test_noticed_and_deleted_again')


def patch(module, hook):
    @hook.replace('API.delete',
                  when=lambda api, context, server:
                  server.task_state == 'deleting')
    def ignore(wrapped, instance, args, kwargs):
        return None
