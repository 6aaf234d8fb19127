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

"""An upgrade: its order, its failures, and the computes that it keeps."""

import configparser
import contextlib
import dataclasses
import io
import pathlib
import subprocess
from unittest import mock

import fixtures

from allinone import boot
from allinone import deployment
from allinone import errors
from allinone import lifecycle
from allinone import resources
from allinone.services import forkservers
from allinone import supervision
from allinone.tests import base
from allinone import upgrades
from allinone import workspace


class _Supervisor:
    """Takes the place of supervisord, and knows what it would run.

    :param events: what happens is added there
    """

    def __init__(self, state, events):
        self._state = state
        self._events = events
        self.commands = {}
        self.running = set()

    def reloadConfig(self):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(supervision.configuration(self._state))
        self._read = {
            section.partition(':')[2]: parser[section]['command']
            for section in parser.sections() if section.startswith('program:')}

    def addProcessGroup(self, name):
        self.commands[name] = self._read[name]

    def removeProcessGroup(self, name):
        assert name not in self.running, f'{name} runs'
        del self.commands[name]

    def startProcess(self, name, wait=True):
        self.running.add(name)
        self._events.append(f'start {name}')

    def stopProcess(self, name):
        self.running.remove(name)
        self._events.append(f'stop {name}')

    def getAllProcessInfo(self):
        return [{'name': name, 'stdout_logfile': f'{name}.log',
                 'statename': 'RUNNING' if name in self.running else 'EXITED'}
                for name in self.commands]

    def getPID(self):
        return 1


class UpgradesTest(base.TestCase):
    """The base class: a cloud of 2026.1 with three computes, which runs."""

    def setUp(self):
        super().setUp()
        self.cloud = dataclasses.replace(self.cloud, release='2026.1',
                                         computes=3)
        deployment.save(self.cloud)
        self.cloud.logs.mkdir()
        (self.state / 'lock').touch()
        for service in upgrades._SERVICES:
            service.configure(self.cloud)
        workspace.configure(self.cloud, resources.Resources(
            ('image1', 'image2'), ('flavor1', 'flavor2'), 'network', '2.100',
            '1.39', '3.71'))
        self.events = []
        #: {arguments of a command, from the program's name on: exit code}.
        self.failing = {}
        #: Hosts whose computes are forced down.
        self.forced_down = set()
        self.supervisor = _Supervisor(self.state, self.events)
        for name, value in (
                ('allinone.supervision.client', lambda _: self.supervisor),
                ('allinone.commands.run', self.run_command_of_a_service),
                ('allinone.readiness.listening', self.listening),
                ('allinone.readiness.accepting', lambda _: True),
                ('allinone.environment.provide', lambda cloud: self.state),
                ('allinone.prechecks.run_for_upgrade', lambda cloud: None),
                ('allinone.checks.heard', self.heard),
                ('allinone.api.compute_services', self.compute_services),
                ('allinone.boot.READY',
                 dict.fromkeys(boot.READY, lambda _: True)),
                ('allinone.resources.compute_microversion',
                 lambda _: '2.101'),
                ('allinone.resources.placement_microversion',
                 lambda _: '1.40'),
                ('allinone.resources.volume_microversion', lambda _: '3.72')):
            self.useFixture(fixtures.MonkeyPatch(name, value))
        programs = boot.programs(self.cloud)
        supervision.configure(self.cloud, programs.values())
        self.supervisor.reloadConfig()
        for name in programs:
            self.supervisor.addProcessGroup(name)
        self.supervisor.running = {*programs}

    def run_command_of_a_service(self, cloud, program, *arguments, **_):
        name = pathlib.Path(program).name
        words = ' '.join([name, *(word for option, word in zip(
            ('', *arguments), arguments, strict=False)
            if '--config-file' not in (option, word))])
        self.assertEqual(cloud.environment / 'bin' / name, program)
        self.events.append(f'{words} ({cloud.release})')
        if words in self.failing:
            raise subprocess.CalledProcessError(
                self.failing[words], [name], 'a table\n', 'its reason\n')

    def listening(self, port):
        name, = (name for name, one in boot.programs(
            deployment.load(self.state)).items()
            if one.listener and self.cloud.ports[one.listener] == port)
        return name in self.supervisor.running

    def heard(self, admin, binary, host, moment):
        self.events.append(f'heard {binary} {host}')
        return True

    def compute_services(self, admin):
        return [{'host': host, 'forced_down': host in self.forced_down}
                for host in self.cloud.hosts]

    def upgrade(self, *keep):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            lifecycle.upgrade(deployment.load(self.state), '2026.2', keep)
        return printed.getvalue()

    def fail_to_upgrade(self, *keep):
        with contextlib.redirect_stdout(io.StringIO()):
            return str(self.assertRaises(errors.StepFailed, self.upgrade,
                                         *keep))

    def names_of(self, release):
        """Return the names of the processes that run with a release."""
        return {name for name in self.supervisor.running
                if f'/environments/{release}/'
                in self.supervisor.commands[name]}

    def sections_of_nova(self):
        """Return the sections of the new release's nova.conf."""
        new = dataclasses.replace(self.cloud, release='2026.2')
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(new.etc / 'nova' / 'nova.conf')
        return parser.sections()


