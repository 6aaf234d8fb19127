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

"""A server that should be kept for a while is destroyed by its compute.

After DELETE /servers/{id} the server answers 404 and is not SOFT_DELETED,
though its host is up. So nobody can restore the server.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_allocations_removed_when_service_disabled',)
RECLAIM = True


def patch(module, hook):
    @hook.replace(
        'API._do_soft_delete', when=lambda api, context, server, devices,
        local=False: not local)
    def destroy(wrapped, instance, args, kwargs):
        instance._do_delete(*args, **kwargs)
