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

"""What is in the way is named, each in one line."""

import dataclasses
import pathlib
import socket
from unittest import mock

import fixtures

from allinone import boot
from allinone import errors
from allinone import prechecks
from allinone.services import forkservers
from allinone.tests import base


class PrechecksTest(base.TestCase):

    def lines(self, **changes):
        """What the checks say of the deployment with the changes."""
        cloud = dataclasses.replace(self.cloud, **changes)
        try:
            prechecks.run(cloud)
        except errors.BadInput as error:
            return str(error).splitlines()
        return []

    def test_ports_in_use_are_named_in_one_line(self):
        with socket.socket() as taken:
            taken.bind(('127.0.0.1', 0))
            taken.listen()
            port = taken.getsockname()[1]
            lines = self.lines(port_base=port)
        self.assertIn(f'port {port} (keystone)',
                      [line for line in lines if 'In use' in line][0])

    def test_port_base_out_of_range(self):
        self.assertIn('--port-base 65530 is not between',
                      ' '.join(self.lines(port_base=65530)))

    def test_number_of_computes_out_of_range(self):
        for number in (-1, 0, 1, 101):
            self.assertIn(f'--computes {number} is not between 2 and 100',
                          self.lines(computes=number))
        self.assertNotIn('--computes', ' '.join(self.lines(computes=8)))

    def test_missing_program_is_named_with_its_package(self):
        found = prechecks.find
        self.useFixture(fixtures.MonkeyPatch(
            'allinone.prechecks.find',
            lambda name: None if name == 'haproxy' else found(name)))
        line, = [line for line in self.lines() if 'Not installed' in line]
        self.assertIn('haproxy', line)
        self.assertIn('apt-get install --no-install-recommends haproxy', line)

    def test_state_too_long_for_sockets(self):
        self.assertIn('give a shorter --state', ' '.join(
            self.lines(state=pathlib.Path('/tmp', 'x' * 80))))

    def test_no_socket_has_a_longer_path(self):
        cloud = dataclasses.replace(self.cloud, qemu=True)
        for name, program in boot.programs(cloud).items():
            path = str(program.socket or '').removeprefix(str(cloud.state))
            if name.startswith(forkservers.LIBRARIES):
                # plugins/forkserver.py gives it its name only at the end.
                path += '.new'
            self.assertTrue(
                len(path) <= len(prechecks._LONGEST_SOCKET),
                f'{path} is longer than prechecks._LONGEST_SOCKET')

    def test_state_with_special_characters(self):
        for name in ('a b', "it's", 'ü', '50%', 'a;b', '$a', 'a:b'):
            self.assertIn(f'/tmp/{name} has special characters in its name',
                          ' '.join(self.lines(state=pathlib.Path('/tmp', name))
                                   ))
        self.assertNotIn('special', ' '.join(self.lines(
            state=pathlib.Path('/tmp/a-b_c.d+e@f'))))

    def test_python_that_the_release_does_not_support(self):
        for name, version, said in (
                ('2025.1', (3, 13, 1), '3.10 to 3.12'),
                ('2026.2', (3, 10, 9), '3.11 to 3.13')):
            with mock.patch('sys.version_info', version), \
                    mock.patch('sys.version', '3.99.9 (main)'):
                line = self.lines(release=name)[0]
            self.assertEqual(
                f'Python 3.99.9 runs this, but OpenStack {name} needs {said}: '
                f'make .venv again, with "PYTHON=python{said[-4:]} '
                f'tools/setup.sh"', line)

    def test_too_little_disk_and_memory(self):
        with mock.patch('shutil.disk_usage', autospec=True) as disk, \
                mock.patch('psutil.virtual_memory', autospec=True) as memory:
            disk.return_value.free = 2 ** 20
            memory.return_value.available = 2 ** 20
            lines = self.lines()
        self.assertIn('GiB of disk left', lines[-2])
        self.assertIn('GiB of memory', lines[-1])
