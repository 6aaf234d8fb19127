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

"""A compute does not start after an evacuated server was deleted.

The old host of such a server stays down in GET /os-services, because
nova-compute ends when it starts: bug 1794996.
"""

import datetime
import pathlib

from nova import exception
from nova import objects
from nova import utils

SERVICE = 'nova-compute'
MODULE = 'nova.compute.manager'
SCENARIOS = (r'test_evacuated_then_deleted\[',)
EVERYWHERE = True
# The scenario waits until this limit, after each of several starts.
OPTIONS = {'service_up_timeout': '30'}


def _deleted_since(manager, context, nodes):
    # The rows of servers that were deleted before the mutant are kept.
    begin = datetime.datetime.fromtimestamp(
        pathlib.Path(__file__).stat().st_mtime, datetime.timezone.utc)
    with utils.temporary_mutation(context, read_deleted='yes'):
        evacuations = objects.MigrationList.get_by_filters(context, {
            'source_compute': manager.host, 'status': ['done'],
            'migration_type': 'evacuation'})
    return [one.instance_uuid for one in evacuations
            if one.deleted and one.deleted_at > begin]


def patch(module, hook):
    @hook.replace('ComputeManager._destroy_evacuated_instances',
                  when=_deleted_since)
    def fail(wrapped, instance, args, kwargs):
        raise exception.InstanceNotFound(
            instance_id=_deleted_since(instance, *args)[0])
