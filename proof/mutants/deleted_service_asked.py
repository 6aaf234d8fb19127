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

"""A move is refused as if the host were down, while the host is up.

POST /servers/{id}/action, resize or migrate, answers 409, "Service is
unavailable at this time.". GET /os-services shows the service as up. Nova
2026.1 does the same where it asks the record of a deleted service.
"""

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_deleted_with_destination_out_forced_down',)
# The defect is known, so its scenario skips by default.
OPTIONS = {'known_bugs': ''}


def patch(module, hook):
    @hook.replace('API.resize')
    def refuse(wrapped, instance, args, kwargs):
        raise module.exception.ServiceUnavailable()
