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

import dataclasses
import errno
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import tracemalloc

import fixtures
import testtools

from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base

STOP = 'compute_stop_command'
GUESTS = 'guest_list_command'


class CommandTest(base.TestCase):

    def refused(self, call, *args):
        error = self.assertRaises(exceptions.CommandFailed, call, *args)
        self.assertStartsWith('[local_delete] ', str(error))
        return str(error)

    def assertStartsWith(self, start, text):
        self.assertEqual(start, text[:len(start)])

    def assert_dead(self, pid):
        def state():
            try:
                with open('/proc/%d/stat' % pid) as file:
                    return file.read().rsplit(')')[-1].split()[0]
            except FileNotFoundError:
                return None

        waiters.wait_until(state, lambda seen: seen in (None, 'Z'),
                           'process %d is dead' % pid, 10)


class ArgumentsTest(CommandTest):

    def test_split_as_a_shell_would(self):
        for command, host, words in (
                ('ssh {host} sudo stop', 'cmp1',
                 ['ssh', 'cmp1', 'sudo', 'stop']),
                ("sh -c 'stop {host} && log \"{host}\"'", 'cmp-2.example_x',
                 ['sh', '-c',
                  'stop cmp-2.example_x && log "cmp-2.example_x"']),
                ('stop --host={host}', 'a', ['stop', '--host=a']),
                ("sh -c 'echo $${HOME} {host}'", 'x1',
                 ['sh', '-c', 'echo ${HOME} x1']),
                ('stop placement', None, ['stop', 'placement'])):
            self.config(**{STOP: command})
            self.assertEqual(words, commands.arguments(STOP, host))

    def test_only_host_names_are_put_in(self):
        self.config(**{STOP: 'ssh {host}'})
        for host in ('', ' ', 'a b', 'a;b', 'a|b', 'a&b', '$(a)', '`a`',
                     '-oProxyCommand=x', '-l', 'a-', '.a', 'a.', 'a..b', 'a\n',
                     'a\nb', '\na', 'a/b', 'a\0', "a'b", 'a"b', '{host}',
                     'a' * 64, '.'.join(['a' * 50] * 6), 'é', 'a*'):
            self.assertIn('%r is not a host name' % host,
                          self.refused(commands.arguments, STOP, host))
        for host in ('a', 'A1', '10.0.0.1', 'cmp_1', 'a' * 63,
                     '.'.join(['a' * 50] * 4)):
            self.assertEqual(['ssh', host], commands.arguments(STOP, host))

    def test_unusable_commands(self):
        for command, host, problem in (
                (None, 'cmp1', 'is not set'),
                ('', 'cmp1', 'is not set'),
                (' ', 'cmp1', 'is empty'),
                ("ssh '{host}", 'cmp1', 'cannot be split into words'),
                ('systemctl stop nova-compute', 'cmp1', 'has no {host}')):
            self.config(**{STOP: command})
            message = self.refused(commands.arguments, STOP, host)
            self.assertStartsWith('[local_delete] %s: %s' % (STOP, problem),
                                  message)


