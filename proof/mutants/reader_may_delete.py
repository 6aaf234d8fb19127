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

"""A reader of a project may delete its servers.

DELETE /servers/{id} of a reader answers 403, because it asks other services.
Even so it puts the server into deleting.
"""

SERVICE = 'nova-api'
MODULE = 'nova.context'
SCENARIOS = ('test_server_kept_from_other_project_and_reader',)


def patch(module, hook):
    @hook.replace(
        'RequestContext.can', when=lambda context, action, *_, **__:
        action == 'os_compute_api:servers:delete')
    def allow(wrapped, instance, args, kwargs):
        return True
