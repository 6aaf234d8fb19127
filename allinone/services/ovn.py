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

"""OVN and Open vSwitch: one chassis, with a real ovn-controller, a compute.

The data path is Open vSwitch's own dummy, as in OVN's test suite, because no
guest of the fake driver sends a packet. The dummy needs neither root nor a
kernel module. It does not touch the network of the machine. The chassis answer
Neutron's liveness checks like any other.
"""

from allinone import commands
from allinone import deployment
from allinone import files
from allinone import prechecks
from allinone import programs

#: {database: its schema}.
SCHEMAS = {'ovn-nb': '/usr/share/ovn/ovn-nb.ovsschema',
           'ovn-sb': '/usr/share/ovn/ovn-sb.ovsschema',
           'ovs-db': '/usr/share/openvswitch/vswitch.ovsschema'}


TUNNELS = 'tunnels'

# Kilobit per second, in and out.
_BANDWIDTH = 1000000


def socket(cloud: deployment.Deployment, name: str) -> str:
    """Return the OVSDB connection string of a database of SCHEMAS."""
    return f'unix:{cloud.run}/ovn/{name}.sock'


def configure(cloud: deployment.Deployment) -> None:
    """Make the empty databases."""
    data = files.directory(cloud.data / 'ovn', cloud.uid)
    files.directory(cloud.run / 'ovn', cloud.uid)
    for name, schema in SCHEMAS.items():
        commands.run(cloud, prechecks.find('ovsdb-tool'), 'create',
                     data / name, schema)
    files.give(data, cloud.uid)


def configure_chassis(cloud: deployment.Deployment) -> None:
    """Tell Open vSwitch of the chassis, each with a bridge of its own."""
    command = [prechecks.find('ovs-vsctl'), '--no-wait',
               f'--db={socket(cloud, "ovs-db")}', '--', 'init']
    for number, host in enumerate(cloud.fake_hosts, 1):
        settings = {'ovn-remote': socket(cloud, 'ovn-sb'),
                    'ovn-encap-type': 'geneve',
                    'ovn-encap-ip': f'127.0.0.{number}',
                    'ovn-bridge': f'br-{host}',
                    'ovn-bridge-datapath-type': 'dummy',
                    'ovn-monitor-all': 'true',
                    'hostname': host}
        command += ['--', 'set', 'Open_vSwitch', '.']
        command += [f'external-ids:{key}-{host}="{value}"'
                    for key, value in settings.items()]
        # Two controllers that make their bridges at one moment may wait
        # forever, because one transaction undoes the other bridge.
        bridge = settings['ovn-bridge']
        command += ['--', 'add-br', bridge, '--', 'set', 'Bridge', bridge,
                    'datapath_type=dummy', 'fail_mode=secure',
                    'other_config:disable-in-band=true']
    commands.run(cloud, *command)


def offer_bandwidth(cloud: deployment.Deployment) -> None:
    """Let the chassis of one compute offer bandwidth in its tunnels.

    Neutron tells Placement once for each change of these settings, and only if
    Placement knows the compute at that moment.
    """
    host = cloud.bandwidth_host
    offer = ','.join((
        f'resource_provider_bandwidths={TUNNELS}:{_BANDWIDTH}:{_BANDWIDTH}',
        f'resource_provider_hypervisors={TUNNELS}:{host}'))
    commands.run(
        cloud, prechecks.find('ovs-vsctl'), '--no-wait',
        f'--db={socket(cloud, "ovs-db")}', 'set', 'Open_vSwitch', '.',
        f'external-ids:ovn-cms-options-{host}="{offer}"')


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    environment = {'OVS_RUNDIR': f'{cloud.run}/ovn',
                   'OVN_RUNDIR': f'{cloud.run}/ovn'}

    def daemon(name, program, *arguments, socket=None):
        return programs.Program(
            name, (prechecks.find(program), '--verbose=console:info',
                   '--verbose=syslog:off', *arguments),
            environment, socket=socket, drops_root=True)

    def controlled(name, program, *arguments):
        path = cloud.run / 'ovn' / f'{name}.ctl'
        return daemon(name, program, f'--unixctl={path}', *arguments,
                      socket=path)

    databases = tuple(
        controlled(name, 'ovsdb-server', f'--remote=p{socket(cloud, name)}',
                   f'{cloud.data}/ovn/{name}')
        for name in SCHEMAS)
    controllers = tuple(
        daemon(f'ovn-controller-{host}', 'ovn-controller', '-n', host,
               socket(cloud, 'ovs-db'))
        for host in cloud.fake_hosts)
    return databases + (
        controlled('ovn-northd', 'ovn-northd',
                   f'--ovnnb-db={socket(cloud, "ovn-nb")}',
                   f'--ovnsb-db={socket(cloud, "ovn-sb")}'),
        controlled('ovs-vswitchd', 'ovs-vswitchd', '--enable-dummy',
                   '--disable-system', socket(cloud, 'ovs-db')),
    ) + controllers
