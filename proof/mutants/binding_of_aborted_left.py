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

"""A live migration that was aborted leaves the ports bound to both hosts.

The server is ACTIVE on the source. GET /ports/{id}/bindings of the user's port
has the binding to the destination, which is not active.
"""

SERVICE = 'nova-compute'
MODULE = 'nova.network.neutron'
SCENARIOS = ('test_port_of_aborted_live_migration_bound_once',)
EVERYWHERE = True


def patch(module, hook):
    @hook.replace('API._delete_port_bindings')
    def leave(wrapped, api, args, kwargs):
        return None
