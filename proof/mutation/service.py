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

import contextlib
import pathlib
import shutil

import fasteners

from allinone import api
from allinone import cloud as recipe
from allinone import deployment
from allinone import errors
from allinone import files
from allinone import lifecycle
from allinone import readiness

_HOOK = pathlib.Path(__file__).with_name('hook.py')

# Services that Nova knows by their heartbeats alone.
_BEATING = ('nova-compute', 'nova-conductor', 'nova-scheduler')

# Seconds in which a service that answers to nobody has to beat again.
_LIMIT = 300


@contextlib.contextmanager
def alone(cloud):
    """Hold the cloud's mutants: without the lock none of them does a thing.

    :raises BadInput: somebody else holds them
    """
    files.directory(cloud.hooks)
    lock = fasteners.InterProcessLock(cloud.hooks / 'lock')
    # A service that asks whether it is held holds it for a moment.
    if not lock.acquire(timeout=3):
        raise errors.BadInput(f'Another "mutate" works on {cloud.state}')
    try:
        yield
    finally:
        lock.release()


def processes(cloud, mutant):
    """Return the names of the processes that get the mutant.

    :raises BadInput: there is no such process
    """
    known = recipe.programs(cloud)
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


def put(cloud, mutant, names):
    """Lay the mutant down where the processes find it when they start."""
    for name in names:
        place = cloud.hooks / name
        shutil.rmtree(place, ignore_errors=True)
        files.directory(place)
        shutil.copy(_HOOK, place / 'hook.py')
        shutil.copy(mutant.path, place / 'mutant.py')
        files.write(place / 'module', mutant.module)


def take_out(cloud):
    """Make every mutant do nothing more, and keep it from the next start.

    :returns: The names of the processes that may have one still.
    """
    places = [place for place in cloud.hooks.glob('*') if place.is_dir()]
    for place in places:
        shutil.rmtree(place)
    return [place.name for place in places]


def forget_reach(cloud, names):
    """Count no more what the mutant did so far."""
    for name in names:
        (cloud.hooks / name / 'reached').unlink(missing_ok=True)


def problem(cloud, names):
    """Say why a mutant cannot be judged; None where it did something."""
    places = [cloud.hooks / name for name in names]
    for place in places:
        if (place / 'failed').exists():
            return (place / 'failed').read_text().strip().splitlines()[-1]
    if not any((place / 'loaded').exists() for place in places):
        return 'its MODULE was never imported'
    if not any((place / 'reached').exists() for place in places):
        return 'what it patched was never reached'
    return None


def restart(cloud, names):
    """Start processes anew, and wait until the whole cloud works again.

    :raises StepFailed: it does not
    """
    admin = api.Admin(cloud)
    beating = [name for name in names if name.startswith(_BEATING)]
    lifecycle.stop(cloud, beating)
    # Of the dead, so that no beat is taken for a new one; and while nova-api,
    # which may be the next to be stopped, still tells.
    before = _heartbeats(admin) if beating else {}
    lifecycle.stop(cloud, [name for name in names if name not in beating])
    recipe.Boot(cloud, lambda name, seconds: None).repair()
    for name in beating:
        readiness.wait(f'a heartbeat of {name}', lambda name=name: any(
            beat != before.get(key)
            for key, beat in _heartbeats(admin).items()
            if name in (key[0], f'{key[0]}-{key[1]}')), _LIMIT)


def _heartbeats(admin):
    return {(one['binary'], one['host']): one['updated_at'] for one in
            admin.compute.get('/os-services').json()['services']}
