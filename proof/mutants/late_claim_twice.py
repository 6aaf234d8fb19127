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

"""A scheduler that comes back claims twice for a build that waited.

The claim takes some time. The host then has the allocations of the server once
more, under a consumer that Nova does not know.
"""

import time
import uuid

SERVICE = 'nova-scheduler'
MODULE = 'nova.scheduler.manager'
SCENARIOS = ('test_server_deleted_before_scheduled',)

# Longer than a scheduler needs to be seen up.
_LATE = 12


def patch(module, hook):
    asked = []

    @hook.replace('SchedulerManager._select_destinations',
                  when=lambda *_, **__: not asked)
    def claim_twice(wrapped, manager, args, kwargs):
        asked.append(args)
        time.sleep(_LATE)
        selected = wrapped(*args, **kwargs)
        context, spec, servers, *_ = args
        claimed = manager.placement_client.get(
            f'/allocations/{servers[0]}', version='1.28').json()
        manager.placement_client.put(
            f'/allocations/{uuid.uuid4()}',
            dict(claimed, consumer_generation=None), version='1.28')
        return selected
