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

"""A compute service cannot be forced down.

PUT /os-services/{id} with forced_down true answers 200, and the service stays
up. The answer and GET /os-services show forced_down false.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_allocations_removed_by_api',)


def _forces_down(api, context, service):
    return 'forced_down' in service.obj_what_changed() and service.forced_down


def patch(module, hook):
    @hook.replace('HostAPI.service_update', when=_forces_down)
    def forget(wrapped, instance, args, kwargs):
        context, service = args
        service.obj_reset_changes(['forced_down'])
        return wrapped(context, service)
