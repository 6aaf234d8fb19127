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

"""Up, down, and the processes of a cloud in between."""

import collections.abc
import contextlib
import functools
import os
import pathlib
import shutil
import time

import fasteners

from allinone import account
from allinone import boot
from allinone import commands
from allinone import deployment
from allinone import errors
from allinone import files
from allinone import prechecks
from allinone import processes
from allinone import readiness
from allinone import release
from allinone import supervision
from allinone import upgrades

# What "down" removes, and what it leaves until the next "up", so that a user
# can look for the reason of a failure. The lock file stays, because another
# process may have it open.
_MADE = ('data', 'etc', 'environments', 'run', 'ready')
_KEPT = ('logs', 'tempest', 'deployment.json', 'supervisord.conf')


@contextlib.contextmanager
def _alone(state):
    """Hold the deployment, so that no other command changes it as a whole."""
    lock = fasteners.InterProcessLock(state / 'lock')
    if not lock.acquire(blocking=False):
        raise errors.BadInput(
            f'Another "up", "upgrade" or "down" works on {state}')
    try:
        yield
    finally:
        lock.release()


def up(state: pathlib.Path, **asked: int | str) -> None:
    """Boot a cloud, or start what is missing of a cloud that runs.

    :param state: the state directory
    :param asked: fields of a ``Deployment``: port_base, release, tls, reclaim,
        qemu, like_devstack, computes. A cloud that runs has to have them. A
        new cloud gets them.
    :raises BadInput: the machine, the directory or a field does not fit
    :raises StepFailed: a step failed; a cloud that was booted is ended
    """
    release.get(str(asked.get('release', release.DEFAULT)))
    _claim(state)
    with _alone(state):
        if (state / 'ready').exists() and supervision.running(state):
            _confirm(state, **asked)
        else:
            _boot(state, **asked)


def _claim(state):
    """Make the state directory, unless somebody else's files are there."""
    if state.exists() and any(state.iterdir()) and not (
            state / 'lock').exists():
        raise errors.BadInput(f"{state} is not empty, and not an "
                              f"all-in-one's: give another --state")
    files.directory(state)
    (state / 'lock').touch()


def _confirm(state, **asked):
    cloud = deployment.load(state)
    for name, value in asked.items():
        have = getattr(cloud, name)
        if value != have:
            option = name.replace('_', '-')
            words = (f'--{"" if have else "no-"}{option}'
                     if isinstance(have, bool) else f'--{option} {have}')
            raise errors.BadInput(
                f'The all-in-one in {state} runs already, with {words}: '
                f'take it down first, or give another --state')
    started = boot.Boot(cloud, _Report()).repair()
    if started:
        print(f'Started again: {", ".join(started)}')
    print(f'Already up: {state}')


def _boot(state, port_base=deployment.DEFAULT_PORT_BASE, **asked):
    cloud = deployment.new(
        state, port_base, account.unprivileged(state, port_base), **asked)
    processes.end(state)
    prechecks.run(cloud)
    _clear(state, _MADE + _KEPT)
    if cloud.uid is not None:
        # Daemons that dropped root pass through, to their own files.
        state.chmod(0o711)
    elif os.geteuid() == 0:
        print(f'All daemons stay root: {state} is below a directory that '
              f'only root may enter; --state elsewhere lets them drop it')
    deployment.save(cloud)
    for shared in (cloud.shared_etc, cloud.data, cloud.run):
        files.directory(shared).chmod(0o711)
    report = _Report()
    try:
        boot.Boot(cloud, report).run()
    except BaseException:
        ended = processes.end(state)
        print(f'Ended {ended} processes again; their logs: {cloud.logs}')
        raise
    (state / 'ready').touch()
    print(f'Up after {report.elapsed():.1f} s: tempest.conf is in '
          f'{cloud.tempest}/etc, logs are in {cloud.logs}')


