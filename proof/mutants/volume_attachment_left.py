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

"""A deleted attachment stays, while its volume becomes available.

GET /volumes/{id} says "available", and GET /attachments still has the
attachment of the server that is gone.
"""

SERVICE = 'cinder-api'
MODULE = 'cinder.volume.api'
SCENARIOS = ('test_data_volume_detached_forced_down',)


def patch(module, hook):
    @hook.replace('API.attachment_delete')
    def leave(wrapped, instance, args, kwargs):
        context, attachment = args
        volume = attachment.volume
        volume.update({'status': 'available', 'attach_status': 'detached'})
        volume.save()
        return volume.volume_attachment
