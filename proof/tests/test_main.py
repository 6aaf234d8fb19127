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

"""The command line: what it takes, and how it refuses."""

import os
import signal
from unittest import mock

from allinone import deployment
from allinone.tests import base
from proof import __main__ as main


class MainTest(base.TestCase):

    def test_a_trial_without_a_cloud_is_one_line(self):
        deployment.save(self.cloud)
        code, text = self.run_command(
            main.main, '--state', self.state, 'trial', 'pairs')
        self.assertEqual(2, code)
        self.assertEqual(f'The all-in-one in {self.state} is not up: run '
                         f'"up" first\n', text)

    @mock.patch('allinone.supervision.running', autospec=True)
    @mock.patch('proof.trials.pairs.run', autospec=True)
    def test_a_trial_that_is_terminated_cleans_up(self, run, _):
        for signum in (signal.SIGINT, signal.SIGTERM):
            self.addCleanup(signal.signal, signum, signal.getsignal(signum))
        deployment.save(self.cloud)
        run.side_effect = lambda *_: os.kill(os.getpid(), signal.SIGTERM)
        code, text = self.run_command(
            main.main, '--state', self.state, 'trial', 'pairs')
        self.assertEqual((130, 'Interrupted\n'), (code, text))

    def test_options_before_and_after_the_verb(self):
        deployment.save(self.cloud)
        for arguments in (('--state', self.state, 'mutate'),
                          ('mutate', '--state', self.state)):
            code, text = self.run_command(main.main, *arguments)
            self.assertEqual(2, code)
            self.assertIn(f'{self.state} is not up', text)
