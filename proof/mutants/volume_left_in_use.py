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

"""A local delete leaves the attachments of the server's volumes.

The server is gone. Its volumes are permanently "in-use", attached to the
server.
"""

SERVICE = 'nova-api'
MODULE = 'nova.volume.cinder'
SCENARIOS = ('test_data_volume_detached_forced_down',)


def patch(module, hook):
    @hook.replace('API.attachment_delete')
    def leave(wrapped, instance, args, kwargs):
        return None
