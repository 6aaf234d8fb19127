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
"""A volume's attachment to a deleted server is made again, late.

The server is gone and its volume is "available". Some seconds later the
volume is "reserved", and has an attachment of the server that is gone.
"""

import random
import threading
import time

SERVICE = 'nova-api'
MODULE = 'nova.volume.cinder'
SCENARIOS = ('test_stays_gone_forced_down', 'test_stays_gone_stopped')

# Seconds after the delete.
_LATE = 4, 12


def patch(module, hook):
    @hook.replace('API.attachment_delete')
    def bring_back(wrapped, api, args, kwargs):
        context, attachment = args[:2]
        shown = module.cinderclient(context, '3.44').attachments.show(
            attachment)
        answer = wrapped(*args, **kwargs)

        def create():
            time.sleep(random.uniform(*_LATE))
            api.attachment_create(context, shown.volume_id, shown.instance)

        threading.Thread(target=create, daemon=True).start()
        return answer
