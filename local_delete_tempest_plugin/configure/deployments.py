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

"""Commands that stop and start services, for each kind of deployment.

No API tells them, so they are only proposed, as comments. ``CONTROLLER``
stands for a machine of the control plane. ``doc/source/recipes.rst`` explains
each of them, and tells which of them somebody has run.
"""

_FREEZE = {
    'compute_freeze_command':
        'ssh {host} sudo pkill --signal STOP --exact nova-compute',
    'compute_thaw_command':
        'ssh {host} sudo pkill --signal CONT --exact nova-compute',
    'guest_list_command': 'ssh {host} sudo virsh list --uuid'}


def _units(compute: str, placement: str, scheduler: str,
           conductor: str) -> dict[str, str]:
    """Give the commands where systemd has a unit for each service."""
    on = 'ssh CONTROLLER sudo systemctl '
    return {
        'compute_stop_command': 'ssh {host} sudo systemctl stop ' + compute,
        'compute_start_command': 'ssh {host} sudo systemctl start ' + compute,
        **_FREEZE,
        'placement_stop_command': on + 'stop ' + placement,
        'placement_start_command': on + 'start ' + placement,
        'scheduler_stop_command': on + 'stop ' + scheduler,
        'scheduler_start_command': on + 'start ' + scheduler,
        'conductor_stop_command': on + 'stop ' + conductor,
        'conductor_start_command': on + 'start ' + conductor}


def _replicas(count: str, name: str, labels: str) -> str:
    """Scale a deployment of openstack-helm."""
    scale = 'kubectl -n openstack scale deployment %s --replicas=%s' % (
        name, count)
    if count != '0':
        return scale
    return ("sh -c '%s && kubectl -n openstack wait --for=delete pod -l %s "
            "--timeout=230s'" % (scale, labels))


def _of_helm() -> dict[str, str]:
    found = {
        'compute_stop_command':
            "sh -c 'kubectl label --overwrite node {host} "
            'openstack-nova-compute=disabled && kubectl -n openstack wait '
            '--for=delete pod -l application=nova,component=compute '
            "--field-selector spec.nodeName={host} --timeout=230s'",
        'compute_start_command':
            'kubectl label --overwrite node {host} '
            'openstack-nova-compute=enabled',
        **_FREEZE}
    # libvirt is in a pod of its own.
    del found['guest_list_command']
    for service, name, labels in (
            ('placement', 'placement-api',
             'application=placement,component=api'),
            ('scheduler', 'nova-scheduler',
             'application=nova,component=scheduler'),
            ('conductor', 'nova-conductor',
             'application=nova,component=conductor')):
        found[service + '_stop_command'] = _replicas('0', name, labels)
        found[service + '_start_command'] = _replicas('REPLICAS', name, labels)
    return found


def _juju(command: str, service: str, application: str) -> str:
    return 'juju exec --application %s -- sudo systemctl %s %s' % (
        application, command, service)


def _of_charms() -> dict[str, str]:
    found = {
        'compute_stop_command': 'ssh {host} sudo systemctl stop nova-compute',
        'compute_start_command':
            'ssh {host} sudo systemctl start nova-compute', **_FREEZE}
    for service, unit, application in (
            ('placement', 'apache2', 'placement'),
            ('scheduler', 'nova-scheduler', 'nova-cloud-controller'),
            ('conductor', 'nova-conductor', 'nova-cloud-controller')):
        for verb in 'stop', 'start':
            found['%s_%s_command' % (service, verb)] = _juju(
                verb, unit, application)
    return found


#: {kind of deployment: {option of [local_delete]: command}}.
COMMANDS = {
    'devstack': {
        **_units('devstack@n-cpu', 'devstack@placement-api', 'devstack@n-sch',
                 'devstack@n-super-cond devstack@n-cond-cell1'),
        'compute_freeze_command':
            'ssh {host} sudo systemctl kill --signal=SIGSTOP devstack@n-cpu',
        'compute_thaw_command':
            'ssh {host} sudo systemctl kill --signal=SIGCONT devstack@n-cpu',
        'conductor_stop_command':
            'ssh CONTROLLER sudo systemctl kill --signal=SIGKILL '
            'devstack@n-super-cond devstack@n-cond-cell1'},
    'kolla-ansible': {
        **_units('kolla-nova_compute-container',
                 'kolla-placement_api-container',
                 'kolla-nova_scheduler-container',
                 'kolla-nova_super_conductor-container '
                 'kolla-nova_conductor-container'),
        'guest_list_command':
            'ssh {host} sudo docker exec nova_libvirt virsh list --uuid'},
    'openstack-ansible': _units('nova-compute', 'placement-api',
                                'nova-scheduler', 'nova-conductor'),
    'charms': _of_charms(),
    # An operator runs the control plane and starts again what is stopped.
    'openstack-k8s-operators': {
        'compute_stop_command':
            'ssh cloud-admin@{host} sudo systemctl stop edpm_nova_compute',
        'compute_start_command':
            'ssh cloud-admin@{host} sudo systemctl start edpm_nova_compute',
        **{option: command.replace('ssh ', 'ssh cloud-admin@')
           for option, command in _FREEZE.items()}},
    'openstack-helm': _of_helm()}
