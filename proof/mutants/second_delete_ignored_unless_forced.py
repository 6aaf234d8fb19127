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

"""A second delete is ignored unless somebody forced the host down.

Nova has noticed without help that the host is down. DELETE /servers/{id}
answers 204, and the server stays in the task state "deleting" until its
compute is back.
"""

from nova import objects

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_noticed_and_deleted_again',)


def _is_not_forced(api, context, server):
    return server.task_state == 'deleting' and (
        not objects.Service.get_by_compute_host(
            context.elevated(), server.host).forced_down)


def patch(module, hook):
    @hook.replace('API.delete', when=_is_not_forced)
    def ignore(wrapped, instance, args, kwargs):
        return None
