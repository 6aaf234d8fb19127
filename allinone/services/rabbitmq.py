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

"""RabbitMQ: the message bus of Nova, Neutron and Cinder.

It gets a name mapper (epmd), a cookie and a home of its own. So it neither
sees nor touches a RabbitMQ that the machine already runs.
"""

from allinone import deployment
from allinone import files
from allinone import prechecks
from allinone import programs

# /usr/sbin/rabbitmq-server is a wrapper that insists on the users root or
# rabbitmq, and on the system's own directories.
_SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server'

# One scheduler that does not spin while idle is enough for three computes.
_ERLANG = '+S 1:1 +SDcpu 1:1 +SDio 2 +A 4 +sbwt none +sbwtdcpu none'


def configure(cloud: deployment.Deployment) -> None:
    """Write the broker's configuration, and make its directories."""
    etc = files.directory(cloud.shared_etc / 'rabbitmq', cloud.uid)
    files.directory(cloud.data / 'rabbitmq', cloud.uid)
    files.write(etc / 'rabbitmq.conf',
                files.render('rabbitmq/rabbitmq.conf', cloud), cloud.uid)
    files.write(etc / 'enabled_plugins', '[].\n', cloud.uid)


def processes(cloud: deployment.Deployment) -> tuple[programs.Program, ...]:
    """Return the processes."""
    home = cloud.data / 'rabbitmq'
    etc = cloud.shared_etc / 'rabbitmq'
    epmd = str(cloud.ports['epmd'])
    environment = {
        'HOME': str(home),
        'ERL_EPMD_ADDRESS': '127.0.0.1',
        'ERL_EPMD_PORT': epmd,
        'RABBITMQ_CONF_ENV_FILE': str(etc / 'none'),
        'RABBITMQ_CONFIG_FILE': str(etc / 'rabbitmq'),
        'RABBITMQ_ENABLED_PLUGINS_FILE': str(etc / 'enabled_plugins'),
        'RABBITMQ_MNESIA_BASE': str(home / 'mnesia'),
        'RABBITMQ_LOG_BASE': str(home / 'log'),
        'RABBITMQ_LOGS': '-',
        'RABBITMQ_PID_FILE': str(home / 'pid'),
        'RABBITMQ_GENERATED_CONFIG_DIR': str(home / 'config'),
        'RABBITMQ_FEATURE_FLAGS_FILE': str(home / 'feature_flags'),
        'RABBITMQ_NODENAME': f'allinone-{cloud.port_base}@localhost',
        'RABBITMQ_NODE_IP_ADDRESS': '127.0.0.1',
        'RABBITMQ_NODE_PORT': str(cloud.ports['rabbitmq']),
        'RABBITMQ_DIST_PORT': str(cloud.ports['rabbitmq-distribution']),
        'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS':
            f'{_ERLANG} -kernel inet_dist_use_interface {{127,0,0,1}}',
        # The start script turns into the broker, so that no shell stays.
        'RUNNING_UNDER_SYSTEMD': 'true',
    }
    return (
        programs.Program(
            'epmd', (prechecks.find('epmd'), '-port', epmd,
                     '-address', '127.0.0.1'),
            listener='epmd', drops_root=True),
        programs.Program('rabbitmq', (_SERVER,), environment,
                         listener='rabbitmq', drops_root=True),
    )
