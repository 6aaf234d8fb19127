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

"""Up, down, and what happens to a cloud in between."""

import contextlib
import os
import shutil
import time

import fasteners

from allinone import account
from allinone import cloud as recipe
from allinone import deployment
from allinone import errors
from allinone import files
from allinone import prechecks
from allinone import processes
from allinone import readiness
from allinone import supervision

# What `down` takes away, and what it leaves until the next `up` to whoever
# looks for the reason of something. The lock stays, or it would keep out
# nobody who has it open.
_MADE = ('data', 'etc', 'environment', 'run', 'ready')
_KEPT = ('logs', 'tempest', 'deployment.json', 'supervisord.conf')


@contextlib.contextmanager
def _alone(state):
    """Hold the deployment, so that no other `up` or `down` works on it."""
    lock = fasteners.InterProcessLock(state / 'lock')
    if not lock.acquire(blocking=False):
        raise errors.BadInput(f'Another "up" or "down" works on {state}')
    try:
        yield
    finally:
        lock.release()


def up(state, port_base=None, tls=None, reclaim=None, qemu=None):
    """Boot, repair, or just confirm the cloud in `state`.

    None means what the cloud has that runs already, else the default.

    :param port_base: first TCP port
    :param tls: whether its endpoints are https
    :param reclaim: whether a deleted server can be restored for a while
    :param qemu: whether it has a compute with a real hypervisor, too
    """
    _claim(state)
    with _alone(state):
        if (state / 'ready').exists() and supervision.running(state):
            _confirm(state, port_base, tls, reclaim, qemu)
        else:
            _boot(state, port_base or deployment.DEFAULT_PORT_BASE, bool(tls),
                  bool(reclaim), bool(qemu))


def _claim(state):
    """Make the state directory, unless what is there is somebody else's."""
    if state.exists() and any(state.iterdir()):
        if not (state / 'lock').exists():
            raise errors.BadInput(
                f'{state} is not empty, and not an all-in-one\'s: give '
                f'another --state')
    files.directory(state)
    (state / 'lock').touch()


def _confirm(state, port_base, tls=None, reclaim=None, qemu=None):
    cloud = deployment.load(state)
    for asked, have, words in (
            (port_base, cloud.port_base, f'--port-base {cloud.port_base}'),
            (tls, cloud.tls, '--tls' if cloud.tls else '--no-tls'),
            (reclaim, cloud.reclaim,
             '--reclaim' if cloud.reclaim else '--no-reclaim'),
            (qemu, cloud.qemu, '--qemu' if cloud.qemu else '--no-qemu')):
        if asked not in (None, have):
            raise errors.BadInput(
                f'The all-in-one in {state} runs already, with {words}: '
                f'take it down first, or give another --state')
    started = recipe.Boot(cloud, _Report()).repair()
    if started:
        print(f'Started again: {", ".join(started)}')
    print(f'Already up: {state}')


def _boot(state, port_base, tls, reclaim, qemu):
    cloud = deployment.new(state, port_base,
                           account.unprivileged(state, port_base), tls,
                           reclaim, qemu)
    processes.end(state)
    prechecks.run(cloud)
    _clear(state, _MADE + _KEPT)
    if cloud.uid is not None:
        # Daemons that dropped root pass through, to what is theirs.
        state.chmod(0o711)
    elif os.geteuid() == 0:
        print(f'All daemons stay root: {state} is below a directory that '
              f'only root may enter; --state elsewhere lets them drop it')
    deployment.save(cloud)
    for shared in (cloud.etc, cloud.data, cloud.run):
        files.directory(shared).chmod(0o711)
    report = _Report()
    try:
        recipe.Boot(cloud, report).run()
    except BaseException:
        ended = processes.end(state)
        print(f'Ended {ended} processes again; their logs: {cloud.logs}')
        raise
    (state / 'ready').touch()
    print(f'Up after {report.elapsed():.1f} s: tempest.conf is in '
          f'{cloud.tempest}/etc, logs are in {cloud.logs}')


class _Report:
    """Prints each step as it ends."""

    def __init__(self):
        self._begin = time.monotonic()

    def elapsed(self):
        return time.monotonic() - self._begin

    def __call__(self, name, seconds):
        print(f'[{self.elapsed():6.1f} s] {name} ({seconds:.1f} s)',
              flush=True)


def _clear(state, names):
    for name in names:
        path = state / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def down(state):
    """End all that belongs to the deployment; logs and results stay."""
    deployment.load(state)
    begin = time.monotonic()
    with _alone(state):
        ended = processes.end(state)
        _clear(state, _MADE)
    print(f'Down: {ended} processes ended in '
          f'{time.monotonic() - begin:.1f} s')


def require_up(cloud):
    """Return when the cloud is up.

    :raises BadInput: it is not
    """
    if not supervision.running(cloud.state):
        raise errors.BadInput(
            f'The all-in-one in {cloud.state} is not up: run "up" first')


def start(cloud, names):
    """Start processes by name; those that run already are left alone."""
    programs = _programs(cloud, names)
    info = supervision.info(cloud.state)
    for name in names:
        if info[name]['statename'] != 'RUNNING':
            supervision.client(cloud.state).startProcess(name)
    for program in programs:
        if program.listener:
            port = cloud.ports[program.listener]
            readiness.wait(f'port {port} of {program.name}',
                           lambda port=port: readiness.listening(port), 60)


def stop(cloud, names):
    """Stop processes the way a service manager would."""
    _programs(cloud, names)
    info = supervision.info(cloud.state)
    for name in names:
        if info[name]['statename'] == 'RUNNING':
            supervision.client(cloud.state).stopProcess(name)


def kill(cloud, names):
    """Kill processes, as a crash would; return when they are gone."""
    _programs(cloud, names)
    for name in names:
        if supervision.info(cloud.state)[name]['statename'] == 'RUNNING':
            supervision.client(cloud.state).signalProcess(name, 'KILL')
            readiness.wait(f'the end of {name}', lambda name=name: (
                supervision.info(cloud.state)[name]['statename']
                != 'RUNNING'), 10)


def _programs(cloud, names):
    require_up(cloud)
    known = recipe.programs(cloud)
    for name in names:
        if name not in known:
            raise errors.BadInput(
                f'No process is called {name}; there are: '
                f'{", ".join(known)}')
    return [known[name] for name in names]
