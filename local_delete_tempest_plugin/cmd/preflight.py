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

"""``tempest local-delete preflight``: what would happen on this cloud."""

from local_delete_tempest_plugin import admin
from local_delete_tempest_plugin.cmd import base
from local_delete_tempest_plugin import preflight
from local_delete_tempest_plugin.scenario import test_local_delete


class Preflight(base.Command):
    """Check the options and the cloud, and change nothing.

    A failed check makes the exit code 1; a warning does not.
    """

    def take_action(self, args):
        with admin.microversions():
            findings = list(preflight.check_options())
            findings += preflight.CloudChecks(base.find_admin()).run()
            findings += preflight.foresee(test_local_delete.LocalDeleteTest)
        self._failed = any(finding.outcome == preflight.FAIL
                           for finding in findings)
        return ('Check', 'Outcome', 'Found', 'To do'), [
            (finding.check, finding.outcome, finding.found, finding.to_do)
            for finding in findings]

    def run(self, parsed_args):
        self._failed = False
        return super().run(parsed_args) or int(self._failed)
