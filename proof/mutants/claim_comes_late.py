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
"""A claim that waited is made after the server was deleted.

The server is gone with all that it held. Some seconds later its host's
provider has a new consumer. The consumer is no server, and names another
project.
"""

import random
import threading
import time
import uuid

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
SCENARIOS = ('test_stays_gone_forced_down', 'test_stays_gone_stopped')

# Seconds after the delete.
_LATE = 4, 12


def patch(module, hook):
    @hook.replace('SchedulerReportClient.delete_allocation_for_instance')
    def claim(wrapped, client, args, kwargs):
        held = client.get(f'/allocations/{args[1]}', version='1.28').json()
        deleted = wrapped(*args, **kwargs)

        def put():
            time.sleep(random.uniform(*_LATE))
            client.put(f'/allocations/{uuid.uuid4()}', dict(
                held, project_id=uuid.uuid4().hex, consumer_generation=None),
                version='1.28')

        if held['allocations']:
            threading.Thread(target=put, daemon=True).start()
        return deleted
