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

"""Running Tempest, and what is done when it was green."""

import contextlib
import io
import subprocess
from unittest import mock

import fixtures

from allinone import resources
from allinone.tests import base
from allinone import workspace

_SERVER = '127.0.0.1 "DELETE /v2.1/servers/1" status: 204\n'
_PREFIXED = ('127.0.0.1 "DELETE /compute/v2.1/os-services/1" '
             'status: 204\n')
_SERVICE = '127.0.0.1 "DELETE /v2.1/os-services/1" status: 204\n'


class MicroversionsTest(base.TestCase):

    def test_only_the_microversions_change(self):
        workspace.configure(self.cloud, resources.Resources(
            ('image1', 'image2'), ('flavor1', 'flavor2'), 'network', '2.100',
            '1.39', '3.71'))
        path = self.cloud.tempest / 'etc' / 'tempest.conf'
        # Somebody may have changed the file by hand.
        before = path.read_text() + '\n[compute]\nimage_ref = other\n'
        path.write_text(before)
        workspace.set_microversions(self.cloud, {
            'compute': '2.101', 'placement': '1.40', 'volume': '3.72'})
        changed = [
            (old, new) for old, new in zip(
                before.splitlines(), path.read_text().splitlines(),
                strict=True) if old != new]
        self.assertEqual(
            [('max_microversion = 2.100', 'max_microversion = 2.101'),
             ('max_microversion = 3.71', 'max_microversion = 3.72'),
             ('max_microversion = 1.39', 'max_microversion = 1.40')], changed)
        accounts = path.with_name('tempest-accounts.conf').read_text()
        self.assertIn('\nmax_microversion = 2.101\n', accounts)


class ArchiveTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.cloud.logs.mkdir(parents=True)
        self.log = self.cloud.logs / 'nova-api.log'
        self.tempest = self.patch('subprocess.run')
        self.archive = self.patch('allinone.services.nova.archive')

    def patch(self, name):
        return self.useFixture(fixtures.MockPatch(name, autospec=True)).mock

    def run_tempest(self, lines, code=0):
        """Return whether rows were archived, and what went to stderr."""
        def tempest(*args, **kwargs):
            with self.log.open('a') as log:
                log.write(lines)
            return mock.Mock(returncode=code)

        self.tempest.side_effect = tempest
        self.archive.reset_mock()
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr), \
                contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(code, workspace.run(self.cloud, []))
        return self.archive.called, stderr.getvalue()

    def test_after_a_green_run_that_deleted_a_service(self):
        for service in (_SERVICE, _PREFIXED):
            self.assertEqual((True, ''), self.run_tempest(_SERVER + service))

    def test_not_after_another(self):
        self.assertEqual((False, ''), self.run_tempest(_SERVICE, code=1))
        # What the run before did is not this one's.
        self.assertEqual((False, ''), self.run_tempest(_SERVER))

    def test_without_a_cloud(self):
        self.tempest.return_value = mock.Mock(returncode=0)
        self.assertEqual(0, workspace.run(self.cloud, ['--list']))
        self.archive.assert_not_called()

    def test_a_failure_is_told_and_the_run_stays_green(self):
        self.archive.side_effect = subprocess.CalledProcessError(
            255, ['nova-manage'], stderr='no database')
        done, stderr = self.run_tempest(_SERVICE)
        self.assertTrue(done)
        self.assertIn('no database', stderr)
