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

"""A rollback gives a deleted server's resources to an unknown consumer.

A resize ends half-way and its server is deleted. When the source is back, its
provider permanently has the allocations of a consumer that nobody knows.
"""

import uuid

from nova import exception
from nova import objects

SERVICE = 'nova-compute'
MODULE = 'nova.compute.manager'
SCENARIOS = ('test_deleted_and_rolled_back',)
EVERYWHERE = True


def _is_gone(manager, context, server, migration):
    try:
        objects.Instance.get_by_uuid(context, server.uuid)
    except exception.InstanceNotFound:
        return True
    return False


def patch(module, hook):
    @hook.replace('ComputeManager._revert_allocation', when=_is_gone)
    def give_away(wrapped, instance, args, kwargs):
        context, server, migration = args
        instance.reportclient.move_allocations(
            context, migration.uuid, str(uuid.uuid4()))
        return wrapped(*args, **kwargs)