class RunTest(CommandTest):

    def setUp(self):
        super().setUp()
        # Should a limit not hold, then a test fails instead of hanging.
        self.useFixture(fixtures.Timeout(300, gentle=True))
        self.directory = self.useFixture(fixtures.TempDir())

    def run_shell(self, script, limit=20):
        # Twice, because oslo.config puts options in the place of $names.
        command = shlex.join(['sh', '-c', script.replace('$', '$$'),
                              '{host}'])
        self.config(**{STOP: command, 'command_timeout': limit})
        commands.run(STOP, 'cmp1')

    def pid_in(self, name):
        def read():
            try:
                with open(self.directory.join(name)) as file:
                    return file.read().strip()
            except FileNotFoundError:
                return None

        return int(waiters.wait_until(read, bool, name, 10))

    def test_no_room_for_what_a_command_prints(self):
        """A host must come back even if every disk of this machine is full."""
        self.config(compute_start_command='sh -c "touch %s/{host}; exit 3"'
                    % self.directory.path, **{GUESTS: 'echo {host}'})
        self.useFixture(fixtures.MockPatch(
            'tempfile.TemporaryFile', side_effect=OSError(
                errno.ENOSPC, 'No space left on device')))
        self.assertIn('sh exited with 3: no word on stderr', self.refused(
            commands.run, 'compute_start_command', 'cmp1'))
        self.assertTrue(os.path.exists(self.directory.join('cmp1')))
        # What nobody could read must not look like no guests.
        self.assertIn('No space left on device', self.refused(
            commands.uuids, GUESTS, 'cmp1'))

    def test_waits_until_the_command_has_ended(self):
        path = self.directory.join('host')
        self.run_shell('sleep 0.1; echo $0 > %s' % path)
        with open(path) as file:
            self.assertEqual('cmp1\n', file.read())

    def test_no_shell(self):
        path = self.directory.join('made')
        self.config(**{STOP: 'echo {host} ; touch %s && true' % path})
        commands.run(STOP, 'cmp1')
        self.assertFalse(os.path.exists(path))

    def test_nothing_to_read_on_stdin(self):
        """A command that asks for a password ends instead of waiting."""
        self.assertIn('exited with 1',
                      self.refused(self.run_shell, 'read word'))

    def test_exit_code_and_the_end_of_stderr(self):
        message = self.refused(
            self.run_shell,
            'head -c 90000 /dev/zero | tr "\\0" x >&2; '
            'echo >&2; echo unit not found >&2; exit 3')
        self.assertIn('[local_delete] %s: sh exited with 3: x' % STOP,
                      message)
        self.assertIn('xx unit not found', message)
        self.assertTrue(len(message) < 700, message)

    def test_exit_code_without_a_word(self):
        self.assertIn('sh exited with 7: no word on stderr',
                      self.refused(self.run_shell, 'exit 7'))

    def test_stderr_that_is_no_text(self):
        self.assertIn('oops', self.refused(
            self.run_shell, r"printf '\377\376oops' >&2; exit 1"))

    def test_control_characters_reach_no_terminal(self):
        message = self.refused(
            self.run_shell, r"printf '\033[31mred\007\r\033]0;x\033\\' >&2; "
            r"printf '\342\200\256gnp.exe' >&2; exit 1")
        self.assertTrue(message.isprintable(), ascii(message))
        self.assertIn(r'\x1b[31mred\x07', message)

    def test_secret_that_is_cut_in_two(self):
        """The quoted end may begin behind the name of a password."""
        message = self.refused(
            self.run_shell, "printf '%%s' \"{'password': '%s'}%s\" >&2; exit 1"
            % ('hunter2' * 9, 'x' * 470))
        self.assertNotIn('hunter2', message)

    @base.slow
    def test_flood_on_stderr(self):
        """A gigabyte would need as much memory, or as much of the disk."""
        made = []
        make = tempfile.TemporaryFile

        def remember(*args, **kwargs):
            made.append(make(*args, **kwargs))
            # A duplicate, which stays open, tells the size afterwards.
            made.append(os.dup(made[-1].fileno()))
            self.addCleanup(os.close, made[-1])
            return made[-2]

        self.useFixture(fixtures.MockPatch(
            'tempfile.TemporaryFile', remember))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        message = self.refused(
            self.run_shell,
            'for i in $(seq 60); do head -c 1000000 /dev/zero | tr "\\0" x; '
            'sleep 0.02; done >&2; echo unit not found >&2; exit 3', 100)
        self.assertIn('xunit not found', message)
        self.assertLess(tracemalloc.get_traced_memory()[1], 10 ** 6)
        self.assertLess(os.fstat(made[1]).st_size, 5 * 10 ** 7)

    def test_cannot_be_run(self):
        path = self.directory.join('no-program')
        with open(path, 'w'):
            pass
        for program, problem in (
                ('no-such-program', os.strerror(errno.ENOENT)),
                (path, os.strerror(errno.EACCES))):
            self.config(**{STOP: '%s {host}' % program})
            self.assertIn('%s: %s' % (program, problem),
                          str(self.assertRaises(
                              exceptions.CommandNotBegun,
                              commands.run, STOP, 'cmp1')))

    @base.slow
    def test_time_limit_kills_the_whole_group(self):
        path = self.directory.join('pid')
        message = self.refused(
            self.run_shell,
            "sh -c 'echo $$ > %s; sleep 60'; true" % path, 1)
        self.assertIn('sh did not end within 1 s (command_timeout)', message)
        self.assertIn('Set command_timeout above both', message)
        self.assert_dead(self.pid_in('pid'))

    def test_daemon_left_behind_is_not_waited_for(self):
        """A daemon that kept stderr would hold a pipe open for ever."""
        path = self.directory.join('pid')
        self.run_shell('sleep 60 & echo $! > %s' % path)
        pid = self.pid_in('pid')
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        os.kill(pid, 0)

    def test_test_timeout_ends_the_command(self):
        """OS_TEST_TIMEOUT passes through, and nothing runs on behind it."""
        path = self.directory.join('pid')
        with testtools.ExpectedException(fixtures.TimeoutException):
            self.run_shell('echo $$ > %s; kill -ALRM $PPID; sleep 60' % path)
        self.assert_dead(self.pid_in('pid'))

    def test_test_timeout_as_the_command_starts(self):
        start = subprocess.Popen.__init__
        started = []

        def start_and_strike(process, *args, **kwargs):
            start(process, *args, **kwargs)
            started.append(process.pid)
            signal.raise_signal(signal.SIGALRM)

        self.useFixture(fixtures.MockPatchObject(
            subprocess.Popen, '__init__', start_and_strike))
        with testtools.ExpectedException(fixtures.TimeoutException):
            self.run_shell('sleep 60')
        self.assert_dead(started[0])

    @base.slow
    def test_command_that_cannot_be_killed(self):
        """One that runs as root, through sudo, is beyond an operator."""
        # Root may kill everything, so that only a fake refuses everywhere.
        self.useFixture(fixtures.MockPatch(
            'os.killpg', side_effect=PermissionError))
        self.useFixture(fixtures.MockPatchObject(
            commands, '_KILL_LIMIT', 0.05))
        path = self.directory.join('pid')
        message = self.refused(
            self.run_shell, 'echo $$ > %s; sleep 60' % path, 1)
        self.addCleanup(os.kill, self.pid_in('pid'), signal.SIGKILL)
        self.assertIn('did not end within 1 s', message)
        self.assertIn('could not be killed', message)

    def test_timeout_as_the_command_ends(self):
        """There may be no group left to kill when a time-out comes."""
        wait = subprocess.Popen.wait

        def end_and_time_out(process, *args):
            wait(process, *args)
            self.useFixture(fixtures.MockPatchObject(
                subprocess.Popen, 'wait', wait))
            raise fixtures.TimeoutException()

        self.useFixture(fixtures.MockPatchObject(
            subprocess.Popen, 'wait', end_and_time_out))
        self.assertRaises(fixtures.TimeoutException, self.run_shell, 'true')

    def test_own_session(self):
        """Ctrl-C at the terminal is for Tempest, not for a start command."""
        path = self.directory.join('session')
        code = ('import os; open(%r, "w").write('
                'str(os.getsid(0) == os.getpid()))' % path)
        self.config(**{STOP: shlex.join(
            [sys.executable, '-c', code, '{host}'])})
        commands.run(STOP, 'cmp1')
        with open(path) as file:
            self.assertEqual('True', file.read())


