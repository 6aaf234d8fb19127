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

"""The guest of the real hypervisor: a kernel, and an initrd that says a line.

The kernel is the distribution's for virtual machines. Its package is unpacked
and not installed, or the machine would boot it the next time.
"""

import pathlib
import re
import subprocess

from allinone import cache
from allinone import commands
from allinone import deployment
from allinone import errors
from allinone import prechecks

#: What the guest prints on its serial console once it runs.
LINE = 'The guest is up'

#: Empty packages that depend on the newest kernel: Debian's, and Ubuntu's.
_NEWEST = ('linux-image-cloud-amd64', 'linux-image-virtual')

# The guest stays alive as long as its first process does.
_INIT = f"""#!/bin/busybox sh
echo '{LINE}'
exec /bin/busybox sleep 2147483647
"""


def provide(cloud: deployment.Deployment
            ) -> tuple[pathlib.Path, pathlib.Path]:
    """Return the paths of the kernel and the initrd, and make both if missing.

    :raises StepFailed: apt knows no package of a kernel
    :raises subprocess.CalledProcessError: the package could not be fetched or
        unpacked
    """
    def make(path):
        _make_kernel(cloud, path)
        _make_initrd(cloud, path)

    entry = cache.provide('guests', cache.key(__file__), make)
    return entry / 'kernel', entry / 'initrd'


def _make_kernel(cloud, path):
    # Old lists name a kernel that the archive has no longer. If no new list
    # can be fetched, the old one may still do.
    commands.run(cloud, 'sh', '-c', 'apt-get update --quiet=2 || true')
    # apt's own user may not enter the directory.
    commands.run(cloud, 'sh', '-c', 'cd "$0" && exec apt-get download '
                 '--quiet=2 -o APT::Sandbox::User=root "$1"', path, _package())
    archive, = path.glob('*.deb')
    commands.run(cloud, 'dpkg-deb', '--extract', archive, path / 'package')
    kernel, = path.glob('package/boot/vmlinuz-*')
    kernel.rename(path / 'kernel')
    commands.run(cloud, 'rm', '-r', archive, path / 'package')


def _package():
    """Return the name of the package that holds the newest kernel."""
    for name in _NEWEST:
        text = subprocess.run(['apt-cache', 'depends', name], text=True,
                              capture_output=True).stdout
        found = re.search(r'Depends: (linux-image-\d\S+)', text)
        if found:
            return found[1]
    raise errors.StepFailed(f'apt knows neither {" nor ".join(_NEWEST)}: run '
                            f'"apt-get update"')


def _make_initrd(cloud, path):
    files = path / 'files'
    (files / 'bin').mkdir(parents=True)
    busybox = pathlib.Path(prechecks.find('busybox'))
    (files / 'bin' / 'busybox').write_bytes(busybox.read_bytes())
    (files / 'init').write_text(_INIT)
    for program in (files / 'bin' / 'busybox', files / 'init'):
        program.chmod(0o755)
    commands.run(
        cloud, 'sh', '-c', 'cd "$0" && find . | '
        '"$1" cpio -o -H newc > "$2"', files, busybox, path / 'initrd')
    commands.run(cloud, 'rm', '-r', files)
