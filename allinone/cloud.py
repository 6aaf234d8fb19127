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

"""The recipe: what is started, in which order, and what may run at once."""

import os
import subprocess
import threading

from allinone import api
from allinone import checks
from allinone import deployment
from allinone import environment
from allinone import files
from allinone import readiness
from allinone import resources
from allinone.services import glance
from allinone.services import keystone
from allinone.services import mariadb
from allinone.services import neutron
from allinone.services import nova
from allinone.services import ovn
from allinone.services import placement
from allinone.services import rabbitmq
from allinone import steps
from allinone import supervision
from allinone import workspace

SERVICES = (mariadb, rabbitmq, ovn, keystone, placement, glance, neutron,
            nova)

# Seconds; generous, since a busy machine may take several times as long as
# an idle one.
_LIMIT = 180


def programs(cloud):
    """Every process of the cloud."""
    return tuple(program for service in SERVICES
                 for program in service.processes(cloud))


class Boot:
    """One boot of a deployment: its steps, and what they pass on."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.admin = api.Admin(cloud)
        self._programs = {one.name: one for one in programs(cloud)}
        self._made = {}
        self._lock = threading.Lock()

    # -- pieces of steps

    def _start(self, *names):
        """Return an action that starts processes, and waits for ports."""
        def action():
            for name in names:
                with self._lock:
                    supervision.client(self.cloud.state).startProcess(
                        name, False)
            for name in names:
                self._wait_until_ready(self._programs[name])
        return action

    def _wait_until_ready(self, program):
        def wait(what, ready):
            readiness.wait(f'{what} of {program.name}', ready, _LIMIT,
                           lambda: self._alive(program.name))
        if program.listener:
            port = self.cloud.ports[program.listener]
            wait(f'port {port}', lambda: readiness.listening(port))
        if program.socket:
            wait('the socket', program.socket.exists)

    def _alive(self, name):
        info = supervision.info(self.cloud.state)[name]
        return info['statename'] == 'RUNNING'

    def _make(self, name, make):
        def action():
            self._made[name] = make(self.admin)
        return action

    def _wait(self, what, check):
        return lambda: readiness.wait(
            what, lambda: check(self.admin), _LIMIT)

    # -- the recipe

    def configure(self):
        for service in SERVICES:
            service.configure(self.cloud)
        supervision.configure(self.cloud, programs(self.cloud))

    def install(self):
        path = environment.provide()
        self.cloud.environment.unlink(missing_ok=True)
        self.cloud.environment.symlink_to(path)
        for service in (glance, neutron, nova):
            service.configure_paste(self.cloud)

    def initialise(self):
        mariadb.initialise(self.cloud.data / 'mariadb')
        if self.cloud.uid is not None:
            subprocess.run(['chown', '-R', f'{self.cloud.uid}',
                            self.cloud.data / 'mariadb'], check=True)

    def workspace(self):
        made = self._made
        workspace.configure(self.cloud, resources.Resources(
            made['images'], made['flavors'], made['network'],
            made['compute version'], made['placement version']))

    def steps(self):
        cloud, step, start = self.cloud, steps.Step, self._start
        chassis = [f'ovn-controller-{host}' for host in deployment.COMPUTES]
        computes = [f'nova-compute-{host}' for host in deployment.COMPUTES]
        return (
            step('configuration', self.configure),
            step('environment', self.install, ('configuration',)),
            step('supervisor', lambda: supervision.start(cloud.state),
                 ('configuration',)),
            step('rabbitmq', start('epmd', 'rabbitmq'), ('supervisor',)),
            step('datadir', self.initialise, ('configuration',)),
            step('mariadb', start('mariadb'), ('supervisor', 'datadir')),
            step('ovn databases', start('ovn-nb', 'ovn-sb', 'ovs-db'),
                 ('supervisor',)),
            step('ovn', start('ovn-northd', 'ovs-vswitchd'),
                 ('ovn databases',)),
            step('chassis settings', lambda: ovn.configure_chassis(cloud),
                 ('ovn databases',)),
            step('chassis', start(*chassis), ('chassis settings', 'ovn')),
            step('keystone tables', lambda: keystone.sync(cloud),
                 ('mariadb', 'environment')),
            step('placement tables', lambda: placement.sync(cloud),
                 ('mariadb', 'environment')),
            step('glance tables', lambda: glance.sync(cloud),
                 ('mariadb', 'environment')),
            step('neutron tables', lambda: neutron.sync(cloud),
                 ('mariadb', 'environment')),
            step('nova api tables', lambda: nova.sync_api(cloud),
                 ('mariadb', 'environment')),
            step('nova cell tables', lambda: nova.sync_cells(cloud),
                 ('nova api tables',)),
            step('admin', lambda: keystone.bootstrap(cloud),
                 ('keystone tables',)),
            step('keystone', start('keystone'), ('admin',)),
            step('catalog', lambda: api.register(cloud, self.admin),
                 ('keystone',)),
            step('placement', start('placement-api', 'placement-proxy'),
                 ('placement tables', 'catalog')),
            step('glance', start('glance-api'), ('glance tables',)),
            step('neutron', start('neutron-api'),
                 ('neutron tables', 'ovn', 'rabbitmq')),
            step('nova-api', start('nova-api'),
                 ('nova cell tables', 'rabbitmq')),
            step('nova control', start('nova-conductor', 'nova-scheduler'),
                 ('nova cell tables', 'rabbitmq')),
            step('computes', start(*computes),
                 ('nova control', 'placement')),
            step('images', self._make('images', resources.images),
                 ('glance', 'catalog')),
            step('flavors', self._make('flavors', resources.flavors),
                 ('nova-api', 'catalog')),
            step('compute version', self._make(
                'compute version', resources.compute_microversion),
                ('nova-api', 'catalog')),
            step('placement version', self._make(
                'placement version', resources.placement_microversion),
                ('placement', 'catalog')),
            step('network', self._make('network', resources.public_network),
                 ('neutron', 'catalog')),
            step('members', lambda: resources.members(cloud, self.admin),
                 ('catalog',)),
            step('tempest', self.workspace,
                 ('images', 'flavors', 'network', 'compute version',
                  'placement version')),
            step('chassis alive', self._wait(
                'a live chassis for every compute', checks.chassis_alive),
                ('chassis', 'neutron', 'catalog')),
            step('computes up', self._wait(
                'every compute up', checks.computes_up),
                ('computes', 'nova-api', 'catalog')),
            step('inventories', self._wait(
                'the inventory of every compute', checks.providers_filled),
                ('computes',)),
        )


def boot(cloud, report):
    """Boot the cloud from nothing.

    :raises StepFailed: a step failed; what runs is left running
    """
    files.directory(cloud.state)
    deployment.save(cloud)
    if cloud.uid is not None:
        os.chmod(cloud.state, 0o711)
    steps.run(Boot(cloud).steps(), report)
