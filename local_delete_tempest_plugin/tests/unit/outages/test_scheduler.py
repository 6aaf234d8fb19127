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

import itertools

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import scheduler as scheduler_outage
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit import outage_case


class SchedulerStoppedTest(outage_case.ControlServiceTest):

    outage = scheduler_outage.SchedulerStopped

    def build_cloud(self):
        super().build_cloud()
        for number, host in ((300, 'controller'), (301, 'long-dead')):
            self.cloud.add_service(host, number)
            self.cloud.service_of(host)['binary'] = scheduler_outage.BINARY
        self.cloud.service_of('long-dead')['heartbeat'] = -1000
        self.cloud.is_running = lambda host: (
            host != 'long-dead' and not self.is_stopped(host))

    def test_a_list_without_the_scheduler_is_not_its_death(self):
        """Nova leaves out what is in a cell whose database is away."""
        self.cloud.service_down_time = 1
        away = self.make()
        lists = itertools.count()

        def leave_out_at_first(method, path):
            # The first list is the one before the stop.
            if path.startswith('os-services') and next(lists) in (1, 2):
                raise fake_cloud.Answer(200, {'services': []})

        self.cloud.before_answer = leave_out_at_first
        with away:
            away.begin()
            self.assertGreater(next(lists), 3)
            self.assertEqual(
                'down', self.cloud.compute_services().list(
                    scheduler_outage.BINARY)[0].state)
        self.assert_as_before()

    def test_a_stop_takes_effect_after_the_start(self):
        with self.make() as away:
            away.begin()
            self.config(scheduler_start_command=self.start_at_the_second_try(
                'controller'))
        self.assert_as_before()

    def test_a_stop_that_returned_at_once_takes_effect_much_later(self):
        """As with "systemctl --no-block", or a SIGTERM."""
        self.assert_stays(self.make, 'scheduler_stop_command', 'controller',
                          code=0, error=exceptions.TimedOut)

    @base.slow
    def test_a_stop_whose_run_was_killed(self):
        self.assert_stays_after_a_kill(
            self.make, 'scheduler_stop_command', 'controller')

    def test_api_that_is_away_for_a_while(self):
        self.config(api_timeout=300, poll_interval_max=3)
        with self.make() as away:
            away.begin()
            began = len(self.cloud.requests)

            def fail_at_first(method, path):
                if len(self.cloud.requests) < began + 10:
                    raise fake_cloud.Answer(429, {'e': 1})

            self.cloud.before_answer = fail_at_first
        self.assert_as_before()

    def test_not_started_again(self):
        self.cloud.service_down_time = 1
        away = self.make()
        away.setUp()
        away.begin()
        self.config(scheduler_start_command='true')
        error = self.assertRaises(exceptions.RestoreFailed, away.restore)
        self.assertIn("the scheduler has sent 2 heartbeats since its start; "
                      "last seen: {'controller': 1}", str(error))
        self.assertIn('To put it right: true', str(error))
        self.set_commands()
        away.cleanUp()
        self.assert_as_before()

    def test_a_stop_that_stops_nothing(self):
        self.config(scheduler_stop_command='true')
        error = self.assertRaises(exceptions.TimedOut, self.use, self.make())
        self.assertIn('(limit 1 s) until nova-scheduler of controller is seen '
                      "down; last seen: {'controller': 'up'}", str(error))
        self.assert_as_before()

    def test_a_stop_that_stops_one_of_two(self):
        self.cloud.service_of('long-dead')['heartbeat'] = 0
        self.cloud.is_running = lambda host: not self.is_stopped(host)
        error = self.assertRaises(exceptions.TimedOut, self.use, self.make())
        self.assertIn('until nova-scheduler of controller, long-dead is seen '
                      "down; last seen: {'controller': 'down', 'long-dead': "
                      "'up'}", str(error))
        self.assert_as_before()

    def test_stopped_only_if_it_can_be_started(self):
        self.config(scheduler_start_command=None)
        self.assertRaises(exceptions.CommandFailed, self.use, self.make())
        self.assert_as_before()

    def test_recovered(self):
        away = self.make()
        away.setUp()
        away.begin()
        scheduler_outage.SchedulerChange(['controller']).undo(
            self.cloud.admin())
        self.assertFalse(self.is_stopped('controller'))
        self.config(scheduler_start_command='true')
        away.cleanUp()
