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

"""A delete is cast to the compute although the compute is down.

DELETE /servers/{id} answers 204. The process of a compute that is forced down
carries the delete out. GET /servers/{id}/os-instance-actions/{request} then
has the event compute_terminate_instance. If the compute is dead, the server
stays "deleting" until the compute is back.
"""

import threading

from nova.servicegroup import api as servicegroup

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_allocations_removed_by_api',)


def patch(module, hook):
    deleting = threading.local()

    @hook.replace('API._delete')
    def delete(wrapped, instance, args, kwargs):
        deleting.now = True
        try:
            return wrapped(*args, **kwargs)
        finally:
            deleting.now = False

    @hook.replace('API.service_is_up', module=servicegroup,
                  when=lambda *_: getattr(deleting, 'now', False))
    def take_for_up(wrapped, instance, args, kwargs):
        return True
