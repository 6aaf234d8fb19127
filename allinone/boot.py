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

"""All steps of a boot, and their order."""

import collections.abc
import dataclasses
import functools
import threading
import typing

from allinone import api
from allinone import checks
from allinone import databases
from allinone import deployment
from allinone import environment
from allinone import errors
from allinone import files
from allinone import guest
from allinone import programs as process
from allinone import readiness
from allinone import resources
from allinone.services import cinder
from allinone.services import forkservers
from allinone.services import frontend
from allinone.services import glance
from allinone.services import keystone
from allinone.services import mariadb
from allinone.services import neutron
from allinone.services import nova
from allinone.services import ovn
from allinone.services import placement
from allinone.services import qemu
from allinone.services import rabbitmq
from allinone.services import tls
from allinone import steps
from allinone import supervision
from allinone import workspace

SERVICES = (forkservers, mariadb, rabbitmq, ovn, tls, frontend, keystone,
            placement, glance, neutron, qemu, nova, cinder)

# Seconds. A busy machine takes several times as long as an idle machine.
_LIMIT = 180

#: {what proves that the whole cloud is there: its check}.
READY = {'conductor up': checks.conductor_up,
         'chassis alive': checks.chassis_alive,
         'computes up': checks.computes_up,
         'inventories': checks.providers_filled,
         'bandwidth': checks.bandwidth_offered,
         'glance': checks.glance_answers,
         'volumes': checks.volumes_served,
         'placement known': checks.placement_known}


def programs(cloud: deployment.Deployment) -> dict[str, process.Program]:
    """Return {name: process} of the whole cloud, each of its own release."""
    found = _of_one_release(cloud)
    if not cloud.upgrade:
        return found
    new = _of_one_release(
        dataclasses.replace(cloud, release=cloud.upgrade.to))
    moved = cloud.upgrade.moved
    found.update((name, program) for name, program in new.items()
                 if name in moved)
    # The new release may have fewer fork servers.
    return {name: program for name, program in found.items()
            if name in new or name not in moved}


def _of_one_release(cloud):
    return {program.name: program for service in SERVICES
            for program in service.processes(cloud)}


