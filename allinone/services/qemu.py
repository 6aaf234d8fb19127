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

"""A compute with a real hypervisor: libvirt, QEMU, and an Open vSwitch.

libvirt as root has one set of directories, and the whole machine sees a tap.
So the processes of the host run in namespaces of their own, which one process
holds. They neither see nor touch a libvirt that the machine already runs, and
all is gone with the last process.

The host has an Open vSwitch of its own, because only root can open a tap. Its
data path is in user space and needs no kernel module.
"""

import functools
import pathlib
import shlex
import subprocess
import sys
from urllib import parse

from allinone import cache
from allinone import commands
from allinone import deployment
from allinone import files
from allinone import prechecks
from allinone import processes as marks
from allinone import programs
from allinone import release
from allinone.services import ovn
from allinone import supervision

EMULATOR = 'qemu-system-x86_64'

#: {directory of libvirt that the namespaces shadow: directory below the state
#: directory that shadows it}.
_SHADOWS = {'/etc/libvirt': 'etc/qemu/libvirt',
            '/var/lib/libvirt': 'data/qemu/lib',
            '/var/cache/libvirt': 'data/qemu/cache',
            '/var/log/libvirt': 'logs/libvirt',
            '/run/libvirt': 'run/qemu/libvirt'}

# The host's name then needs no name server. libvirt finds the user that comes
# with the package which starts a libvirtd.
_FILES = {'hosts': f'127.0.0.1 {deployment.QEMU} localhost\n',
          'passwd': 'root:x:0:0::/:/bin/sh\nlibvirt-qemu:x:0:0::/:/bin/sh\n',
          'group': 'root:x:0:\nlibvirt-qemu:x:0:\nkvm:x:0:\ntty:x:5:\n'}


def database(cloud: deployment.Deployment) -> str:
    """Return the OVSDB connection string of the host's own Open vSwitch."""
    # libvirt's ovs-vsctl looks for this name.
    return f'unix:{cloud.run}/qemu/db.sock'


def uri(cloud: deployment.Deployment) -> str:
    """Return the URI of the hypervisor, for libvirt's clients."""
    socket = cloud.run / 'qemu' / 'libvirt' / 'libvirt-sock'
    return f'qemu+unix:///system?socket={parse.quote(str(socket))}'


def _virsh(cloud):
    return [prechecks.find('virsh'), '--connect', uri(cloud)]


def probe(cloud: deployment.Deployment) -> None:
    """Let libvirt find out what QEMU can do, before nova-compute asks.

    libvirt tries the emulators, which takes some seconds of a core, and keeps
    the result.

    :raises subprocess.CalledProcessError: libvirt does not answer
    """
    commands.run(cloud, *_virsh(cloud), 'capabilities')


def guest_list(cloud: deployment.Deployment) -> str | None:
    """Return the command that lists a host's guests, for tempest.conf.

    :returns: None if no host has a real hypervisor.
    """
    if not cloud.qemu:
        return None
    virsh = shlex.join([*_virsh(cloud), 'list', '--uuid'])
    return shlex.join(['sh', '-c', f'test {{host}} != {deployment.QEMU} || '
                       f'exec {virsh}'])


def configure(cloud: deployment.Deployment) -> None:
    """Write what the host's processes read, if there is such a host."""
    if not cloud.qemu:
        return
    etc = files.directory(cloud.shared_etc / 'qemu')
    for place, template in (('hold', 'hold'), ('enter', 'enter'),
                            (f'libvirtd/{EMULATOR}', 'emulator'),
                            ('nova-compute/mount', 'mount'),
                            ('nova-compute/ssh', 'no-ssh'),
                            ('nova-compute/scp', 'no-ssh')):
        files.write(etc / place, files.render(
            f'qemu/{template}', cloud, host=deployment.QEMU,
            shadows=_SHADOWS, texts=_FILES,
            emulator=prechecks.find(EMULATOR), marks=marks.marked(cloud.state),
            holder=_holder(cloud)))
        (etc / place).chmod(0o700)
    for shadow in _SHADOWS.values():
        files.directory(cloud.state / shadow)
    for name, text in _FILES.items():
        files.write(etc / name, text)
    for name in ('libvirtd.conf', 'qemu.conf'):
        files.write(etc / 'libvirt' / name,
                    files.render(f'qemu/{name}', cloud))
    commands.run(cloud, prechecks.find('ovsdb-tool'), 'create',
                 cloud.data / 'qemu' / 'ovs-db', ovn.SCHEMAS['ovs-db'])


