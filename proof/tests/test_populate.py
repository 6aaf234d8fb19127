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


"""What "populate" writes, as far as no database is needed to tell."""

import argparse

from allinone import errors
from allinone.tests import base
from proof.benchmarks import populate

_MODEL = populate.Model('server-id', 'project-id', 'compute1', 'provider-id')


def _all_copies(computes=1000, servers=50000):
    return [*populate.nova_copies(_MODEL, computes, servers),
            *populate.placement_copies(_MODEL, computes, servers)]


class PopulateTest(base.TestCase):

    def test_a_copy_differs_only_in_what_is_changed(self):
        copies = populate.Copies('nova_api.host_mappings', "host = 'one'", 7,
                                 {'host': "CONCAT('h', seq)"}, "host > ''")
        self.assertEqual(
            'INSERT INTO nova_api.host_mappings (`cell_id`, `host`) '
            "SELECT model.`cell_id`, CONCAT('h', seq) "
            'FROM nova_api.host_mappings AS model '
            "JOIN nova_api.seq_1_to_7 WHERE host = 'one'",
            copies.insert(['cell_id', 'host']))

    def test_a_column_that_a_release_lacks_is_named(self):
        copies = populate.Copies('nova_api.host_mappings', '', 7,
                                 {'host': '1'}, '')
        self.assertIn('host_mappings has no column host', str(
            self.assertRaises(ValueError, copies.insert, ['cell_id'])))

    def test_only_rows_of_ours_are_deleted(self):
        """Whatever the server and the host are that were copied."""
        for copies in _all_copies():
            self.assertIn("LIKE '", copies.ours, copies.table)
            self.assertEqual(
                f'DELETE FROM {copies.table} WHERE {copies.ours}',
                copies.delete())
        self.assertEqual(
            [copies.delete() for copies in _all_copies()],
            [copies.delete() for copies in _all_copies(1, 1)])

    def test_counts_that_cannot_be(self):
        for computes, servers, words in ((0, 1, '--computes 0 '),
                                         (100000, 1, '--computes 100000 '),
                                         (1, 0, '--servers 0 ')):
            refusal = self.assertRaises(
                errors.BadInput, populate.run, self.cloud, argparse.Namespace(
                    computes=computes, servers=servers, remove=False))
            self.assertIn(words, str(refusal))

    def test_the_password_of_the_database_stays_secret(self):
        """No MariaDB listens there."""
        failure = self.assertRaises(errors.StepFailed, populate.run,
                                    self.cloud, argparse.Namespace(
                                        remove=True))
        self.assertIn('MariaDB', str(failure))
        self.assertNotIn(self.cloud.passwords['nova'], str(failure))