class UnderwayTest(CommandTest):
    """A stop command that its run has left behind."""

    # A real process takes real time to die.
    instant_waits = False

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.Timeout(300, gentle=True))
        self.config(command_timeout=1)
        self.process = subprocess.Popen(
            ['sh', '-c', 'sleep 60; true'], start_new_session=True)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.underway = commands.Underway.now(self.process.pid)

    def children(self):
        with open('/proc/{0}/task/{0}/children'.format(
                self.process.pid)) as file:
            return file.read().split()

    def test_ended_with_all_that_it_started(self):
        self.assertTrue(self.underway.is_alive())
        started = waiters.wait_until(
            self.children, bool, 'the command has started another', 10)
        self.assertTrue(self.underway.end())
        # Nobody has waited for it, so it is a zombie.
        self.assertFalse(self.underway.is_alive())
        self.assertEqual(-signal.SIGKILL, self.process.wait())
        for pid in started:
            self.assert_dead(int(pid))
        self.assertTrue(self.underway.end())

    def test_nobody_else_is_killed(self):
        """After a reboot, or a while, another process has the pid."""
        for other in (
                {'boot_id': 'another'}, {'boot_id': None}, {'pid': None},
                {'start_time': self.underway.start_time + 1},
                {'start_time': None}):
            left = dataclasses.replace(self.underway, **other)
            self.assertFalse(left.is_alive())
            self.assertTrue(left.end())
            self.assertIsNone(self.process.poll(), other)

    def test_not_to_be_killed(self):
        """One that runs as root, through sudo, has time to end by itself."""
        self.useFixture(fixtures.MockPatch(
            'os.killpg', side_effect=PermissionError))
        self.assertFalse(self.underway.end())
        self.process.kill()
        self.assertTrue(self.underway.end())

    def test_known_before_it_begins(self):
        path = self.useFixture(fixtures.TempDir()).join('pid')

        def note(pid):
            with open(path, 'w') as file:
                file.write(str(pid))

        self.config(**{STOP: "sh -c 'grep -qx $$$$ %s' {host}" % path})
        commands.run(STOP, 'cmp1', note)

    def test_not_run_if_it_cannot_be_written_down(self):
        path = self.useFixture(fixtures.TempDir()).join('made')
        self.config(**{STOP: 'touch %s-{host}' % path})
        self.assertRaises(exceptions.CommandNotBegun, commands.run, STOP,
                          'cmp1', lambda pid: os.close(-1))
        self.assertFalse(os.path.exists(path + '-cmp1'))

    def test_killed_if_it_cannot_be_noted_here(self):
        self.config(**{STOP: "sh -c 'sleep 60' {host}"})
        seen = []

        def fail(pid):
            seen.append(pid)
            if pid != os.getpid():
                raise exceptions.JournalUnusable(path='x', problem='is full')

        self.assertRaises(exceptions.JournalUnusable, commands.run, STOP,
                          'cmp1', fail)
        self.assert_dead(seen[0])