def _holder(cloud):
    """Return the file with the id of the process that holds the namespaces."""
    return cloud.run / 'qemu' / 'holder'


def configure_chassis(cloud: deployment.Deployment) -> None:
    """Tell the host's Open vSwitch that it is a chassis."""
    settings = {'system-id': deployment.QEMU,
                'hostname': deployment.QEMU,
                'ovn-remote': ovn.socket(cloud, 'ovn-sb'),
                'ovn-encap-type': 'geneve',
                'ovn-encap-ip': f'127.0.0.{len(cloud.hosts)}',
                'ovn-bridge-datapath-type': 'netdev',
                'ovn-monitor-all': 'true'}
    commands.run(cloud, prechecks.find('ovs-vsctl'), '--no-wait',
                 f'--db={database(cloud)}', '--', 'init',
                 '--', 'set', 'Open_vSwitch', '.',
                 *(f'external-ids:{key}="{value}"'
                   for key, value in settings.items()))


def _version():
    return subprocess.run(
        [prechecks.find('pkg-config'), '--modversion', 'libvirt'], check=True,
        capture_output=True, text=True).stdout


def provide_binding(cloud: deployment.Deployment) -> None:
    """Link to nova-compute's binding of libvirt, and build it if missing.

    :raises subprocess.CalledProcessError: it could not be built
    """
    lock = release.get(cloud.release).binding_lock
    key = cache.key(lock, __file__, extra=f'{sys.version} {_version()}')
    files.link(binding(cloud), cache.provide(
        'libvirt', key, functools.partial(_build_binding, cloud, lock)))


def _build_binding(cloud, lock, path):
    commands.run(cloud, supervision.tool('uv'), 'pip', 'install', '--quiet',
                 '--python', sys.executable, '--target', path, '--no-deps',
                 '--require-hashes', '--requirement', lock)


def binding(cloud: deployment.Deployment) -> pathlib.Path:
    """Return the directory in which nova-compute finds libvirt's binding."""
    return cloud.data / 'qemu' / f'python-{cloud.release}'


def compute_environment(cloud: deployment.Deployment) -> dict[str, str]:
    """Return the variables of the host's nova-compute."""
    return {'PYTHONPATH': str(binding(cloud)),
            'PATH': _path(cloud, 'nova-compute')}


def _path(cloud, program):
    """Return the PATH of a program that finds our programs first."""
    return f'{cloud.shared_etc}/qemu/{program}:{prechecks.SYSTEM_PATH}'


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    if not cloud.qemu:
        return ()
    run = cloud.run / 'qemu'
    etc = cloud.shared_etc / 'qemu'
    environment = {'OVS_RUNDIR': str(run), 'OVN_RUNDIR': f'{cloud.run}/ovn'}

    def daemon(name, program, *arguments, socket=None, inside=()):
        return programs.Program(
            name, (*inside, prechecks.find(program), *arguments),
            environment, socket=socket)

    def switch(name, program, *arguments, inside=()):
        control = run / f'{name}.ctl'
        return daemon(name, program, '--verbose=console:info',
                      '--verbose=syslog:off', f'--unixctl={control}',
                      *arguments, socket=control, inside=inside)

    inside = (str(etc / 'enter'),)
    return (
        programs.Program(
            'qemu-host', (prechecks.find('unshare'), '--mount', '--net',
                          '--uts', str(etc / 'hold')),
            socket=_holder(cloud)),
        switch('qemu-ovs-db', 'ovsdb-server', f'--remote=p{database(cloud)}',
               str(cloud.data / 'qemu' / 'ovs-db')),
        switch('qemu-ovs-vswitchd', 'ovs-vswitchd', '--disable-system',
               database(cloud), inside=inside),
        daemon(f'ovn-controller-{deployment.QEMU}', 'ovn-controller',
               '--verbose=console:info', '--verbose=syslog:off',
               database(cloud)),
        programs.Program(
            'libvirtd', (*inside, prechecks.find('libvirtd'),
                         # The usual file is not below a shadow. It is locked
                         # if the machine runs a libvirtd, too.
                         '--pid-file', str(run / 'libvirtd.pid')),
            {**environment, 'PATH': _path(cloud, 'libvirtd')},
            socket=run / 'libvirt' / 'libvirt-sock'),
    )
