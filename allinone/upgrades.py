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
"""All steps of an upgrade, and their order.

The order is that of the upgrade guides of the services. The new environment
and the new configuration lie beside the old ones. So a process stays old until
it is restarted, and nothing has to be undone when a step fails. Each step can
be done again.
"""

import collections.abc
import dataclasses
import datetime
import functools
import subprocess
import xmlrpc.client

from allinone import api
from allinone import boot
from allinone import checks
from allinone import commands
from allinone import deployment
from allinone import environment
from allinone import errors
from allinone import files
from allinone import prechecks
from allinone import release
from allinone import resources
from allinone.services import cinder
from allinone.services import forkservers
from allinone.services import glance
from allinone.services import keystone
from allinone.services import neutron
from allinone.services import nova
from allinone.services import placement
from allinone.services import qemu
from allinone import steps
from allinone import supervision
from allinone import workspace

# Of the output of a command that failed, so many are shown.
_LINES = 10

# In the order in which the guides of Nova and Cinder start them.
_NOVA = ('nova-conductor', 'nova-scheduler', 'nova-api')
_CINDER = ('cinder-scheduler', 'cinder-volume', 'cinder-api')

# The services of OpenStack. The upgrade leaves all others alone.
_SERVICES = (forkservers, keystone, placement, glance, cinder, neutron, nova)


def begin(cloud: deployment.Deployment, to: str,
          keep: collections.abc.Collection[str] = ()) -> 'Upgrade':
    """Return an upgrade that may begin or go on, and change nothing.

    :param to: name of the release
    :param keep: hosts whose computes keep the old release for now
    :raises BadInput: the cloud has no such upgrade
    """
    if not cloud.upgrade:
        release.check_upgrade(cloud.release, to)
    elif release.get(to, '--to').name != cloud.upgrade.to:
        raise errors.BadInput(f'The upgrade to {cloud.upgrade.to} has not '
                              f'ended: give --to {cloud.upgrade.to}')
    unknown = [host for host in keep if host not in cloud.hosts]
    if unknown:
        raise errors.BadInput(f'No compute is called {", ".join(unknown)}; '
                              f'there are: {", ".join(cloud.hosts)}')
    progress = cloud.upgrade or deployment.Progress(to)
    late = [host for host in keep if _compute(host) in progress.moved]
    if late:
        raise errors.BadInput(f'{", ".join(late)} cannot be kept: the release '
                              f'there is {to} already')
    prechecks.run_for_upgrade(dataclasses.replace(cloud, release=to))
    if not cloud.upgrade:
        _require_all(cloud)
    return Upgrade(cloud, progress, keep)


def _require_all(cloud):
    away = [name for name, one in supervision.info(cloud.state).items()
            if one['statename'] != 'RUNNING']
    if away:
        raise errors.BadInput(f'Not running: {", ".join(away)}; run "up" '
                              f'first')


def _compute(host):
    return f'nova-compute-{host}'


