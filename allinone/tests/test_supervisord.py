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

"""A process of a fork server is as any other process of the supervisor."""

import dataclasses
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
from unittest import mock

from allinone import cache
from allinone import files
from allinone import processes
from allinone import programs
from allinone import readiness
from allinone import supervision
from allinone import supervisord
from allinone.tests import base

_FORKSERVER = cache.HERE / 'plugins' / 'forkserver.py'

# Tells all that a service could see of the way in which it was started.
_SCRIPT = """
import json, os, sys, time
with open(sys.argv[1] + '.unfinished', 'w') as told:
    json.dump({'imported': 'wave' in sys.modules, 'hook': HOOKED,
               'arguments': sys.argv[1:], 'path': sys.path[:2],
               'name': __name__, 'file': os.path.basename(__file__),
               'variables': dict(os.environ), 'pid': os.getpid(),
               'files': len(os.listdir('/proc/self/fd')),
               'parent': os.getppid(), 'group': os.getpgrp()}, told)
os.rename(told.name, sys.argv[1])
print('Told', flush=True)
time.sleep(60)
"""


@base.slow
class ForkedTest(base.TestCase):

    def setUp(self):
        super().setUp()
        environment = self.state / 'environment'
        subprocess.run([sys.executable, '-m', 'venv', '--without-pip',
                        environment], check=True)
        self.python = str(environment / 'bin' / 'python3')
        packages, = environment.glob('lib/python3*/site-packages')
        (packages / 'hooks.pth').write_text(
            "import builtins, os; "
            "builtins.HOOKED = os.environ['SUPERVISOR_PROCESS_NAME']\n")
        script = self.state / 'service'
        script.write_text(f'#!{self.python}\n{_SCRIPT}')
        script.chmod(0o700)
        self.socket = self.state / 'run' / 'forks'
        self.told = self.state / 'told'
        self.programs = {program.name: program for program in (
            programs.Program('forks', (
                self.python, str(_FORKSERVER), str(self.socket), 'wave'),
                socket=self.socket),
            programs.Program('service', (str(script), str(self.told), 'b c'),
                             {'PYTHONPATH': '/somewhere', 'OWN': 'yes'},
                             forked_by=self.socket))}
        supervision.configure(self.cloud, self.programs.values())
        supervision.start(self.state)
        self.addCleanup(processes.end, self.state)
        self.supervisor = supervision.client(self.state)

    def start(self, name, path):
        """Start a process, and wait until it has made a file."""
        self.supervisor.startProcess(name)
        readiness.wait(f'{path} of {name}', path.exists, 30)
        return supervision.info(self.state)[name]

    def start_service(self):
        """Start the service, and return its state and what it told."""
        self.told.unlink(missing_ok=True)
        info = self.start('service', self.told)
        return info, json.loads(self.told.read_text())

    def test_a_process_is_replaced_while_others_run(self):
        self.start_service()
        self.supervisor.stopProcess('service')
        other = self.start('forks', self.socket)
        service = self.programs.pop('service')
        self.programs['successor'] = dataclasses.replace(
            service, name='successor', environment={'OWN': 'no'})
        for _ in range(2):
            # The second time nothing changes.
            supervision.replace(self.cloud, self.programs,
                                ('service', 'successor'))
            self.assertEqual({'forks', 'successor'},
                             supervision.info(self.state).keys())
        self.told.unlink()
        self.start('successor', self.told)
        told = json.loads(self.told.read_text())
        self.assertEqual('no', told['variables']['OWN'])
        self.assertEqual(other['pid'],
                         supervision.info(self.state)['forks']['pid'])

    def wait_for_end(self):
        readiness.wait('the end of the service', lambda: (
            supervision.info(self.state)['service']['statename'] == 'EXITED'),
            30)

    def test_a_forked_process_sees_what_any_process_sees(self):
        _, executed = self.start_service()
        self.supervisor.stopProcess('service')
        self.start('forks', self.socket)
        info, forked = self.start_service()
        self.assertEqual(
            (False, True), (executed.pop('imported'), forked.pop('imported')))
        for told in (executed, forked):
            self.assertEqual(told['pid'], told['group'])
            self.assertEqual(self.supervisor.getPID(), told['parent'])
            for name in ('pid', 'group'):
                told.pop(name)
        self.assertEqual(executed, forked)
        self.assertEqual('service', forked['hook'])
        self.assertEqual(['Told'] * 2, pathlib.Path(
            info['stdout_logfile']).read_text().splitlines())

    def test_a_signal_meets_the_forked_process_itself(self):
        self.start('forks', self.socket)
        info, told = self.start_service()
        self.assertEqual(told['pid'], info['pid'])
        self.supervisor.signalProcess('service', 'STOP')
        readiness.wait('the freeze', lambda: 'T (stopped)' in pathlib.Path(
            f'/proc/{told["pid"]}/status').read_text(), 30)
        self.supervisor.signalProcess('service', 'KILL')
        self.wait_for_end()
        self.assertFalse(pathlib.Path(f'/proc/{told["pid"]}').exists())
        _, again = self.start_service()
        self.assertNotEqual(told['pid'], again['pid'])

    def test_the_end_of_a_fork_server_ends_no_service(self):
        server = self.start('forks', self.socket)
        _, told = self.start_service()
        self.supervisor.stopProcess('forks')
        os.kill(told['pid'], 0)
        self.assertEqual('RUNNING', supervision.info(
            self.state)['service']['statename'])
        os.kill(told['pid'], signal.SIGKILL)
        self.wait_for_end()
        _, told = self.start_service()
        self.assertFalse(told['imported'])
        self.assertIn(f'service starts without {self.socket}', (
            self.cloud.logs / 'supervisord.log').read_text())
        self.assertNotEqual(server['pid'],
                            self.start('forks', self.socket)['pid'])

    def test_nobody_gets_a_process_that_came_too_late(self):
        """The supervisor has given it up, and may have started another."""
        server = self.start('forks', self.socket)
        os.kill(server['pid'], signal.SIGSTOP)
        self.ask(self.state / 'late').close()
        os.kill(server['pid'], signal.SIGCONT)
        with self.ask(self.told) as connection:
            pid = int(connection.recv(32))
        expected = {self.supervisor.getPID(), server['pid'], pid}
        readiness.wait('the end of the other', lambda: expected == {
            process.pid for process in processes.belonging_to(self.state)}, 10)

    def ask(self, told):
        """Ask the fork server for a service, as the supervisor does."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(str(self.socket))
        service = self.programs['service'].command[0]
        with open(os.devnull, 'r+') as nothing:
            socket.send_fds(connection, [json.dumps({
                'command': [service, str(told)],
                'environment': {'SUPERVISOR_PROCESS_NAME': 'service'},
            }).encode()], [nothing.fileno()] * 3)
        return connection

    def test_what_no_fork_can_have_is_refused(self):
        for text, words in (
                ('import threading, time; threading.Thread('
                 'target=time.sleep, args=(60,), daemon=True).start()',
                 'An import started 1 threads'),
                ("from oslo_config import cfg; cfg.CONF.register_opt("
                 "cfg.IntOpt('period', default=60)); cfg.CONF.period",
                 'An import reads the option period'),
                ('import select; kept = select.epoll()',
                 'An import opened an epoll')):
            files.write(self.state / 'bad.py', text)
            done = subprocess.run(
                [sys.executable, _FORKSERVER, self.socket, 'bad'],
                env={**os.environ, 'PYTHONPATH': str(self.state)},
                capture_output=True, text=True, timeout=60)
            self.assertEqual(1, done.returncode)
            self.assertIn(words, done.stderr)


class PollerTest(base.TestCase):

    def test_a_write_end_in_place_of_a_read_end_is_polled_once(self):
        """Otherwise supervisord spins."""
        poller = supervisord.Poller(mock.Mock())
        read, write = os.pipe()
        self.addCleanup(os.close, write)
        poller.register_readable(read)
        reader, writer = os.pipe()
        os.dup2(writer, read)
        os.close(writer)
        self.addCleanup(os.close, read)
        os.close(reader)
        self.assertEqual(([], []), poller.poll(0))
        self.assertEqual([], poller._poller.poll(0),
                         f'poll reports {select.POLLERR} again and again')
