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

"""Everybody may see the usages of every project in Placement.

GET /usages?project_id=... of another project answers 200 instead of 403.
"""

SERVICE = 'placement-api'
MODULE = 'placement.context'
SCENARIOS = ('test_member_cannot_use_placement',)


def patch(module, hook):
    @hook.replace(
        'RequestContext.can', when=lambda context, action, *_, **__:
        action == 'placement:usages')
    def allow(wrapped, instance, args, kwargs):
        return True