class Boot:
    """One boot of a deployment.

    :param report: called as each step ends
    """

    def __init__(self, cloud: deployment.Deployment,
                 report: steps.Report = lambda name, seconds: None) -> None:
        self.cloud = cloud
        self.admin = api.Admin(cloud)
        self._report = report
        self._programs = programs(cloud)
        self._made: dict[str, typing.Any] = {}
        self._aborted = threading.Event()

    def run(self) -> None:
        """Do all steps.

        :raises StepFailed: a step failed; all processes are left as they are
        """
        steps.run(self._steps(), self._report, self._aborted.set)

    def repair(self) -> list[str]:
        """Start each process that does not run, and prove that all works.

        :returns: The names of the processes that were started.
        :raises StepFailed: the cloud does not work
        """
        missing = self.start_missing()
        self.prove(*READY)
        return missing

    def prove(self, *proofs: str) -> None:
        """Wait until the cloud works.

        :param proofs: names of READY
        :raises StepFailed: the cloud does not work
        """
        try:
            for what in proofs:
                self._wait(what)
        except errors.StepFailed as error:
            raise errors.StepFailed('; '.join(
                [str(error), *(checks.forced_down(self.admin) or ())]))

    def wait_for(self, name: str, what: str,
                 ready: collections.abc.Callable[[], bool]) -> None:
        """Wait for something of a process, as long as the process runs.

        :param name: name of the process
        :param what: what is awaited, for the message of the error
        :param ready: asked again and again
        :raises StepFailed: the process ends, or the limit has passed
        """
        self._wait(f'{what} of {name}', lambda: (
            ready() or self._check_alive(self._programs[name])))

    def start_missing(self) -> list[str]:
        """Start each process that does not run, until it can be spoken to.

        :returns: The names of the processes that were started.
        :raises StepFailed: a process ends, or cannot be spoken to
        """
        return self.start(self._programs)

    def start(self, names: collections.abc.Iterable[str]) -> list[str]:
        """Start processes, unless they run, until they can be spoken to.

        :param names: names of the processes
        :returns: The names of the processes that were started.
        :raises StepFailed: a process ends, or cannot be spoken to
        """
        info = supervision.info(self.cloud.state)
        missing = [name for name in names
                   if info[name]['statename'] != 'RUNNING']
        self._start(*missing)
        # Another command may have started the others a moment ago.
        for name in names:
            self._wait_until_ready(self._programs[name])
        return missing

    # -- pieces of steps

    def _start(self, *names):
        """Start processes, and wait until each can be spoken to."""
        supervisor = supervision.client(self.cloud.state)
        for name in names:
            self._wait_until_free(self._programs[name])
            supervisor.startProcess(name, False)
        for name in names:
            self._wait_until_ready(self._programs[name])

    def _wait_until_free(self, program):
        # A stop that is still under way would end the new process, too.
        self._wait(f'the end of {program.name}', lambda: supervision.info(
            self.cloud.state)[program.name]['statename'] != 'STOPPING')
        # The workers of a killed process may still hold its port when the
        # supervisor takes the process for dead.
        if program.listener:
            port = self.cloud.ports[program.listener]
            self._wait(f'port {port} to be free for {program.name}',
                       lambda: not readiness.listening(port))

    def _wait_until_ready(self, program):
        if program.listener:
            port = self.cloud.ports[program.listener]
            self.wait_for(program.name, f'port {port}',
                          lambda: readiness.listening(port))
        if program.socket:
            self.wait_for(program.name, 'the socket',
                          lambda: readiness.accepting(program.socket))

    def _check_alive(self, program):
        info = supervision.info(self.cloud.state)[program.name]
        if info['statename'] != 'RUNNING':
            raise errors.StepFailed(
                f'{program.name} ended; see {info["stdout_logfile"]}')

    def _wait(self, what, ready=None):
        """Wait for one of READY, or for what ``ready`` tells.

        :raises StepFailed: the limit has passed, or another step failed
        """
        ready = ready or functools.partial(READY[what], self.admin)
        readiness.wait(what, lambda: ready() or self._check_aborted(), _LIMIT)

    def _check_aborted(self):
        if self._aborted.is_set():
            raise errors.StepFailed('given up, since another step failed')

    def _configure(self):
        for service in SERVICES:
            service.configure(self.cloud)
        supervision.configure(self.cloud, self._programs.values())

    def _install(self):
        files.link(self.cloud.environment, environment.provide(self.cloud))

    def _provide_databases(self):
        def stop():
            supervision.client(self.cloud.state).stopProcess('mariadb')
        self._made['password'] = databases.provide(
            self.cloud, lambda: self._start('mariadb'), stop, self._report)

    def _offer_bandwidth(self):
        ovn.offer_bandwidth(self.cloud)
        self._wait('bandwidth')

    def _make_images(self, admin):
        return resources.images(
            admin, guest.provide(self.cloud) if self.cloud.qemu else None)

    def _write_workspace(self):
        workspace.configure(self.cloud, resources.Resources(
            self._made['images'], self._made['flavors'],
            self._made['network'], self._made['compute version'],
            self._made['placement version'],
            self._made['volume version']))

    # -- the steps, in their order

    def _steps(self):
        return (*self._base(), *self._control(), *self._contents(),
                *self._hypervisor())

    def _base(self):
        """Return the steps before any code of OpenStack runs."""
        step, start = steps.Step, self._starting
        return (
            step('configuration', self._configure),
            step('environment', self._install),
            step('supervisor',
                 lambda: supervision.start(self.cloud.state),
                 ('configuration',)),
            step('fork servers', start(forkservers.LIBRARIES,
                                       forkservers.EVENTLET),
                 ('supervisor', 'environment')),
            step('fork servers of nova',
                 start(*forkservers.all_of_nova(self.cloud)),
                 ('fork servers',)),
            step('rabbitmq', start('epmd', 'rabbitmq'), ('supervisor',)),
            step('databases', self._provide_databases,
                 ('supervisor', 'environment')),
            step('ovn databases', start('ovn-nb', 'ovn-sb', 'ovs-db'),
                 ('supervisor',)),
            step('ovn', start('ovn-northd', 'ovs-vswitchd'),
                 ('ovn databases',)),
            step('chassis settings',
                 lambda: ovn.configure_chassis(self.cloud),
                 ('ovn databases',)),
            step('chassis', start(*(f'ovn-controller-{host}'
                                    for host in self.cloud.fake_hosts)),
                 ('chassis settings', 'ovn')),
        )

    def _control(self):
        """Return the steps that start OpenStack."""
        step, start = steps.Step, self._starting
        before = [program.name for service in (tls, frontend)
                  for program in service.processes(self.cloud)]
        return (
            step('keystone', start('keystone', *before),
                 ('databases', 'fork servers')),
            step('admin', lambda: api.take_over(
                self.cloud, self._made['password']), ('keystone',)),
            step('catalog', lambda: api.register(self.cloud, self.admin),
                 ('admin',)),
            step('placement', start(*(
                program.name for program in placement.processes(self.cloud))),
                ('keystone',)),
            step('glance', start('glance-api'), ('keystone',)),
            # Neutron keeps the first catalog that it gets, and never finds a
            # Placement that is not in there.
            step('neutron', start('neutron-api'), ('catalog', 'ovn')),
            # These end at once if the catalog does not have Placement.
            step('nova control', start('nova-conductor', 'nova-scheduler'),
                 ('catalog', 'placement', 'rabbitmq',
                  'fork servers of nova')),
            step('nova-api', start('nova-api'),
                 ('catalog', 'rabbitmq', 'fork servers of nova')),
            step('cinder', start('cinder-api', 'cinder-scheduler',
                                 'cinder-volume'), ('catalog', 'rabbitmq')),
            # nova-api answers 500 if its first two requests load its policy
            # at one moment. So the flavors come first, and alone.
            step('conductor up', self._awaiting('conductor up'),
                 ('nova control', 'flavors')),
            # A compute that finds no conductor asks again after 10 s.
            step('computes', start(*(f'nova-compute-{host}'
                                     for host in self.cloud.fake_hosts)),
                 ('conductor up',)),
        )

    def _contents(self):
        """Return the steps that make resources, and prove that all works."""
        step, make = steps.Step, self._making
        return (
            step('images', make('images', self._make_images),
                 ('glance', 'catalog')),
            step('flavors', make('flavors', resources.flavors),
                 ('nova-api', 'catalog')),
            step('compute version', make(
                'compute version', resources.compute_microversion),
                ('nova-api', 'catalog')),
            step('placement version', make(
                'placement version', resources.placement_microversion),
                ('placement', 'catalog')),
            step('volume version', make(
                'volume version', resources.volume_microversion),
                ('volumes',)),
            step('network', make('network', resources.public_network),
                 ('neutron', 'catalog')),
            step('members',
                 lambda: resources.members(self.cloud, self.admin),
                 ('catalog',)),
            step('tempest', self._write_workspace,
                 ('images', 'flavors', 'network', 'compute version',
                  'placement version', 'volume version')),
            step('volumes', self._awaiting('volumes'), ('cinder',)),
            step('chassis alive', self._awaiting('chassis alive'),
                 ('chassis', 'network')),
            step('computes up', self._awaiting('computes up'),
                 ('computes', 'flavors')),
            step('placement known', self._awaiting('placement known'),
                 ('images', 'flavors', 'placement')),
            step('inventories', self._awaiting('inventories'),
                 ('computes', 'placement version')),
            step('bandwidth', self._offer_bandwidth,
                 ('inventories', 'chassis alive')),
        )

    def _hypervisor(self):
        """Return the steps of the compute with a real hypervisor."""
        if not self.cloud.qemu:
            return ()
        step, start, host = steps.Step, self._starting, deployment.QEMU
        return (
            step('guest', lambda: guest.provide(self.cloud)),
            step('libvirt binding', lambda: qemu.provide_binding(self.cloud),
                 ('configuration',)),
            step('qemu host', start('qemu-host', 'qemu-ovs-db'),
                 ('supervisor',)),
            step('qemu chassis settings',
                 lambda: qemu.configure_chassis(self.cloud), ('qemu host',)),
            step('libvirt', start('qemu-ovs-vswitchd',
                                  f'ovn-controller-{host}', 'libvirtd'),
                 ('qemu chassis settings', 'ovn databases')),
            step('emulator', lambda: qemu.probe(self.cloud), ('libvirt',)),
            step('qemu compute', start(f'nova-compute-{host}'),
                 ('conductor up', 'libvirt', 'libvirt binding')),
        )

    def _starting(self, *names):
        return lambda: self._start(*names)

    def _awaiting(self, what):
        return lambda: self._wait(what)

    def _making(self, name, make):
        def action():
            self._made[name] = make(self.admin)
        return action
