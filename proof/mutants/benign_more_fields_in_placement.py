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

"""Placement's answers have fields that nobody asked for.

The JSON object of each answer has one more member, as in later microversions.
So have the providers and allocations in it.
"""

import json

SERVICE = 'placement-api'
MODULE = 'placement.handler'
SCENARIOS = ('test_allocations_removed_by_api',
             'test_leaked_allocations_healed')
BENIGN = True

_NEW = {'since': '16.0'}


def _is_read_alone(_, environ, start_response, routes):
    """Tell reads from what is changed and put back, where more is refused."""
    path = environ['PATH_INFO']
    return environ['REQUEST_METHOD'] == 'GET' and not (
        path.startswith('/allocations') or path.endswith('/traits'))


def _more(answer):
    """Add members where a later microversion may have some."""
    things = [answer, *answer.get('resource_providers', ())]
    if isinstance(answer.get('allocations'), dict):
        things += answer['allocations'].values()
    for thing in things:
        thing['mutant_new'] = _NEW
    return answer


def patch(module, hook):
    @hook.replace('dispatch', when=_is_read_alone)
    def add(wrapped, instance, args, kwargs):
        environ, start_response, routes = args
        started = []
        body = b''.join(wrapped(
            environ, lambda status, headers, exc_info=None:
            started.append((status, headers)), routes))
        [(status, headers)] = started
        if body.startswith(b'{'):
            body = json.dumps(_more(json.loads(body))).encode()
        start_response(status, [
            (name, str(len(body)) if name.lower() == 'content-length'
             else value) for name, value in headers])
        return [body]
