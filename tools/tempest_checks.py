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

"""Tempest's own style checks, made to work on a plugin.

Some look for tempest/scenario/ in the name of the file. Some return their
finding where flake8 wants to iterate over findings. Codes and meanings are
Tempest's: see its HACKING.rst. The checks for tempest.lib and tempest/api/ are
not here. Neither are those of which nothing is ever seen. T105, T108, T110 and
T111 look for indentation or for texts, which flake8 has taken out before it
asks. T116 gives its finding a code that flake8 does not know.
"""

import functools
import re

from tempest.hacking import checks

_PLUGIN = re.compile(r'^(\./)?local_delete_tempest_plugin/')


def _fit(check):
    @functools.wraps(check)
    def fitted(**arguments):
        if 'filename' in arguments:
            if not _PLUGIN.match(arguments['filename']):
                return ()
            arguments['filename'] = _PLUGIN.sub(
                'tempest/', arguments['filename'])
        found = check(**arguments)
        return [found] if isinstance(found, tuple) else found or ()
    return fitted


t102 = _fit(checks.import_no_clients_in_api_and_scenario_tests)
t104 = _fit(checks.scenario_tests_need_service_tags)
t109 = _fit(checks.no_testtools_skip_decorator)
t113 = _fit(checks.use_rand_uuid_instead_of_uuid4)
t118 = _fit(checks.no_log_warn)
n322 = _fit(checks.no_mutable_default_args)
