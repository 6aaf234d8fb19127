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

"""The first process of the container."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import fixtures

from allinone.tests import base
from tools import phases

_ENTRYPOINT = phases.ROOT / 'container' / 'entrypoint.py'

# It ends on SIGTERM at once. Its worker first does what the test lets it do.
_TEMPEST = f"""#!{sys.executable}
import os, signal, sys, time
if sys.argv[1:] == ['leave']:
    parent = os.getpid()
    if os.fork():
        sys.exit(4)
    os.setsid()
    open('session', 'w').write(str(os.getpid()))
    while os.path.exists(f'/proc/{{parent}}'):
        time.sleep(0.01)
    open('up', 'w').close()
    open('go').read()
    os._exit(0)
if sys.argv[1:] != ['run']:
    sys.exit(3)
open('session', 'w').write(str(os.getpid()))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
is_worker = not os.fork()
if is_worker:
    open('up', 'w').close()
signal.sigwait([signal.SIGTERM])
if is_worker:
    open('go').read()
    open('given', 'w').write('back')
else:
    open('gone', 'w').close()
    os._exit(1)
"""


class EntrypointTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.place = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        (self.place / 'tempest').write_text(_TEMPEST)
        (self.place / 'tempest').chmod(0o755)
        for name in ('up', 'gone', 'go'):
            os.mkfifo(self.place / name)

    def start(self, *arguments):
        process = subprocess.Popen(
            [sys.executable, _ENTRYPOINT, *arguments], cwd=self.place,
            env={**os.environ, 'PATH': f'{self.place}:{os.environ["PATH"]}'})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(self.end_session)
        return process

    def end_session(self):
        """End all that is left of the fake tempest."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.killpg(int((self.place / 'session').read_text()),
                      signal.SIGKILL)

    @base.slow
    def test_the_container_lives_until_all_is_given_back(self):
        process = self.start('run')
        (self.place / 'up').read_text()
        process.send_signal(signal.SIGTERM)
        (self.place / 'gone').read_text()
        # The longer, the surer. It never ends too early.
        self.assertRaises(subprocess.TimeoutExpired, process.wait, 0.5)
        (self.place / 'go').write_text('')
        self.assertEqual(1, process.wait())
        self.assertEqual('back', (self.place / 'given').read_text())

    @base.slow
    def test_a_signal_finds_only_a_command_of_another_session(self):
        process = self.start('leave')
        (self.place / 'up').read_text()
        process.send_signal(signal.SIGTERM)
        (self.place / 'go').write_text('')
        self.assertEqual(4, process.wait())

    def test_the_exit_code_is_that_of_tempest(self):
        self.assertEqual(3, self.start('other').wait())
