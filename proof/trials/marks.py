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

"""What the plugin writes where others read it, as the trials look for it."""

import re

TRAIT = 'CUSTOM_LOCAL_DELETE_'

# How the reason of a service that a run disabled begins.
_FENCE = re.compile(r'local-delete-tempest-plugin run ([0-9A-F]{12})')

# How a reason names what others own.
FOREIGN = re.compile(r'(?:server|consumer) \S+ which is not of this run')

# A reason of a run that lost a host to another one, or a line of its log: it
# names the lease, the fence, or the other run's server.
LOST = re.compile(
    rf'is leased by another run: {TRAIT}[0-9A-F]{{12}}'
    rf'|disabled \({_FENCE.pattern}|{FOREIGN.pattern}')


def fences(services):
    """Read which runs have fenced which hosts.

    :param services: what ``api.compute_services`` returned
    :returns: A set of (run id, host).
    """
    return {(fence[1], one['host']) for one in services
            if (fence := _FENCE.match(one['disabled_reason'] or ''))}
