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

"""The volumes of a server that was not scheduled yet are forgotten.

DELETE /servers/{id} of a server that is but a build request answers 204, and
its volumes stay reserved for it, with their attachments.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_volume_of_server_deleted_before_scheduled_detached',)


def patch(module, hook):
    # Nova's own test: they are in no database of a cell.
    @hook.replace('API._local_cleanup_bdm_volumes',
                  when=lambda api, bdms, *_: any('id' not in bdm
                                                 for bdm in bdms))
    def forget(wrapped, instance, args, kwargs):
        return None