class OrderTest(UpgradesTest):

    def assert_in_order(self, *events):
        places = [self.events.index(event) for event in events]
        self.assertEqual(sorted(places), places, f'{events} of {self.events}')

    def test_tables_come_before_a_restart_and_old_tables_go_after_it(self):
        self.upgrade()
        self.assert_in_order(
            'placement-status upgrade check (2026.2)',
            'placement-manage db sync (2026.2)', 'stop placement-api',
            'start placement-api',
            'placement-manage db online_data_migrations (2026.2)',
            'keystone-manage db_sync --expand (2026.2)', 'stop keystone',
            'start keystone', 'keystone-manage db_sync --contract (2026.2)',
            'glance-manage db expand (2026.2)',
            'glance-manage db migrate (2026.2)', 'stop glance-api',
            'start glance-api', 'glance-manage db contract (2026.2)',
            'cinder-manage db sync (2026.2)', 'stop cinder-scheduler',
            'start cinder-scheduler',
            'cinder-manage db online_data_migrations (2026.2)',
            'neutron-db-manage upgrade --expand (2026.2)', 'stop neutron-api',
            'neutron-db-manage upgrade --contract (2026.2)',
            'start neutron-api', 'nova-status upgrade check (2026.2)',
            'nova-manage api_db sync (2026.2)', 'nova-manage db sync (2026.2)',
            'stop nova-api', 'start nova-api',
            'stop nova-compute-compute1', 'start nova-compute-compute1',
            'heard nova-compute compute1', 'stop nova-compute-compute2',
            'start nova-compute-compute2', 'heard nova-compute compute2',
            'stop nova-compute-compute3', 'start nova-compute-compute3',
            'heard nova-compute compute3',
            'nova-manage db online_data_migrations (2026.2)')

    def test_the_control_plane_starts_first_and_last(self):
        """At first it speaks as the oldest compute does."""
        self.upgrade()
        starts = [event for event in self.events
                  if event.startswith('start nova-')]
        control = [f'start {name}' for name in upgrades._NOVA]
        computes = [f'start nova-compute-{host}' for host in self.cloud.hosts]
        self.assertEqual(2 * (control + computes), starts)

    def test_nothing_but_openstack_is_restarted(self):
        self.upgrade()
        stopped = {event.split()[1] for event in self.events
                   if event.startswith('stop ')}
        self.assertEqual(
            {name for name, program in boot.programs(self.cloud).items()
             if '/environments/' in program.command[0]}, stopped)

    def test_afterwards_the_cloud_is_as_one_of_the_new_release(self):
        self.assertRegex(self.upgrade(), r'OpenStack 2026\.2 after [\d.]+ s\n')
        cloud = deployment.load(self.state)
        self.assertEqual(('2026.2', None), (cloud.release, cloud.upgrade))
        fresh = boot.programs(dataclasses.replace(self.cloud,
                                                  release='2026.2'))
        self.assertEqual(fresh, boot.programs(cloud))
        self.assertEqual(fresh.keys(), self.supervisor.running)
        self.assertEqual(set(), self.names_of('2026.1'))
        self.assertNotIn('upgrade_levels', self.sections_of_nova())
        self.assertIn('\nmax_microversion = 2.101\n', (
            cloud.tempest / 'etc' / 'tempest.conf').read_text())
        error = self.assertRaises(errors.BadInput, self.upgrade)
        self.assertEqual('The cloud has OpenStack 2026.2 already', str(error))


