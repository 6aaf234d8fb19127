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

"""Putting a mutant into one service, and taking it out again."""

import collections.abc
import contextlib
import functools
import pathlib
import shutil

import fasteners

from allinone import api
from allinone import boot
from allinone import deployment
from allinone import errors
from allinone import files
from allinone import lifecycle
from allinone import readiness
from proof.mutation import definition

_HOOK = pathlib.Path(__file__).with_name('hook.py')

# Services that Nova knows only by their heartbeats.
_BEATING = ('nova-compute', 'nova-conductor', 'nova-scheduler')

# Seconds in which such a service has to send a heartbeat after a restart.
_LIMIT = 300


@contextlib.contextmanager
def alone(cloud: deployment.Deployment
          ) -> collections.abc.Generator[None, None, None]:
    """Hold the lock without which no mutant of the cloud does anything.

    :returns: A context manager.
    :raises BadInput: another process holds the lock
    """
    files.directory(cloud.hooks)
    lock = fasteners.InterProcessLock(cloud.hooks / 'lock')
    # A service holds the lock for a moment when it asks for its holder.
    if not lock.acquire(timeout=3):
        raise errors.BadInput(f'Another "mutate" works on {cloud.state}')
    try:
        yield
    finally:
        lock.release()


def processes(cloud: deployment.Deployment, mutant: definition.Mutant
              ) -> list[str]:
    """Return the names of the processes that get a mutant.

    :raises BadInput: the cloud has no such process
    """
    known = boot.programs(cloud)
    if mutant.service == 'nova-compute':
        if mutant.qemu:
            return [f'nova-compute-{deployment.QEMU}']
        computes = [name for name in known if name.startswith('nova-compute-')]
        return computes if mutant.everywhere else computes[:1]
    if mutant.service not in known:
        raise errors.BadInput(
            f'{mutant.path}: SERVICE is {mutant.service}, and there are only '
            f'{", ".join(known)}')
    return [mutant.service]


def put(cloud: deployment.Deployment, mutant: definition.Mutant,
        names: collections.abc.Iterable[str]) -> None:
    """Make a mutant the hook of processes, from their next start on.

    :param names: names of the processes
    """
    for name in names:
        place = cloud.hooks / name
        shutil.rmtree(place, ignore_errors=True)
        files.directory(place)
        shutil.copy(_HOOK, place / 'hook.py')
        shutil.copy(mutant.path, place / 'mutant.py')
        files.write(place / 'module', mutant.module)


def take_out(cloud: deployment.Deployment) -> list[str]:
    """Make every mutant do nothing more, and keep it from the next start.

    :returns: The names of the processes that still have a mutant in memory.
    """
    places = [place for place in cloud.hooks.glob('*') if place.is_dir()]
    for place in places:
        shutil.rmtree(place)
    return [place.name for place in places]


def forget_reach(cloud: deployment.Deployment,
                 names: collections.abc.Iterable[str]) -> None:
    """Forget that mutants of processes have done something wrong so far."""
    for name in names:
        (cloud.hooks / name / 'reached').unlink(missing_ok=True)


def problem(cloud: deployment.Deployment,
            names: collections.abc.Iterable[str]) -> str | None:
    """Say why a mutant of processes cannot be judged.

    :returns: None if the mutant did something wrong, as it should.
    """
    places = [cloud.hooks / name for name in names]
    for place in places:
        if (place / 'failed').exists():
            return (place / 'failed').read_text().strip().splitlines()[-1]
    if not any((place / 'loaded').exists() for place in places):
        return 'its MODULE was never imported'
    if not any((place / 'reached').exists() for place in places):
        return 'the function that it patches was never reached'
    return None


def restart(cloud: deployment.Deployment,
            names: collections.abc.Iterable[str]) -> None:
    """Restart processes, and wait until the whole cloud works again.

    :param names: names of the processes
    :raises StepFailed: the cloud does not work
    """
    admin = api.Admin(cloud)
    beating = [name for name in names if name.startswith(_BEATING)]
    lifecycle.stop(cloud, beating)
    # Read after their end, so that no old heartbeat is taken for a new one,
    # and before nova-api, which tells them, may be stopped.
    before = _heartbeats(admin) if beating else {}
    lifecycle.stop(cloud, [name for name in names if name not in beating])
    boot.Boot(cloud).repair()
    for name in beating:
        readiness.wait(f'a heartbeat of {name}', functools.partial(
            _beats, admin, name, before), _LIMIT)


def _beats(admin, name, before):
    return any(beat != before.get(key)
               for key, beat in _heartbeats(admin).items()
               if name in (key[0], f'{key[0]}-{key[1]}'))


def _heartbeats(admin):
    return {(one['binary'], one['host']): one['updated_at'] for one in
            admin.compute.get('/os-services').json()['services']}
