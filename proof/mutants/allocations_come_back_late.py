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
"""A local delete is repeated late, and puts the allocations back.

The server is gone with all that it held. Some seconds later GET
/allocations/{id} has the allocations again, until an audit of its compute.
"""

import random
import threading
import time

SERVICE = 'nova-api'
MODULE = 'nova.scheduler.client.report'
SCENARIOS = ('test_stays_gone_stopped', 'test_stays_gone_forced_down')

# Seconds after the delete.
_LATE = 4, 12


def patch(module, hook):
    @hook.replace('SchedulerReportClient.delete_allocation_for_instance')
    def bring_back(wrapped, client, args, kwargs):
        url = f'/allocations/{args[1]}'
        held = client.get(url, version='1.28').json()
        deleted = wrapped(*args, **kwargs)

        def put():
            time.sleep(random.uniform(*_LATE))
            client.put(url, dict(held, consumer_generation=None),
                       version='1.28')

        if held['allocations']:
            threading.Thread(target=put, daemon=True).start()
        return deleted
