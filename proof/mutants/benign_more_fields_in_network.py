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

"""Neutron's answers have fields that nobody asked for.

Each port, network and floating IP of an answer has one more member, as an
extension of Neutron adds them. Nova's and Cinder's answers are left as they
are. The reason is that Tempest refuses members that its schemas do not have.
"""

SERVICE = 'neutron-api'
MODULE = 'neutron.pecan_wsgi.hooks.policy_enforcement'
SCENARIOS = ('test_allocations_removed_by_api',
             'test_port_of_nova_deleted_forced_down')
BENIGN = True


def _more(answer):
    """Add a member to each thing: all there is in the answer's own ones."""
    for value in answer.values():
        for thing in value if isinstance(value, list) else [value]:
            if isinstance(thing, dict):
                thing['mutant_new'] = {'since': '29.0'}
    return answer


def patch(module, hook):
    @hook.replace('PolicyHook.after', when=lambda _, state: (
        state.request.method == 'GET' and
        state.response.content_type == 'application/json'))
    def add(wrapped, instance, args, kwargs):
        wrapped(*args, **kwargs)
        state, = args
        if state.response.status_code == 200 and state.response.body:
            state.response.json = _more(state.response.json)