class _Report:
    """Prints each step as it ends, and which steps are under way."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._awaited: list[str] = []

    def elapsed(self):
        return time.monotonic() - self._begin

    def __call__(self, name: str, seconds: float | None) -> None:
        if seconds is None:
            self._awaited.append(name)
            return
        self._awaited.remove(name)
        awaited = f'; awaited: {", ".join(self._awaited)}'
        print(f'[{self.elapsed():6.1f} s] {name} ({seconds:.1f} s)'
              f'{awaited if self._awaited else ""}', flush=True)


def _clear(state, names):
    for name in names:
        path = state / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def down(state: pathlib.Path) -> None:
    """End all processes of a cloud, and remove its data.

    Logs and Tempest's results stay.

    :param state: the state directory
    :raises BadInput: no all-in-one is there, or an "up" works on it
    :raises StepFailed: a process survives
    """
    deployment.load(state)
    begin = time.monotonic()
    with _alone(state):
        ended = processes.end(state)
        _clear(state, _MADE)
    print(f'Down: {ended} processes ended in '
          f'{time.monotonic() - begin:.1f} s')


def upgrade(cloud: deployment.Deployment, to: str,
            keep: collections.abc.Collection[str] = ()) -> None:
    """Upgrade a cloud that is up, or go on with an upgrade.

    :param to: name of the release
    :param keep: hosts whose computes keep the old release for now
    :raises BadInput: the cloud is not up, or has no such upgrade; nothing was
        changed
    :raises StepFailed: a step failed; the next call goes on with it
    """
    require_up(cloud)
    with _alone(cloud.state):
        # An upgrade may have been killed in the middle of a migration.
        commands.await_left(cloud)
        report = _Report()
        # Another upgrade may have ended a moment ago.
        begun = upgrades.begin(deployment.load(cloud.state), to, keep)
        try:
            begun.run(report)
        except errors.StepFailed as error:
            raise errors.StepFailed(
                f'{error}\nThe upgrade has stopped there. All logs are in '
                f'{cloud.logs}. "upgrade --to {to}" goes on with that step.'
            ) from error
    waiting = ', '.join(keep)
    print(f'OpenStack {to} after {report.elapsed():.1f} s' + (
        f', and {cloud.release} on {waiting}: "upgrade --to {to}" ends the '
        f'upgrade' if waiting else ''))


def require_up(cloud: deployment.Deployment) -> None:
    """Refuse a cloud that is not up.

    :raises BadInput: the cloud is not up
    """
    if not supervision.running(cloud.state):
        raise errors.BadInput(
            f'The all-in-one in {cloud.state} is not up: run "up" first')


def start(cloud: deployment.Deployment,
          names: collections.abc.Iterable[str]) -> None:
    """Start processes, unless they run, and wait until they listen.

    :param names: names of the processes
    :raises BadInput: the cloud is not up, or has no such process
    :raises StepFailed: a process ends, or does not listen
    """
    _programs(cloud, names)
    boot.Boot(cloud).start(names)


def stop(cloud: deployment.Deployment,
         names: collections.abc.Iterable[str]) -> None:
    """Stop processes as a service manager does, and wait for their end.

    :param names: names of the processes
    :raises BadInput: the cloud is not up, or has no such process
    """
    _programs(cloud, names)
    supervision.stop(cloud.state, names)


def kill(cloud: deployment.Deployment,
         names: collections.abc.Iterable[str]) -> None:
    """Kill processes as a crash does, and wait for their end.

    :param names: names of the processes
    :raises BadInput: the cloud is not up, or has no such process
    :raises StepFailed: a process does not end
    """
    _programs(cloud, names)
    for name in names:
        if supervision.info(cloud.state)[name]['statename'] == 'RUNNING':
            supervision.client(cloud.state).signalProcess(name, 'KILL')
            readiness.wait(f'the end of {name}', functools.partial(
                _has_ended, cloud.state, name), 10)


def _has_ended(state, name):
    return supervision.info(state)[name]['statename'] != 'RUNNING'


def _programs(cloud, names):
    require_up(cloud)
    known = boot.programs(cloud)
    for name in names:
        if name not in known:
            raise errors.BadInput(
                f'No process is called {name}; there are: '
                f'{", ".join(known)}')
    return [known[name] for name in names]
