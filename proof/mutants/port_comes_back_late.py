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
"""A port that Nova had made for the server is made again, late.

The server is gone with its port. Some seconds later GET /v2.0/ports of the
project shows a port with the server's device_id.
"""

import random
import threading
import time

SERVICE = 'nova-api'
MODULE = 'nova.network.neutron'
SCENARIOS = ('test_stays_gone_stopped', 'test_stays_gone_forced_down')

# Seconds after the delete.
_LATE = 4, 12


def patch(module, hook):
    @hook.replace('API.deallocate_for_instance')
    def bring_back(wrapped, api, args, kwargs):
        context, server = args[:2]
        neutron = module.get_client(context.elevated(), admin=True)
        ports = neutron.list_ports(device_id=server.uuid)['ports']
        answer = wrapped(*args, **kwargs)

        def create():
            time.sleep(random.uniform(*_LATE))
            for port in ports:
                neutron.create_port({'port': {name: port[name] for name in (
                    'network_id', 'project_id', 'device_id',
                    'device_owner')}})

        threading.Thread(target=create, daemon=True).start()
        return answer
