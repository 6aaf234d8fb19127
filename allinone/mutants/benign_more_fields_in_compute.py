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

"""Nova's answers have fields that nobody asked for.

Each JSON object of an answer has one more member, as those of later releases
have.
"""

SERVICE = 'nova-api'
MODULE = 'nova.api.openstack.wsgi'
SCENARIOS = ('test_allocations_removed_by_api',
             'test_allocations_removed_when_service_disabled')
BENIGN = True


def _more(value):
    """Add a member to each object that describes a thing.

    A dict that has a name or an id is one; others are maps, as metadata is,
    where a member more is a thing more.
    """
    if isinstance(value, list):
        return [_more(one) for one in value]
    if not isinstance(value, dict):
        return value
    more = {key: _more(one) for key, one in value.items()}
    if {'id', 'name', 'action'} & more.keys():
        more['mutant:new'] = {'since': '33.0'}
    return more


def patch(module, hook):
    @hook.replace('JSONDictSerializer.default')
    def add(wrapped, instance, args, kwargs):
        return wrapped(_more(args[0]))
