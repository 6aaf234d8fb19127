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

"""The compute with a real hypervisor: only where it is asked for."""

import configparser
import dataclasses
import shlex
import subprocess
from unittest import mock

import fixtures

from allinone import boot
from allinone import checks
from allinone import deployment
from allinone import errors
from allinone import guest
from allinone import lifecycle
from allinone import prechecks
from allinone import processes
from allinone import resources
from allinone.services import nova
from allinone.services import qemu
from allinone.tests import base
from allinone import workspace

_HOST = deployment.QEMU


class QemuTest(base.TestCase):

    def setUp(self):
        super().setUp()
        # Its packages need not be there.
        self.useFixture(fixtures.MonkeyPatch(
            'allinone.prechecks.find', lambda name: f'/usr/bin/{name}'))
        self.useFixture(fixtures.MonkeyPatch(
            'allinone.commands.run', mock.Mock()))
        self.plain = self.cloud
        self.cloud = dataclasses.replace(self.plain, qemu=True)

    def local_delete_options(self, cloud):
        workspace.configure(cloud, resources.Resources(
            ('image1', 'image2'), ('flavor1', 'flavor2'), 'network', '2.100',
            '1.39', '3.71'))
        # As oslo.config reads it, but for the $.
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(
            (cloud.tempest / 'etc' / 'tempest.conf').read_text())
        return parser['local_delete']

    def test_not_there_by_default(self):
        qemu.configure(self.plain)
        self.assertFalse((self.plain.shared_etc / 'qemu').exists())
        self.assertEqual((), qemu.processes(self.plain))
        self.assertNotIn(_HOST, self.plain.hosts)
        options = self.local_delete_options(self.plain)
        self.assertNotIn('guest_list_command', options)
        self.assertNotIn(_HOST, options['target_hosts'])

    def test_three_computes_and_one_more(self):
        self.assertEqual((*self.plain.hosts, _HOST), self.cloud.hosts)
        added = (boot.programs(self.cloud).keys() -
                 boot.programs(self.plain).keys())
        self.assertEqual(
            {'qemu-host', 'qemu-ovs-db', 'qemu-ovs-vswitchd', 'libvirtd',
             f'ovn-controller-{_HOST}', f'nova-compute-{_HOST}'}, added)

    def test_every_added_process_is_started(self):
        with mock.patch('allinone.boot.Boot._starting',
                        autospec=True) as starting:
            boot.Boot(self.cloud, None)._hypervisor()
        started = {name for call in starting.call_args_list
                   for name in call.args[1:]}
        self.assertEqual(boot.programs(self.cloud).keys() -
                         boot.programs(self.plain).keys(), started)

    def test_its_compute_alone_knows_the_binding(self):
        for name, program in boot.programs(self.cloud).items():
            self.assertEqual(
                name == f'nova-compute-{_HOST}',
                str(qemu.binding(self.cloud)) in program.environment.values())

    def test_compute_reaps_guests(self):
        nova.configure(self.cloud)
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(
            (self.cloud.etc / 'nova' / f'{_HOST}.conf').read_text())
        self.assertEqual(
            'reap', parser['DEFAULT']['running_deleted_instance_action'])
        self.assertEqual(qemu.uri(self.cloud),
                         parser['libvirt']['connection_uri'])
        self.assertNotIn('database', parser)

    def test_emulator_keeps_the_mark(self):
        """libvirt clears its environment, and "down" goes by the mark."""
        self.useFixture(fixtures.MonkeyPatch(
            'allinone.prechecks.find', lambda name: '/usr/bin/env'))
        qemu.configure(self.cloud)
        seen = subprocess.run(
            [self.cloud.shared_etc / 'qemu' / 'libvirtd' / qemu.EMULATOR],
            check=True, env={}, capture_output=True,
            text=True).stdout.splitlines()
        for name, value in processes.marked(self.cloud.state).items():
            self.assertIn(f'{name}={value}', seen)

    def test_guest_list_of_the_other_computes_is_empty(self):
        """Wherever libvirt is, since only its host is asked."""
        command = self.local_delete_options(self.cloud)['guest_list_command']
        for host in self.cloud.fake_hosts:
            words = [word.replace('{host}', host)
                     for word in shlex.split(command)]
            done = subprocess.run(words, check=True, capture_output=True)
            self.assertEqual((b'', b''), (done.stdout, done.stderr))
        script = shlex.split(command)[2]
        self.assertIn(f'--connect {shlex.quote(qemu.uri(self.cloud))}', script)

    def test_checks_wait_for_it(self):
        admin = mock.Mock(cloud=self.cloud)
        answer = admin.network.get.return_value.json
        for hosts, alive in ((self.cloud.fake_hosts, False),
                             (self.cloud.hosts, True)):
            answer.return_value = {'agents': [
                {'host': host, 'alive': True} for host in hosts]}
            self.assertEqual(alive, checks.chassis_alive(admin))

    def test_choice_is_the_deployments(self):
        deployment.save(self.cloud)
        self.assertTrue(deployment.load(self.state).qemu)
        error = self.assertRaises(errors.BadInput, lifecycle._confirm,
                                  self.state, qemu=False)
        self.assertIn('runs already, with --qemu: take it down first',
                      str(error))


