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

"""A delete at the very end of an outage is lost.

DELETE /servers/{id} answers 204 while forced_down is lifted. Neither the API
nor the compute carries the delete out. The server stays in deleting.
"""

import time

SERVICE = 'nova-api'
MODULE = 'nova.compute.api'
SCENARIOS = ('test_servers_deleted_while_flag_flips',)

_LOOKS = 20
_PAUSE = 0.1


def patch(module, hook):
    @hook.replace('API._local_delete', when=lambda api, context, server, *_:
                  server.host)
    def lose(wrapped, api, args, kwargs):
        context, server, *_ = args
        for _ in range(_LOOKS):
            service = module.objects.Service.get_by_compute_host(
                context.elevated(), server.host)
            if not service.forced_down:
                return None
            time.sleep(_PAUSE)
        return wrapped(*args, **kwargs)