class Upgrade:
    """An upgrade of one cloud.

    :param progress: the steps that are done
    :param keep: hosts whose computes keep the old release for now
    """

    def __init__(self, cloud: deployment.Deployment,
                 progress: deployment.Progress,
                 keep: collections.abc.Collection[str] = ()) -> None:
        self.cloud = dataclasses.replace(cloud, upgrade=progress)
        self._progress = progress
        self._keep = keep
        # The deployment, with the release that the upgrade leads to.
        self._new = dataclasses.replace(self.cloud, release=progress.to)

    def run(self, report: steps.Report) -> None:
        """Do the steps that are left, one after the other.

        Without computes that are kept, the upgrade ends.

        :param report: called as each step begins, and as it ends
        :raises StepFailed: a step failed; those before it are recorded
        """
        left: list[steps.Step] = []
        previous: tuple[str, ...] = ()
        for name, action in self._plan():
            if name not in self._progress.done:
                left.append(steps.Step(name, functools.partial(
                    self._do, name, action), previous))
                previous = (name,)
        steps.run([*left, steps.Step('whole cloud', self._prove, previous)],
                  report)
        self._spare_an_old_compute()
        if not self._keep:
            deployment.save(dataclasses.replace(self._new, upgrade=None))

    def _spare_an_old_compute(self):
        """Let no scenario take down one of the computes that stay old.

        Nova lifts forced_down only if an old compute is not forced down.
        """
        spared = [one['host'] for one
                  in api.compute_services(api.Admin(self.cloud))
                  if one['host'] in self._keep and not one['forced_down']][:1]
        workspace.set_target_hosts(self.cloud, [
            host for host in self.cloud.hosts if host not in spared])

    # -- the steps, in their order

    def _plan(self):
        return (*self._base(), *self._before_nova(), *self._nova(),
                *(() if self._keep else self._end()))

    def _base(self):
        """Return the steps before any service is upgraded."""
        return (('environment', self._install),
                ('configuration', self._configure),
                ('fork servers', self._replace_fork_servers))

    def _before_nova(self):
        """Return the steps of the services that Nova needs."""
        run, restart = self._running, self._restarting
        return (
            ('placement check', self._checking(placement.CHECK)),
            ('placement tables', run(placement.SYNC)),
            ('placement', restart('inventories', 'placement-api')),
            ('placement data', run(placement.DATA)),
            ('keystone tables', run(keystone.EXPAND)),
            ('keystone', restart('glance', 'keystone')),
            ('keystone old tables', run(keystone.CONTRACT)),
            ('glance tables', run(glance.EXPAND, glance.MIGRATE)),
            ('glance', restart('glance', 'glance-api')),
            ('glance old tables', run(glance.CONTRACT)),
            ('cinder tables', run(cinder.SYNC)),
            ('cinder', restart('volumes', *_CINDER)),
            # As each started, the others were still known as old. So they
            # speak as old services do until they start again.
            ('cinder again', restart('volumes', *_CINDER)),
            ('cinder data', run(cinder.DATA)),
            ('neutron tables', run(neutron.EXPAND)),
            ('neutron', restart('chassis alive', 'neutron-api',
                                between=run(neutron.CONTRACT))),
        )

    def _nova(self):
        """Return the steps of Nova, which may leave computes old."""
        return (
            ('nova check', self._checking(nova.CHECK)),
            ('nova tables', self._running(nova.SYNC_API, nova.SYNC)),
            ('nova', lambda: self._restart_nova(*_NOVA)),
            ('tempest.conf', self._set_microversions),
            *((_compute(host), functools.partial(
                self._restart_nova, _compute(host)))
              for host in self.cloud.hosts if host not in self._keep),
        )

    def _end(self):
        """Return the steps once all computes are new."""
        return (('nova again', self._unpin_nova),
                ('nova data', self._running(nova.DATA)))

    # -- pieces of steps

    def _do(self, name, action):
        """Do a step, and record that it is done."""
        try:
            action()
        except subprocess.CalledProcessError as error:
            log = self.cloud.logs / f'upgrade-{name.replace(" ", "-")}.log'
            lines = (error.stdout + error.stderr).splitlines()
            files.write(log, '\n'.join((*lines, '')))
            raise errors.StepFailed('\n'.join((
                f'{error.cmd[0]} ended with {error.returncode}. The end of '
                f'{log}:', *lines[-_LINES:]))) from error
        except (OSError, xmlrpc.client.Error) as error:
            raise errors.StepFailed(str(error)) from error
        self._record(done=(*self._progress.done, name))

    def _record(self, **changes):
        self._progress = dataclasses.replace(self._progress, **changes)
        self.cloud = dataclasses.replace(self.cloud, upgrade=self._progress)
        deployment.save(self.cloud)

    def _install(self):
        files.link(self._new.environment, environment.provide(self._new))
        if self._new.qemu:
            qemu.provide_binding(self._new)

    def _configure(self):
        for service in _SERVICES:
            service.configure(self._new)

    def _replace_fork_servers(self):
        self._restart(forkservers.LIBRARIES, forkservers.EVENTLET)
        # They are forked by the former two.
        self._restart(*sorted({*forkservers.all_of_nova(self.cloud),
                               *forkservers.all_of_nova(self._new)}))

    def _running(self, *all_arguments):
        def action():
            for arguments in all_arguments:
                # A migration that was cut short may fail from then on.
                commands.manage(self._new, *arguments, to_its_end=True)
        return action

    def _checking(self, arguments):
        def action():
            try:
                commands.manage(self._new, *arguments)
            except subprocess.CalledProcessError as error:
                # 1 stands for warnings.
                if error.returncode != 1:
                    raise
        return action

    def _restarting(self, proof, *names, between=lambda: None):
        def action():
            self._restart(*names, between=between)
            boot.Boot(self.cloud).prove(proof)
        return action

    def _restart(self, *names, between=lambda: None):
        """Stop processes, and start them with the new release.

        A process may have no successor in the new release.
        """
        supervision.stop(self.cloud.state, names)
        between()
        self._record(moved=tuple(sorted({*self._progress.moved, *names})))
        programs = boot.programs(self.cloud)
        supervision.replace(self.cloud, programs, names)
        boot.Boot(self.cloud).start(
            [name for name in names if name in programs])

    def _restart_nova(self, *names):
        self._restart(*names)
        running = boot.Boot(self.cloud)
        now = datetime.datetime.now(datetime.timezone.utc)
        moment = now.replace(tzinfo=None).isoformat()
        for name in names:
            if name != 'nova-api':
                binary, host = self._service(name)
                running.wait_for(name, 'a heartbeat', functools.partial(
                    checks.heard, running.admin, binary, host, moment))
        running.prove('computes up')

    def _service(self, name):
        """Return binary and host of a process, as Nova shows them."""
        for host in self.cloud.hosts:
            if name == _compute(host):
                return 'nova-compute', host
        return name, 'controller'

    def _set_microversions(self):
        admin = api.Admin(self.cloud)
        workspace.set_microversions(self.cloud, {
            'compute': resources.compute_microversion(admin),
            'placement': resources.placement_microversion(admin),
            'volume': resources.volume_microversion(admin)})

    def _unpin_nova(self):
        nova.configure(dataclasses.replace(self._new, upgrade=None))
        self._restart_nova(*_NOVA)
        self._restart_nova(*map(_compute, self.cloud.hosts))

    def _prove(self):
        boot.Boot(self.cloud).repair()