class UuidsTest(CommandTest):

    ONE = '165dcdb7-658c-49e6-bbb4-ed029bf3721b'
    TWO = '757076d7-1b70-4751-a352-a746a194a9e1'

    def printing(self, text, code=0):
        """Return what is read of a command that prints the text."""
        script = 'printf %s; exit %d' % (shlex.quote(text), code)
        self.config(**{GUESTS: shlex.join(['sh', '-c', script, '{host}'])})
        return commands.uuids(GUESTS, 'cmp1')

    def test_one_a_line(self):
        for text, found in (
                (r'%s\n' % self.ONE, {self.ONE}),
                (self.ONE, {self.ONE}),
                # As virsh does.
                (r'%s\n%s\n\n' % (self.ONE, self.TWO), {self.ONE, self.TWO}),
                (r'%s\r\n%s\r\n' % (self.ONE, self.TWO),
                 {self.ONE, self.TWO}),
                (r'%s\n%s\n' % (self.ONE, self.ONE.upper()), {self.ONE}),
                (r'\n \n', set()),
                ('', set())):
            self.assertEqual(found, self.printing(text))

    def test_anything_else_is_refused(self):
        for line in ('instance-00000001', self.ONE[:-1], self.ONE + '0',
                     self.ONE.replace('-', ''), '{%s}' % self.ONE,
                     ' ' + self.ONE, self.ONE + ' running',
                     self.ONE.replace('1', 'g'), 'no guests',
                     '%s %s' % (self.ONE, self.TWO)):
            message = self.refused(self.printing,
                                   r'%s\n%s\n' % (self.TWO, line))
            self.assertEqual(
                '[local_delete] %s: printed a line that is no UUID: %r' % (
                    GUESTS, line[:60]), message)

    def test_line_that_is_no_text(self):
        self.assertIn('printed a line that is no UUID',
                      self.refused(self.printing, r'\377\376\0'))

    def test_no_secret_and_no_flood_in_the_message(self):
        message = self.refused(
            self.printing, "{'password': 'hunter2'}" + 'x' * 9000)
        self.assertNotIn('hunter2', message)
        self.assertTrue(len(message) < 200, message)

    def test_flood(self):
        self.config(**{GUESTS: shlex.join(
            ['sh', '-c', 'yes | head -c 9000000', '{host}'])})
        self.assertIn('printed more than 1 MiB',
                      self.refused(commands.uuids, GUESTS, 'cmp1'))

    def test_exit_code(self):
        """What a command that failed has printed counts for nothing."""
        self.assertIn('sh exited with 1',
                      self.refused(self.printing, self.ONE, 1))

    def test_not_set(self):
        self.config(**{GUESTS: None})
        self.assertIn('is not set',
                      self.refused(commands.uuids, GUESTS, 'cmp1'))

    @base.slow
    def test_time_limit(self):
        self.config(**{GUESTS: "sh -c 'sleep 60' {host}",
                       'command_timeout': 1})
        self.assertIn('did not end within 1 s',
                      self.refused(commands.uuids, GUESTS, 'cmp1'))
