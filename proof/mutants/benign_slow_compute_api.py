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

"""Nova's API takes half a second more for each request.

Every answer is right, and late.
"""

import time

SERVICE = 'nova-api'
MODULE = 'nova.api.openstack.wsgi'
SCENARIOS = ('test_allocations_removed_by_api',
             'test_allocations_removed_when_service_disabled')
BENIGN = True


def patch(module, hook):
    @hook.replace('Resource._process_stack')
    def wait(wrapped, instance, args, kwargs):
        time.sleep(0.5)
        return wrapped(*args, **kwargs)
