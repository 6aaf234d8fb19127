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

"""A deleted server stays a member of its server group.

The server is gone, and GET /os-server-groups/{id} still names it.
"""

SERVICE = 'nova-api'
MODULE = 'nova.api.openstack.compute.server_groups'
SCENARIOS = ('test_server_group_left_forced_down',)


def patch(module, hook):
    @hook.replace('_get_not_deleted')
    def get_all(wrapped, instance, args, kwargs):
        return list(args[1])
