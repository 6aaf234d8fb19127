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

"""Ports and passwords, and finding them again."""

import dataclasses
import stat
from unittest import mock

from allinone import deployment
from allinone import errors
from allinone import lifecycle
from allinone.tests import base


class DeploymentTest(base.TestCase):

    def test_neighbours_share_no_port(self):
        neighbour = dataclasses.replace(
            self.cloud, port_base=21000 + len(deployment.LISTENERS))
        self.assertEqual(
            2 * len(deployment.LISTENERS),
            len({*self.cloud.ports.values(), *neighbour.ports.values()}))

    def test_load_returns_what_was_saved(self):
        deployment.save(self.cloud)
        self.assertEqual(self.cloud, deployment.load(self.state))

    def test_saved_for_the_owner_alone(self):
        deployment.save(self.cloud)
        path = self.state / 'deployment.json'
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))

    def test_passwords_are_random_and_stay_out_of_repr(self):
        other = deployment.new(self.state, 21000, None)
        values = {*self.cloud.passwords.values(), *other.passwords.values()}
        self.assertEqual(2 * len(self.cloud.passwords), len(values))
        self.assertNotIn(self.cloud.passwords['admin'], repr(self.cloud))

    def test_reclaim_is_the_deployments(self):
        deployment.save(dataclasses.replace(self.cloud, reclaim=True))
        self.assertTrue(deployment.load(self.state).reclaim)
        error = self.assertRaises(errors.BadInput, lifecycle._confirm,
                                  self.state, reclaim=False)
        self.assertIn('runs already, with --reclaim: take it down first',
                      str(error))

    def test_number_of_computes_is_the_deployments(self):
        deployment.save(dataclasses.replace(self.cloud, computes=5))
        cloud = deployment.load(self.state)
        self.assertEqual(('compute1', 'compute2', 'compute3', 'compute4',
                          'compute5'), cloud.hosts)
        error = self.assertRaises(errors.BadInput, lifecycle._confirm,
                                  self.state, computes=3)
        self.assertIn('runs already, with --computes 5: take it down first',
                      str(error))

    def test_release_is_the_deployments(self):
        deployment.save(dataclasses.replace(self.cloud, release='2025.2'))
        self.assertEqual('2025.2', deployment.load(self.state).release)
        error = self.assertRaises(errors.BadInput, lifecycle._confirm,
                                  self.state, release='2026.2')
        self.assertIn('runs already, with --release 2025.2: take it down '
                      'first', str(error))

    def test_the_progress_of_an_upgrade_is_the_deployments(self):
        cloud = dataclasses.replace(self.cloud, upgrade=deployment.Progress(
            '2026.2', ('environment', 'keystone'), ('keystone',)))
        deployment.save(cloud)
        self.assertEqual(cloud, deployment.load(self.state))

    def test_an_interrupted_save_loses_no_password(self):
        deployment.save(self.cloud)
        with mock.patch('json.dumps', autospec=True, return_value='{"po'), \
                mock.patch('pathlib.Path.replace', autospec=True,
                           side_effect=KeyboardInterrupt):
            self.assertRaises(KeyboardInterrupt, deployment.save, self.cloud)
        self.assertEqual(self.cloud, deployment.load(self.state))

    def test_load_of_nothing(self):
        error = self.assertRaises(errors.BadInput, deployment.load,
                                  self.state)
        self.assertIn('run "up" first', str(error))

    def test_load_of_garbage(self):
        (self.state / 'deployment.json').write_text('{"port_base": 1')
        error = self.assertRaises(errors.BadInput, deployment.load,
                                  self.state)
        self.assertIn('cannot be read', str(error))
