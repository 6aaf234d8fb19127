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

"""Nova's conductor is stopped, and given back with all computes."""

import os
import pathlib

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import conductor as conductor_outage
from local_delete_tempest_plugin.recovery import journal_format
from local_delete_tempest_plugin.tests.unit import outage_case


class ConductorStoppedTest(outage_case.ControlServiceTest):
    """What each service of the control plane does is in test_scheduler.py."""

    outage = conductor_outage.ConductorStopped

    def build_cloud(self):
        super().build_cloud()
        self.cloud.add_service('controller', 300)
        self.cloud.service_of('controller')['binary'] = conductor_outage.BINARY
        self.cloud.add_service('long-dead', 301)
        self.cloud.service_of('long-dead')['heartbeat'] = -1000
        # No compute sends a heartbeat without a conductor.
        self.cloud.is_running = lambda host: (
            host != 'long-dead' and not self.is_stopped('controller')
            and not self.is_stopped(host))

    def test_a_compute_that_does_not_come_back(self):
        away = self.make()
        away.setUp()
        away.begin()
        open(self.stopped.join('cmp2'), 'w').close()
        error = self.assertRaises(exceptions.RestoreFailed, away.restore)
        self.assertIn('each compute has sent 2 heartbeats since its start; '
                      "last seen: {'cmp1': ", str(error))
        os.unlink(self.stopped.join('cmp2'))
        away.cleanUp()
        self.assert_as_before()

    def test_recovered_once_each_compute_is_back(self):
        """The journal tells the recover which computes were up."""
        away = self.make()
        away.setUp()
        away.begin()
        path = pathlib.Path(self.journals, outage_case.RUN.id + '.journal')
        intent, = journal_format.parse(path, path.read_bytes()).intents
        open(self.stopped.join('cmp2'), 'w').close()
        error = self.assertRaises(exceptions.RestoreFailed,
                                  intent.change.undo, self.cloud.admin())
        self.assertIn('a compute was not given back', str(error))
        self.assertIn("'cmp2': 1", str(error))
        self.config(conductor_start_command='true')
        os.unlink(self.stopped.join('cmp2'))
        intent.change.undo(self.cloud.admin())
        away.cleanUp()
        self.assert_as_before()

    def test_none_is_up(self):
        self.cloud.services[:] = [
            service for service in self.cloud.services
            if service['binary'] != conductor_outage.BINARY]
        error = self.assertRaises(exceptions.OutageRefused, self.use,
                                  self.make())
        self.assertEqual(exceptions.Refusal.NO_CONDUCTOR, error.code)
        self.assertIn('Nova shows no nova-conductor', str(error))

    def test_recovered(self):
        away = self.make()
        away.setUp()
        away.begin()
        conductor_outage.ConductorChange(['controller']).undo(
            self.cloud.admin())
        self.assertFalse(self.is_stopped('controller'))
        self.config(conductor_start_command='true')
        away.cleanUp()
