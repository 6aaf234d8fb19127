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

"""What the tests share: the shell, with stand-ins for all that it calls."""

import os
import pathlib
import subprocess

import fixtures
import testtools

DEVSTACK = pathlib.Path(__file__).parents[1]

_LOG = 'echo "${0##*/} $*" >>"$SCRATCH/calls"\n'

#: {program: its lines}. No program of a test touches the machine.
PROGRAMS = {
    'hostname': 'echo devstack\n',
    'install': 'exec /usr/bin/install -m "$2" "${@:7}"\n',
    'ovn-controller': '',
    'ovs-vsctl': _LOG,
    'ssh': _LOG,
    # What root has lies in the test's directory.
    'sudo': """
words=()
for word; do
    case $word in
        /etc/*|/usr/local/*) word=$SCRATCH$word ;;
        -n) continue ;;
    esac
    words+=("$word")
done
exec "${words[@]}"
""",
    'systemctl': _LOG,
    'virsh': 'cat "$SCRATCH/guests"\n',
    'visudo': 'exit "${VISUDO_CODE:-0}"\n',
}


#: Marks a test that takes half a second or more: "tox -e fast" omits it.
slow = testtools.testcase.attr('slow')


class TestCase(testtools.testcase.WithAttributes, testtools.TestCase):
    """A test of shell scripts, in a directory of its own."""

    def setUp(self):
        super().setUp()
        self.scratch = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for name in ('bin', 'etc/sudoers.d', 'systemd', 'usr/local/bin'):
            (self.scratch / name).mkdir(parents=True)
        for name, lines in PROGRAMS.items():
            self.program(name, lines)

    def program(self, name, lines):
        """Put a program of bash where the scripts find it first."""
        path = self.scratch / 'bin' / name
        path.write_text('#!/usr/bin/env bash\n%s' % lines)
        path.chmod(0o755)

    def run_process(self, *command, **environment):
        """Run a command in the test's directory.

        :returns: Its ``CompletedProcess``, with stdout and stderr in one text.
        """
        path = '%s:%s' % (self.scratch / 'bin', os.environ['PATH'])
        return subprocess.run(
            command, cwd=self.scratch, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env=dict(environment, PATH=path, SCRATCH=str(self.scratch),
                     HOSTNAME='devstack'))

    def lines(self, name):
        """List the lines of a file; none where it does not exist."""
        path = self.scratch / name
        return path.read_text().splitlines() if path.exists() else []

    def calls(self):
        """List the calls of programs since the last time."""
        found = self.lines('calls')
        (self.scratch / 'calls').unlink(missing_ok=True)
        return found
