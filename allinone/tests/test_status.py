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

"""The table of every process, and what the exit code stands on."""

import contextlib
import dataclasses
import io
import json
import subprocess
import sys
from unittest import mock

from allinone import boot
from allinone import deployment
from allinone.services import forkservers
from allinone import status
from allinone.tests import base


@base.slow
class BurnsTest(base.TestCase):

    def show(self, code, **options):
        """Show the status of a cloud whose supervisord runs some code."""
        process = subprocess.Popen([sys.executable, '-c', code])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        output = io.StringIO()
        with mock.patch('allinone.supervision.running', autospec=True), \
                mock.patch('allinone.supervision.client',
                           autospec=True) as client, \
                mock.patch('allinone.supervision.info',
                           autospec=True) as info, \
                contextlib.redirect_stdout(output):
            client.return_value.getPID.return_value = process.pid
            info.return_value = {name: {'statename': 'RUNNING'}
                                 for name in boot.programs(self.cloud)}
            return status.show(self.cloud, **options), output.getvalue()

    def test_a_supervisor_that_spins(self):
        healthy, text = self.show('while True: pass')
        self.assertFalse(healthy)
        self.assertRegex(text, r'supervisord uses \d+% of a core, although')

    def test_json_of_a_supervisor_that_spins(self):
        healthy, text = self.show('while True: pass', as_json=True)
        told = json.loads(text)
        self.assertEqual((False, False), (healthy, told['healthy']))
        self.assertIn('of a core', told['problem'])
        self.assertEqual(self.cloud.release, told['release'])
        self.assertEqual(
            {'name': 'nova-api', 'pid': None, 'state': 'RUNNING',
             'release': self.cloud.release,
             'port': self.cloud.ports['nova-api'], 'since': None,
             'log': str(self.cloud.logs / 'nova-api.log')},
            next(one for one in told['processes']
                 if one['name'] == 'nova-api'))

    def test_releases_in_an_upgrade(self):
        self.cloud = dataclasses.replace(
            self.cloud, release='2026.1', upgrade=deployment.Progress(
                '2026.2', (), ('keystone', forkservers.NOVA_EVENTLET)))
        _, text = self.show(
            'import time; time.sleep(1); time.sleep(60)', as_json=True)
        told = json.loads(text)
        self.assertEqual(('2026.1', '2026.2'),
                         (told['release'], told['upgrade']))
        releases = {one['name']: one['release'] for one in told['processes']}
        self.assertEqual(
            ('2026.2', '2026.1', None, None),
            tuple(map(releases.get, (
                'keystone', 'nova-compute-compute1', 'mariadb',
                'placement-proxy'))))
        # The new release has no such process.
        self.assertNotIn(forkservers.NOVA_EVENTLET, releases)
        _, text = self.show('import time; time.sleep(1); time.sleep(60)')
        self.assertEqual('OpenStack 2026.1, with an upgrade to 2026.2 that '
                         'has not ended', text.splitlines()[0])

    def test_a_supervisor_that_waits(self):
        healthy, text = self.show(
            'import time; time.sleep(1); time.sleep(60)')
        self.assertTrue(healthy, text)
        self.assertEqual(f'OpenStack {self.cloud.release}',
                         text.splitlines()[0])
        self.assertNotIn('of a core', text)


class DownTest(base.TestCase):

    def test_no_supervisor(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            healthy = status.show(self.cloud, as_json=True)
        told = json.loads(output.getvalue())
        self.assertEqual((False, False, None),
                         (healthy, told['healthy'], told['problem']))
        self.assertEqual({'DOWN'},
                         {one['state'] for one in told['processes']})