class PrechecksTest(base.TestCase):

    def lines(self, qemu):
        cloud = dataclasses.replace(self.cloud, qemu=qemu)
        return list(prechecks._hypervisor(cloud))

    def test_only_where_it_is_asked_for(self):
        self.useFixture(fixtures.MonkeyPatch('os.geteuid', lambda: 1000))
        self.useFixture(fixtures.MonkeyPatch('os.path.exists',
                                             lambda path: False))
        self.assertEqual([], self.lines(False))
        text = '\n'.join(self.lines(True))
        self.assertIn('--qemu needs root', text)
        self.assertIn('needs /dev/net/tun', text)

    def test_packages_are_named_in_one_line(self):
        self.useFixture(fixtures.MonkeyPatch(
            'allinone.prechecks.find', lambda name: None))
        line = self.lines(True)[-1]
        for package in (*prechecks.QEMU_PROGRAMS.values(), 'PROFILES=qemu'):
            self.assertIn(package, line)


class GuestTest(base.TestCase):

    def package(self, answers):
        with mock.patch('subprocess.run', autospec=True) as run:
            run.side_effect = [mock.Mock(stdout=text) for text in answers]
            return guest._package()

    def test_newest_kernel(self):
        for answers, name in (
                (['linux-image-cloud-amd64\n'
                  '  Depends: linux-image-6.1.0-56-cloud-amd64\n'],
                 'linux-image-6.1.0-56-cloud-amd64'),
                (['', 'linux-image-virtual\n'
                  '  Depends: linux-image-6.8.0-31-generic\n'
                  '  Depends: linux-base\n'],
                 'linux-image-6.8.0-31-generic')):
            self.assertEqual(name, self.package(answers))

    def test_no_lists_of_packages(self):
        error = self.assertRaises(errors.StepFailed, self.package, ['', ''])
        self.assertIn('run "apt-get update"', str(error))

    def test_images_boot_it(self):
        kernel, initrd = self.state / 'kernel', self.state / 'initrd'
        kernel.write_bytes(b'kernel')
        initrd.write_bytes(b'initrd')
        admin = mock.Mock()
        admin.image.post.return_value.json.side_effect = [
            {'id': name} for name in ('k', 'r', 'one', 'two')]
        self.assertEqual(('one', 'two'),
                         resources.images(admin, (kernel, initrd)))
        made = [call.kwargs['json']
                for call in admin.image.post.call_args_list]
        self.assertEqual(['aki', 'ari', 'raw', 'raw'],
                         [image['disk_format'] for image in made])
        for image in made[2:]:
            self.assertEqual(('k', 'r'),
                             (image['kernel_id'], image['ramdisk_id']))
