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

"""The releases: what is pinned, and which services need eventlet."""

import configparser
import dataclasses

from packaging import requirements

from allinone import boot
from allinone import environment
from allinone import errors
from allinone import release
from allinone.services import forkservers
from allinone.services import nova
from allinone.tests import base


class ReleaseTest(base.TestCase):

    def of(self, name):
        return dataclasses.replace(self.cloud, release=name)

    def test_every_lock_has_the_services_of_its_series(self):
        for one in release.ALL.values():
            pins = [requirements.Requirement(line.partition(' \\')[0])
                    for line in one.lock.read_text().splitlines()
                    if '==' in line]
            asked = [requirements.Requirement(line.partition('#')[0])
                     for line in one.requirements.read_text().splitlines()
                     if line[:1].isalpha()]
            self.assertIn('nova', [wanted.name for wanted in asked])
            for wanted in asked:
                name = wanted.name.lower().replace('.', '-')
                versions = [str(pin.specifier)[2:] for pin in pins
                            if pin.name == name]
                self.assertTrue(
                    any(map(wanted.specifier.contains, versions)),
                    f'the lock of {one.name} pins {name} to {versions}, and '
                    f'asked for is {wanted}')
            self.assertIn('--hash=sha256:', one.lock.read_text())
            self.assertIn('libvirt-python==', one.binding_lock.read_text())

    def test_every_release_has_an_environment_of_its_own(self):
        keys = {environment.key(self.of(name)) for name in release.ALL}
        self.assertEqual(len(release.ALL), len(keys))

    def test_unknown_release(self):
        error = self.assertRaises(errors.BadInput, release.get, '2024.1')
        self.assertEqual('There is no release 2024.1: give --release 2025.1, '
                         '2025.2, 2026.1 or 2026.2', str(error))

    def test_upgrades_are_those_that_openstack_supports(self):
        supported = []
        for begin in release.ALL:
            for end in release.ALL:
                try:
                    release.check_upgrade(begin, end)
                except errors.BadInput:
                    continue
                supported.append((begin, end))
        self.assertEqual(
            [('2025.1', '2025.2'), ('2025.1', '2026.1'), ('2025.2', '2026.1'),
             ('2026.1', '2026.2')], supported)

    def test_a_refused_upgrade_is_told_in_a_line(self):
        for begin, end, line in (
                ('2026.1', '2026.1', 'The cloud has OpenStack 2026.1 already'),
                ('2026.1', '2025.2', 'OpenStack 2025.2 is older than 2026.1, '
                                     'which the cloud has'),
                ('2025.1', '2026.2', 'OpenStack supports no upgrade from '
                                     '2025.1 to 2026.2: give --to 2025.2 or '
                                     '2026.1'),
                ('2025.1', '2024.2', 'There is no release 2024.2: give --to '
                                     '2025.1, 2025.2, 2026.1 or 2026.2')):
            error = self.assertRaises(errors.BadInput, release.check_upgrade,
                                      begin, end)
            self.assertEqual(line, str(error))

    def test_a_new_cloud_has_the_default(self):
        self.assertEqual(release.DEFAULT, self.cloud.release)
        self.assertIn(release.DEFAULT, release.ALL)


class EventletTest(base.TestCase):

    def programs(self, name):
        return boot.programs(dataclasses.replace(self.cloud, release=name))

    def test_a_fork_server_forks_each_service_of_nova(self):
        threads, eventlet = forkservers.NOVA, forkservers.NOVA_EVENTLET
        services = ('nova-api', 'nova-scheduler', 'nova-conductor',
                    'nova-compute-compute1')
        for name, expected in (
                ('2025.1', [eventlet] * 4), ('2025.2', [eventlet] * 4),
                ('2026.1', [threads, threads, eventlet, eventlet]),
                ('2026.2', [threads] * 4)):
            programs = self.programs(name)
            self.assertEqual(
                [programs[server].socket for server in expected],
                [programs[service].forked_by for service in services], name)
            self.assertEqual(
                {*expected}, {server for server in programs
                              if server.startswith(forkservers.NOVA)}, name)

    def test_no_two_releases_share_a_fork_server(self):
        """In an upgrade the wrong release would fork an old compute."""
        for server in (forkservers.LIBRARIES, forkservers.EVENTLET):
            self.assertEqual(
                len(release.ALL), len({self.programs(name)[server].socket
                                       for name in release.ALL}), server)

    def test_nothing_brings_eventlet_where_all_of_nova_has_threads(self):
        """Nova 34 refuses to start if a library has imported eventlet."""
        for name in forkservers._GREEN:
            self.assertNotIn(
                name, self.programs('2026.2')[forkservers.LIBRARIES].command)
            self.assertIn(
                name, self.programs('2026.1')[forkservers.LIBRARIES].command)

    def test_an_api_with_eventlet_has_no_threads(self):
        for name, threads in (('2025.1', False), ('2025.2', False),
                              ('2026.1', True), ('2026.2', True)):
            cloud = dataclasses.replace(self.cloud, release=name)
            nova.configure(cloud)
            parsed = configparser.ConfigParser(interpolation=None)
            parsed.read_string(
                (cloud.etc / 'uwsgi' / 'nova-api.ini').read_text())
            self.assertEqual(threads, 'threads' in parsed['uwsgi'], name)
