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

"""Placement shows its providers to a caller without a token.

GET /resource_providers without a token answers 200 instead of 401.
"""

SERVICE = 'placement-api'
MODULE = 'placement.auth'
SCENARIOS = ('test_unknown_caller_refused',)


def patch(module, hook):
    @hook.replace(
        'PlacementAuthProtocol.__call__', when=lambda auth, environ, *_:
        'HTTP_X_AUTH_TOKEN' not in environ
        and environ['PATH_INFO'].endswith('/resource_providers'))
    def let_in(wrapped, auth, args, kwargs):
        environ, start_response = args
        environ.update(HTTP_X_USER_ID='nobody', HTTP_X_PROJECT_ID='nobody',
                       HTTP_X_ROLES='admin',
                       HTTP_X_IDENTITY_STATUS='Confirmed')
        return auth._app(environ, start_response)
