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

"""The services' own virtual environment, kept for all clones."""

import functools
import pathlib
import sys

from allinone import cache
from allinone import commands
from allinone import deployment
from allinone import release
from allinone import supervision


def key(cloud: deployment.Deployment) -> str:
    """Return a short hash of all that the environment depends on."""
    ours = release.get(cloud.release)
    return cache.key(ours.lock, ours.requirements, __file__, _DRIVER,
                     extra=f'{sys.version} {sys.base_prefix}')


def provide(cloud: deployment.Deployment) -> pathlib.Path:
    """Return the environment's path, and install it if it is missing.

    :raises subprocess.CalledProcessError: the packages could not be installed
    """
    return cache.provide('environments', key(cloud),
                         functools.partial(_install, cloud))


# An import makes no garbage, and collecting garbage takes a tenth of its time.
_COLLECT_LESS = 'import gc; gc.set_threshold(50000, 20, 20)\n'

# Nova loads a driver of computes only from its own package.
_DRIVER = cache.HERE / 'plugins' / 'copying_driver.py'

# A process of a deployment runs the hook that Deployment.hooks has for it.
_RUN_HOOK = (
    "import os; hook = '/'.join(("
    "os.environ.get('LOCAL_DELETE_ALLINONE', '/nonexistent'), "
    "'run', 'hooks', "
    "os.environ.get('SUPERVISOR_PROCESS_NAME', ''), 'hook.py')); "
    "os.path.isfile(hook) and exec(open(hook).read(), "
    "{'__file__': hook, '__name__': 'hook'})\n")


def _install(cloud, path):
    uv = supervision.tool('uv')
    commands.run(cloud, uv, 'venv', '--quiet', '--relocatable',
                 '--allow-existing', '--python', sys.executable, path)
    ours = release.get(cloud.release)
    names = path / 'services.in'
    lines = ours.requirements.read_text().splitlines()
    names.write_text('\n'.join(
        line for line in lines if not line.startswith('-r')))
    commands.run(cloud, uv, 'pip', 'install', '--quiet', '--python', path,
                 '--constraint', ours.lock, '--requirement', names)
    packages, = path.glob('lib/python3*/site-packages')
    (packages / 'collect-less.pth').write_text(_COLLECT_LESS)
    (packages / 'hooks.pth').write_text(_RUN_HOOK)
    (packages / 'nova' / 'virt' / _DRIVER.name).write_bytes(
        _DRIVER.read_bytes())
