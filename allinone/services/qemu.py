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

libvirt as root has one set of directories, and a tap is seen by the whole
machine. So what belongs to the host runs in namespaces of its own, held by
one process: nothing of it is seen outside, a libvirt that the machine already
runs is neither seen nor touched, and all is gone with the last process.

The Open vSwitch is one of its own, since it has to be root to open a tap. Its
data path is in user space and needs no kernel module.
"""

import functools
import shlex
import subprocess
import sys
from urllib import parse

from allinone import cache
from allinone import commands
from allinone import deployment
from allinone import environment
from allinone import files
from allinone import prechecks
from allinone import processes as marks
from allinone import programs
from allinone.services import ovn
from allinone import supervision

EMULATOR = 'qemu-system-x86_64'

#: What of libvirt's is shadowed within the namespaces: its place on the
#: machine to a place in the state directory.
_SHADOWS = {'/etc/libvirt': 'etc/qemu/libvirt',
            '/var/lib/libvirt': 'data/qemu/lib',
            '/var/cache/libvirt': 'data/qemu/cache',
            '/var/log/libvirt': 'logs/libvirt',
            '/run/libvirt': 'run/qemu/libvirt'}

# So that the host's name needs no name server, and so that libvirt finds the
# user that it would have from a package which starts a libvirtd, too.
_FILES = {'hosts': f'127.0.0.1 {deployment.QEMU} localhost\n',
          'passwd': 'root:x:0:0::/:/bin/sh\nlibvirt-qemu:x:0:0::/:/bin/sh\n',
          'group': 'root:x:0:\nlibvirt-qemu:x:0:\nkvm:x:0:\ntty:x:5:\n'}


def database(cloud):
    """The OVSDB connection string of the host's own Open vSwitch."""
    # The name is the one that libvirt's ovs-vsctl looks for.
    return f'unix:{cloud.run}/qemu/db.sock'


def uri(cloud):
    """Where libvirt's clients find the hypervisor."""
    socket = cloud.run / 'qemu' / 'libvirt' / 'libvirt-sock'
    return f'qemu+unix:///system?socket={parse.quote(str(socket))}'


def _virsh(cloud):
    return [prechecks.find('virsh'), '--connect', uri(cloud)]


def probe(cloud):
    """Let libvirt find out what QEMU can do, before nova-compute asks.

    It tries the emulators, which takes some seconds of a core, and keeps what
    it found.
    """
    commands.run(cloud, *_virsh(cloud), 'capabilities')


def guest_list(cloud):
    """The command that lists a host's guests, as tempest.conf has it."""
    if not cloud.qemu:
        return None
    virsh = shlex.join([*_virsh(cloud), 'list', '--uuid'])
    return shlex.join(['sh', '-c', f'test {{host}} != {deployment.QEMU} || '
                       f'exec {virsh}'])


def configure(cloud):
    """Write what the host's processes read; nothing without such a host."""
    if not cloud.qemu:
        return
    etc = files.directory(cloud.etc / 'qemu')
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
    """The file with the process ID of who holds the namespaces."""
    return cloud.run / 'qemu' / 'holder'


def configure_chassis(cloud):
    """Tell the host's Open vSwitch that it is a chassis."""
    settings = {'system-id': deployment.QEMU,
                'hostname': deployment.QEMU,
                'ovn-remote': ovn.socket(cloud, 'ovn-sb'),
                'ovn-encap-type': 'geneve',
                'ovn-encap-ip': f'127.0.0.{len(cloud.computes)}',
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


def provide_binding(cloud):
    """Link to nova-compute's binding of libvirt; build it when it is missing.

    :raises subprocess.CalledProcessError: it could not be built
    """
    lock = cache.HERE / 'releases' / f'{environment.RELEASE}-qemu.txt'
    key = cache.key(lock, __file__, extra=f'{sys.version} {_version()}')
    binding(cloud).symlink_to(cache.provide(
        'libvirt', key, functools.partial(_build_binding, cloud, lock)))


def _build_binding(cloud, lock, path):
    commands.run(cloud, supervision.tool('uv'), 'pip', 'install', '--quiet',
                 '--python', sys.executable, '--target', path, '--no-deps',
                 '--require-hashes', '--requirement', lock)


def binding(cloud):
    """The directory that nova-compute finds the binding of libvirt in."""
    return cloud.data / 'qemu' / 'python'


def compute_environment(cloud):
    """What the host's nova-compute finds in its environment."""
    return {'PYTHONPATH': str(binding(cloud)),
            'PATH': _path(cloud, 'nova-compute')}


def _path(cloud, program):
    """The PATH of a program that is to find ours before the machine's."""
    return f'{cloud.etc}/qemu/{program}:{prechecks.SYSTEM_PATH}'


def processes(cloud):
    if not cloud.qemu:
        return ()
    run = cloud.run / 'qemu'
    etc = cloud.etc / 'qemu'
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
                         # The usual one is not below a shadow, and locked
                         # where the machine runs a libvirtd, too.
                         '--pid-file', str(run / 'libvirtd.pid')),
            {**environment, 'PATH': _path(cloud, 'libvirtd')},
            socket=run / 'libvirt' / 'libvirt-sock'),
    )
