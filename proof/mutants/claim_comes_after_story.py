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
"""A claim is made long after the server was deleted.

The story of the server is over. Some 15 seconds later a host's provider has a
new consumer of the same project, which is no server.
"""

import random
import threading
import time
import uuid

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
# All of the class, so that there are stories after the first one.
SCENARIOS = (r'test_local_delete\.',)

# Seconds after the delete.
_LATE = 12, 20


def patch(module, hook):
    claimed = []

    @hook.replace('SchedulerReportClient.delete_allocation_for_instance',
                  when=lambda *_, **__: not claimed)
    def claim(wrapped, client, args, kwargs):
        held = client.get(f'/allocations/{args[1]}', version='1.28').json()
        deleted = wrapped(*args, **kwargs)

        def put():
            time.sleep(random.uniform(*_LATE))
            client.put(f'/allocations/{uuid.uuid4()}',
                       dict(held, consumer_generation=None), version='1.28')

        if held['allocations']:
            claimed.append(held)
            threading.Thread(target=put, daemon=True).start()
        return deleted
