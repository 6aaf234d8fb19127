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
"""What "up" says of a cloud that somebody left without a compute."""

import dataclasses
from unittest import mock

from keystoneauth1 import exceptions

from allinone import boot
from allinone import checks
from allinone import deployment
from allinone import errors
from allinone.tests import base


class HeardTest(base.TestCase):

    def test_only_a_heartbeat_after_the_moment_counts(self):
        for updated, moment, expected in (
                ('2026-11-27T08:00:05.000000', '2026-11-27T08:00:04.9', True),
                ('2026-11-27T08:00:04.000000', '2026-11-27T08:00:04.9', False),
                (None, '2026-11-27T08:00:04.9', False)):
            admin = mock.Mock()
            admin.compute.get.return_value.json.return_value = {
                'services': [{'updated_at': updated}]}
            self.assertEqual(expected, checks.heard(
                admin, 'nova-compute', 'compute1', moment), updated)
            admin.compute.get.assert_called_with('/os-services', params={
                'binary': 'nova-compute', 'host': 'compute1'})


class ComputesUpTest(base.TestCase):

    def tell(self, cloud, **service):
        admin = mock.Mock(cloud=dataclasses.replace(cloud, computes=1))
        admin.compute.get.return_value.json.return_value = {
            'services': [{'host': 'compute1', 'state': 'down',
                          'forced_down': False, 'updated_at': 'now',
                          **service}], 'hypervisors': [{}]}
        return checks.computes_up(admin)

    def test_a_forced_down_compute_counts_in_an_upgrade_only(self):
        upgraded = dataclasses.replace(
            self.cloud, upgrade=deployment.Progress('2026.2'))
        self.assertTrue(self.tell(self.cloud, state='up'))
        self.assertFalse(self.tell(self.cloud, forced_down=True))
        self.assertTrue(self.tell(upgraded, forced_down=True))
        self.assertFalse(self.tell(upgraded))
        self.assertFalse(
            self.tell(upgraded, forced_down=True, updated_at=None))


class RepairTest(base.TestCase):

    def assert_fails(self, message, admin):
        repaired = boot.Boot(self.cloud, None)
        repaired.admin = admin
        with mock.patch.object(repaired, 'start_missing', autospec=True), \
                mock.patch.object(repaired, '_wait', autospec=True,
                                  side_effect=errors.StepFailed('late')):
            error = self.assertRaises(errors.StepFailed, repaired.repair)
        self.assertEqual(message, str(error))

    def test_who_forced_a_compute_down_is_told(self):
        admin = mock.Mock()
        admin.compute.get.return_value.json.return_value = {'services': [
            {'host': 'compute1', 'forced_down': True,
             'disabled_reason': 'run 1; to undo: recover --run 1'},
            {'host': 'compute2', 'forced_down': False,
             'disabled_reason': None}]}
        self.assert_fails('late; compute1 is forced down (run 1; to undo: '
                          'recover --run 1)', admin)

    def test_an_api_that_is_away_hides_no_error(self):
        admin = mock.Mock()
        admin.compute.get.side_effect = exceptions.ConnectFailure('away')
        self.assert_fails('late', admin)
