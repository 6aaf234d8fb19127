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

import subprocess
import sys

from allinone import cache
from allinone import supervision

RELEASE = '2026.1'


def lock_file():
    """The file that pins every package of the release."""
    return cache.HERE / 'releases' / f'{RELEASE}.txt'


def key():
    """What an environment depends on, as a short hash."""
    return cache.key(lock_file(), lock_file().with_suffix('.in'), __file__,
                     extra=sys.version)


def provide():
    """Return the environment's path; install it when it is not there."""
    return cache.provide('environments', key(), _install)


def _install(path):
    uv = supervision.tool('uv')
    subprocess.run([uv, 'venv', '--quiet', '--relocatable', '--python',
                    sys.executable, path],
                   check=True, capture_output=True, text=True)
    names = path / 'services.in'
    lines = lock_file().with_suffix('.in').read_text().splitlines()
    names.write_text('\n'.join(
        line for line in lines if not line.startswith('-r')))
    subprocess.run([uv, 'pip', 'install', '--quiet', '--python', path,
                    '--constraint', lock_file(), '--requirement', names],
                   check=True, capture_output=True, text=True)
