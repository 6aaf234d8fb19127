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

"""Checks of the machine, before anything is started."""

import os
import pathlib
import platform
import re
import shutil
import socket
import sys
import sysconfig

import psutil

from allinone import cache
from allinone import deployment
from allinone import environment
from allinone import errors
from allinone import release

_GIB = 2 ** 30

#: Bytes that the cloud writes, logs and above all databases, and bytes of the
#: services' environment.
_STATE_BYTES = 2 * _GIB
_CACHE_BYTES = 2 * _GIB

#: What a cloud without computes, and a compute with its chassis, may hold. A
#: whole cloud of eight computes holds about 4 GiB.
_MEMORY_BYTES = 5 * _GIB // 2
_COMPUTE_BYTES = _GIB // 6

# A scenario takes the compute of a host away, and needs another host. Each
# chassis has an address of its own below 127.0.0.
_COMPUTES = (2, 100)

#: {program: package of Debian and Ubuntu that has it}.
PROGRAMS = {'mariadbd': 'mariadb-server-core',
            'rabbitmq-server': 'rabbitmq-server',
            'epmd': 'erlang-base',
            'ovsdb-server': 'openvswitch-common',
            'ovsdb-tool': 'openvswitch-common',
            'ovs-vsctl': 'openvswitch-common',
            'ovs-vswitchd': 'openvswitch-switch',
            'ovn-northd': 'ovn-central',
            'ovn-controller': 'ovn-host',
            'haproxy': 'haproxy',
            'qemu-img': 'qemu-utils',
            'setpriv': 'util-linux'}

#: The same, for a compute with a real hypervisor.
QEMU_PROGRAMS = {'busybox': 'busybox-static',
                 'cc': 'gcc',
                 'libvirtd': 'libvirt-daemon',
                 'pkg-config': 'pkg-config',
                 'qemu-img': 'qemu-utils',
                 'qemu-system-x86_64': 'qemu-system-x86',
                 'virsh': 'libvirt-clients'}

#: The same, for a cloud like DevStack.
DEVSTACK_PROGRAMS = {'apache2': 'apache2-bin'}

#: {file that such a compute needs, as a pattern below /usr: package}.
_QEMU_FILES = {
    'lib/*/libvirt/connection-driver/libvirt_driver_qemu.so':
        'libvirt-daemon-driver-qemu',
    'lib/*/pkgconfig/libvirt.pc': 'libvirt-dev'}

# The longest socket below the state directory, with the largest process id.
_LONGEST_SOCKET = '/run/ovn/ovn-controller.4194304.ctl'
_SOCKET_PATH_LIMIT = 107

# Other characters mean something in one of the services' configurations.
_PLAIN = re.compile('[A-Za-z0-9_./+@-]+')

#: The directories of the system's programs.
SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'


def find(program: str) -> str:
    """Return the path of a system program, or '' if it is missing.

    The program is also found where no sbin is in PATH.
    """
    return shutil.which(program, path=os.pathsep.join(
        (os.environ.get('PATH', ''), SYSTEM_PATH))) or ''


def run(cloud: deployment.Deployment) -> None:
    """Check whether the machine can run a cloud.

    :raises BadInput: the error has a line for each problem
    """
    _refuse(cloud, _python, _programs, _ports, _computes, _state_path,
            _hypervisor, _front_end, _disk, _memory)


def run_for_upgrade(cloud: deployment.Deployment) -> None:
    """Check whether the machine can run the new release of a running cloud.

    :param cloud: the deployment, with the new release
    :raises BadInput: the error has a line for each problem
    """
    _refuse(cloud, _python, _disk)


def _refuse(cloud, *checks):
    lines = [line for check in checks for line in check(cloud)]
    if lines:
        raise errors.BadInput('\n'.join(lines))


def _python(cloud):
    lowest, highest = release.get(cloud.release).python
    if not lowest <= sys.version_info[:2] <= highest:
        yield (f'Python {sys.version.split()[0]} runs this, but OpenStack '
               f'{cloud.release} needs {_dotted(lowest)} to '
               f'{_dotted(highest)}: make .venv again, with '
               f'"PYTHON=python{_dotted(highest)} tools/setup.sh"')


