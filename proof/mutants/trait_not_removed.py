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

"""A compute service that is enabled again keeps its trait.

After PUT /os-services/{id} with status enabled the host's provider still has
COMPUTE_STATUS_DISABLED. So no server is placed there.
"""

from nova.compute import resource_tracker

SERVICE = 'nova-compute'
MODULE = 'nova.compute.manager'
SCENARIOS = ('test_allocations_removed_when_service_disabled',)

_TRAIT = 'COMPUTE_STATUS_DISABLED'


def patch(module, hook):
    disabled = set()

    @hook.replace('ComputeVirtAPI.update_compute_provider_status')
    def only_disable(wrapped, instance, args, kwargs):
        context, provider, enabled = args
        if enabled:
            return None
        disabled.add(_TRAIT)
        return wrapped(*args, **kwargs)

    @hook.replace('ResourceTracker._sync_compute_service_disabled_trait',
                  module=resource_tracker, when=lambda *_: disabled)
    def keep(wrapped, instance, args, kwargs):
        context, traits = args
        traits.add(_TRAIT)
