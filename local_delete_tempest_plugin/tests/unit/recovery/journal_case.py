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

"""What the tests of journals have in common."""

import json
import pathlib

import fixtures

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import leases
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import base

RUN = '0123456789AB'
CLOUD = 'https://keystone.test/v3'
OURS = run.Run(RUN)
TRAIT = leases.TraitChange(OURS.trait)
LEASE = leases.LeaseChange('B', OURS.trait)


class JournalTest(base.TestCase):
    """Has a directory of journals, and writes some."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path) / 'journals'
        self.config(journal_dir=str(self.folder))
        self.config(group='identity', uri_v3=CLOUD)
        self.path = self.folder / (RUN + '.journal')

    def write(self, *lines, mode=0o600):
        """Leave the journal of an abandoned run."""
        self.folder.mkdir(exist_ok=True)
        self.path.write_text(''.join(
            line if isinstance(line, str) else json.dumps(line) + '\n'
            for line in lines))
        self.path.chmod(mode)

    def head(self, **changes):
        return dict({'version': 4, 'run': RUN, 'cloud': {
            'uri': CLOUD, 'region': 'RegionOne', 'ids': []}}, **changes)

    def abandoned(self):
        """Read the journals of abandoned runs, and let go of them.

        :returns: [(run id, [change])].
        """
        found = []
        for left in abandoned_runs.find_abandoned(self.cloud()):
            found.append((left.run_id, [intent.change
                                        for intent in left.intents]))
            left.close(recovered=False)
        return found

    def cloud(self):
        return identity.Cloud.of_conf()

    def problem(self):
        return str(self.assertRaises(
            exceptions.JournalUnusable, self.abandoned)).replace(
                str(self.path), 'PATH')