def _dotted(version):
    return '.'.join(map(str, version))


def _programs(cloud):
    missing = {program: package for program, package in PROGRAMS.items()
               if not find(program)}
    if missing:
        packages = ' '.join(sorted(set(missing.values())))
        yield (f'Not installed: {", ".join(missing)}; they come with '
               f'"apt-get install --no-install-recommends {packages}"')


def _ports(cloud):
    if not 1024 <= cloud.port_base <= 65535 - len(cloud.ports):
        yield (f'--port-base {cloud.port_base} is not between 1024 and '
               f'{65535 - len(cloud.ports)}')
        return
    taken = [f'{port} ({name})' for name, port in cloud.ports.items()
             if not _free(port)]
    if taken:
        yield (f'In use already: port {", ".join(taken)}; end what listens '
               f'there, or give another --port-base')


def _computes(cloud):
    lowest, highest = _COMPUTES
    if not lowest <= cloud.computes <= highest:
        yield (f'--computes {cloud.computes} is not between {lowest} and '
               f'{highest}')


def _free(port):
    with socket.socket() as probe:
        # Servers do so too: an old connection in TIME_WAIT does not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', port))
        except OSError:
            return False
    return True


def _state_path(cloud):
    if not _PLAIN.fullmatch(str(cloud.state)):
        yield (f'{cloud.state} has special characters in its name: give a '
               f'--state with letters, digits and _ . / + @ - only')
    longest = len(os.fsencode(cloud.state)) + len(_LONGEST_SOCKET)
    if longest > _SOCKET_PATH_LIMIT:
        yield (f'{cloud.state} is {longest - _SOCKET_PATH_LIMIT} characters '
               f'too long for the sockets in it: give a shorter --state')


def _disk(cloud):
    wanted = [(cloud.state, _STATE_BYTES)]
    if not cache.has('environments', environment.key(cloud)):
        wanted.append((cache.root(), _CACHE_BYTES))
    for path, needed in wanted:
        free = shutil.disk_usage(_existing(path)).free
        if free < needed:
            yield (f'{path} has {free / _GIB:.1f} GiB of disk left, and '
                   f'{needed / _GIB:.0f} are needed')


def _existing(path):
    return next(parent for parent in (path, *pathlib.Path(path).parents)
                if parent.exists())


def _memory(cloud):
    available = psutil.virtual_memory().available
    needed = _MEMORY_BYTES + cloud.computes * _COMPUTE_BYTES
    if available < needed:
        yield (f'{available / _GIB:.1f} GiB of memory are available, and '
               f'{needed / _GIB:.1f} are needed for {cloud.computes} computes')


def _hypervisor(cloud):
    if not cloud.qemu:
        return
    if os.geteuid() != 0:
        yield '--qemu needs root, for network devices and namespaces'
    if platform.machine() != 'x86_64':
        yield f'--qemu needs x86_64, and this is {platform.machine()}'
    if not os.path.exists('/dev/net/tun'):
        yield '--qemu needs /dev/net/tun, and there is none'
    missing = [package for program, package in QEMU_PROGRAMS.items()
               if not find(program)]
    missing += [package for pattern, package in _QEMU_FILES.items()
                if not any(pathlib.Path('/usr').glob(pattern))]
    if not os.path.exists(sysconfig.get_path('include') + '/Python.h'):
        missing.append('python3-dev')
    if missing:
        yield (f'--qemu needs {", ".join(sorted(missing))}, too: they come '
               f'with "PROFILES=qemu tools/setup.sh"')


def _front_end(cloud):
    if not cloud.like_devstack:
        return
    if cloud.tls:
        yield '--like-devstack has no TLS: leave out --tls'
    missing = [package for program, package in DEVSTACK_PROGRAMS.items()
               if not find(program)]
    if missing:
        yield (f'--like-devstack needs {", ".join(missing)}, too: it comes '
               f'with "PROFILES=devstack tools/setup.sh"')