class KeptTest(UpgradesTest):

    def test_kept_computes_stay_old_and_all_else_is_new(self):
        before = {path: path.read_text() for path in (
            self.cloud.etc / 'nova').iterdir()}
        printed = self.upgrade('compute1', 'compute3')
        self.assertIn('2026.1 on compute1, compute3: "upgrade --to 2026.2" '
                      'ends the upgrade', printed)
        self.assertEqual({'nova-compute-compute1', 'nova-compute-compute3'},
                         self.names_of('2026.1'))
        self.assertIn('nova-compute-compute2', self.names_of('2026.2'))
        for name in ('compute1', 'compute3'):
            self.assertNotIn(f'stop nova-compute-{name}', self.events)
        # A kept compute that starts again reads what it has always read.
        self.assertEqual([], [path for path, text in before.items()
                              if path.read_text() != text])
        self.assertIn('upgrade_levels', self.sections_of_nova())
        self.assertNotIn('nova-manage db online_data_migrations (2026.2)',
                         self.events)
        self.assertEqual('2026.1', deployment.load(self.state).release)

    def test_no_fork_server_forks_for_another_release(self):
        self.upgrade('compute1')
        programs = boot.programs(deployment.load(self.state))
        sockets = {program.socket for name, program in programs.items()
                   if name.startswith(forkservers.LIBRARIES)}
        for name, program in programs.items():
            self.assertEqual(
                name != 'nova-compute-compute1' and bool(program.forked_by),
                program.forked_by in sockets, name)
        self.assertNotIn(forkservers.NOVA_EVENTLET, programs)
        self.assertNotIn(forkservers.NOVA_EVENTLET, self.supervisor.commands)

    def test_one_kept_compute_is_no_target(self):
        """Nova lifts forced_down only if an old compute is not forced down."""
        old = ('compute3', 'compute2')
        for keep, down, targets in (
                (old, {'compute2'}, 'compute1,compute2'),
                (old, set(), 'compute1,compute3'),
                (old[:1], set(), 'compute1,compute2'),
                ((), set(), 'compute1,compute2,compute3')):
            self.forced_down = down
            self.upgrade(*keep)
            parser = configparser.RawConfigParser(strict=False)
            parser.read(self.cloud.tempest / 'etc' / 'tempest.conf')
            self.assertEqual(targets, parser['local_delete']['target_hosts'])

    def test_a_later_upgrade_takes_the_kept_computes(self):
        self.upgrade('compute1', 'compute3')
        self.events.clear()
        self.upgrade('compute3')
        self.assertEqual({'nova-compute-compute3'}, self.names_of('2026.1'))
        self.upgrade('compute3')
        self.assertEqual(['stop nova-compute-compute1',
                          'start nova-compute-compute1',
                          'heard nova-compute compute1'], self.events)
        self.upgrade()
        self.assertEqual(set(), self.names_of('2026.1'))
        self.assertEqual('nova-manage db online_data_migrations (2026.2)',
                         self.events[-1])
        self.assertEqual('2026.2', deployment.load(self.state).release)


