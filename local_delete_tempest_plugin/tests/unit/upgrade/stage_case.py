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

"""A stage of two servers, as its file tells it."""

import copy
import json

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.footprint import leaks
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.upgrade import stage_file

RUN = run.Run('0123456789AB')
PROJECT = 'ours'
TARGET = compute_services.TargetHost('cmp1', fake_cloud.uuid(11), 'cmp1.test')
SHOWN = {'status': 'ACTIVE', 'OS-EXT-SRV-ATTR:host': 'cmp1'}
PORT = {'device_id': '', 'binding:host_id': ''}
BOUND = {'device_id': fake_cloud.uuid(1), 'binding:host_id': 'cmp1'}


def reading(*consumers, **resources):
    """Make a reading in which each consumer holds a VCPU on the host.

    :param consumers: Numbers of the consumers.
    :param resources: {number of a port, as 'port2': its fields}.
    """
    held = {fake_cloud.uuid(one): {'VCPU': 1} for one in consumers}
    count = {'VCPU': len(consumers)}
    return leaks.Reading(
        by_consumer={one: {TARGET.provider_id: amounts}
                     for one, amounts in held.items()},
        by_provider={TARGET.provider_id: held}, by_project=count, owners={},
        other_servers=frozenset(), limits={'totalInstancesUsed':
                                           len(consumers)},
        provider_usages={TARGET.provider_id: count},
        resources={('port', name): fields
                   for name, fields in resources.items()})


def server(number, outage='forced-down', kind='plain', **fields):
    """Make a server that was staged after those with lower numbers."""
    before = fields.pop('before', {})
    return stage_file.StagedServer(**{
        'kind': kind, 'outage': outage, 'id': fake_cloud.uuid(number),
        'name': 'tempest-%s-until-209901010000-%d' % (RUN.name, number),
        'host': 'cmp1', 'created': '2026-01-01T00:00:00Z',
        'consumers': [fake_cloud.uuid(number)], 'shown': SHOWN,
        'before': reading(*range(1, number), **before),
        'during': reading(*range(1, number + 1)), **fields})


def stage(*servers, **fields):
    """Make a stage of some servers, or of two."""
    return stage_file.Stage(**{
        'run_id': RUN.id, 'until': '2099-01-01 00:00 UTC',
        'cloud': identity.Cloud('https://keystone.test/v3', 'RegionOne',
                                frozenset([fake_cloud.PROJECT])),
        'project_id': PROJECT, 'user_id': 'member',
        'versions': {'nova': '1'}, 'left_out': {}, 'targets': [TARGET],
        'servers': [*servers] or [server(1), server(2)], **fields})


def spoilt(where=(), **changes):
    """Give the text of a file in which something is wrong.

    :param where: The way to an object of the file.
    :param changes: Its fields; one that is None is left out.
    """
    data = copy.deepcopy(stage().as_json())
    place = data
    for key in where:
        place = place[key]
    place.update(changes)
    for key, value in changes.items():
        if value is None:
            del place[key]
    return json.dumps(data)