class FailureTest(UpgradesTest):

    def test_a_failed_step_is_named_with_its_log(self):
        self.failing['glance-manage db expand'] = 1
        message = self.fail_to_upgrade()
        log = self.cloud.logs / 'upgrade-glance-tables.log'
        self.assertEqual(
            f'glance tables: glance-manage ended with 1. The end of {log}:\n'
            f'a table\nits reason\nThe upgrade has stopped there. All logs '
            f'are in {self.cloud.logs}. "upgrade --to 2026.2" goes on with '
            f'that step.', message)
        self.assertEqual('a table\nits reason\n', log.read_text())
        self.assertNotIn('stop glance-api', self.events)
        self.assertEqual({*boot.programs(deployment.load(self.state))},
                         self.supervisor.running)

    def test_the_next_upgrade_goes_on_with_the_failed_step(self):
        for failing, after in (
                ('keystone-manage db_sync --expand', 'keystone tables'),
                # neutron-api is stopped by then.
                ('neutron-db-manage upgrade --contract', 'neutron'),
                ('nova-manage db online_data_migrations', 'nova data')):
            self.events.clear()
            self.failing = {failing: 2}
            self.assertIn(f'{after}: ', self.fail_to_upgrade())
            last = self.events[-1]
            self.assertEqual(f'{failing} (2026.2)', last)
            done = deployment.load(self.state).upgrade.done
            self.assertNotIn(after, done)
            before = self.events[:]
        self.failing = {}
        self.upgrade()
        self.assertEqual([last], self.events[len(before):])
        self.assertEqual('2026.2', deployment.load(self.state).release)

    def test_a_process_that_does_not_start_is_started_by_the_next(self):
        with mock.patch.object(self.supervisor, 'startProcess',
                               autospec=True):
            message = self.fail_to_upgrade()
        self.assertIn('placement: placement-api ended; see placement-api.log',
                      message)
        self.upgrade()
        self.assertEqual(set(), self.names_of('2026.1'))

    def test_a_process_is_never_started_with_the_wrong_release(self):
        """Somebody may start it while the upgrade has stopped."""
        with mock.patch('allinone.boot.Boot.prove', autospec=True,
                        side_effect=errors.StepFailed('late')):
            self.fail_to_upgrade()
        self.assertIn('placement-api', self.names_of('2026.2'))
        self.assertIn('keystone', self.names_of('2026.1'))
        programs = boot.programs(deployment.load(self.state))
        for name, command in self.supervisor.commands.items():
            self.assertEqual(supervision._command(
                self.cloud, programs[name]), command)

    def test_a_stop_under_way_is_waited_for(self):
        """The supervisor lets no process go that has not ended."""
        self.failing['placement-manage db sync'] = 1
        self.fail_to_upgrade()
        self.failing = {}
        self.supervisor.running.remove('placement-api')
        asked = self.supervisor.getAllProcessInfo
        states = ['STOPPING', 'STOPPING', 'STOPPING', 'EXITED']

        def tell():
            state = states.pop(0) if states[1:] else states[0]
            return [dict(one, statename=state)
                    if one['statename'] == 'EXITED' else one
                    for one in asked()]

        def remove(name, *, do=self.supervisor.removeProcessGroup):
            self.assertEqual(['EXITED'], states, f'{name} still ends')
            do(name)

        self.supervisor.getAllProcessInfo = tell
        self.supervisor.removeProcessGroup = remove
        self.upgrade()

    def test_a_check_may_warn(self):
        for name in ('placement-status upgrade check',
                     'nova-status upgrade check'):
            self.failing[name] = 2
            self.assertIn('-status ended with 2. ', self.fail_to_upgrade())
            self.failing[name] = 1
        self.upgrade()

    def test_a_program_that_is_missing_is_a_failed_step(self):
        with mock.patch('allinone.commands.run', autospec=True,
                        side_effect=FileNotFoundError(2, 'No file', 'x')):
            self.assertIn('placement check: [Errno 2] No file',
                          self.fail_to_upgrade())


class BeginTest(UpgradesTest):

    def assert_refused(self, line, to, *keep):
        before = (self.state / 'deployment.json').read_text()
        error = self.assertRaises(
            errors.BadInput, lifecycle.upgrade,
            deployment.load(self.state), to, keep)
        self.assertEqual(line, str(error))
        self.assertEqual(before, (self.state / 'deployment.json').read_text())
        self.assertEqual([], self.events)

    def test_release_that_is_not_there(self):
        line = ('There is no release 2024.1: give --to 2025.1, 2025.2, '
                '2026.1 or 2026.2')
        self.assert_refused(line, '2024.1')
        self.upgrade('compute1')
        self.events.clear()
        self.assert_refused(line, '2024.1')

    def test_release_that_is_no_later_one(self):
        self.assert_refused('The cloud has OpenStack 2026.1 already', '2026.1')

    def test_another_upgrade_has_begun(self):
        self.upgrade('compute1')
        self.events.clear()
        self.assert_refused('The upgrade to 2026.2 has not ended: give --to '
                            '2026.2', '2026.1')

    def test_unknown_compute(self):
        self.assert_refused(
            'No compute is called compute9; there are: compute1, compute2, '
            'compute3', '2026.2', 'compute1', 'compute9')

    def test_a_compute_that_is_new_already(self):
        self.upgrade('compute1')
        self.events.clear()
        self.assert_refused('compute2 cannot be kept: the release there is '
                            '2026.2 already', '2026.2', 'compute1', 'compute2')

    def test_a_cloud_of_which_a_part_does_not_run(self):
        self.supervisor.running -= {'keystone', 'nova-compute-compute2'}
        self.assert_refused('Not running: keystone, nova-compute-compute2; '
                            'run "up" first', '2026.2')

    def test_python_that_the_new_release_does_not_support(self):
        with mock.patch('allinone.prechecks.run_for_upgrade', autospec=True,
                        side_effect=errors.BadInput('too old')) as run:
            self.assert_refused('too old', '2026.2')
        self.assertEqual('2026.2', run.call_args.args[0].release)
