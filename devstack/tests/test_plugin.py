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

"""devstack/plugin.sh: what each phase writes, installs and takes away."""

import configparser
import os
import re

from oslo_config import cfg

from devstack.tests import base
from local_delete_tempest_plugin import config

_SERVICES = 'n-api,n-cond,n-cpu,n-sch,placement-api,tempest'

_COMMAND = 'sudo -n -u stack /usr/local/bin/local-delete-host'

# What lib/nova and lib/tempest do before the plugin's own phases.
_PREPARE = """
set -o errexit
source %(devstack)s/tests/stand_ins.sh
source %(devstack)s/override-defaults
NOVA_SERVICE_REPORT_INTERVAL=${NOVA_SERVICE_REPORT_INTERVAL:-120}
TEMPEST_PLUGINS=${TEMPEST_PLUGINS:-0}
NOVA_CPU_CONF=$NOVA_CONF
SYSTEMCTL="sudo systemctl"
source %(devstack)s/settings
""" % {'devstack': base.DEVSTACK}

_CONFIGURE = """
iniset $NOVA_CONF DEFAULT report_interval $NOVA_SERVICE_REPORT_INTERVAL
iniset $NOVA_CONF DEFAULT service_down_time $((NOVA_SERVICE_REPORT_INTERVAL*6))
"""

_PHASES = ('stack pre-install', 'stack install', 'stack post-config',
           'stack extra')


class PluginTest(base.TestCase):

    def run_phases(self, *phases, lines='', **variables):
        """Source the plugin in phases of DevStack.

        :param lines: Lines of shell before the phases.
        :param variables: What local.conf sets, beside a single node's own.
        :returns: What the shell printed.
        """
        ended = self.run_process('bash', '-c', '\n'.join([
            _PREPARE, lines,
            *('source %s/plugin.sh %s' % (base.DEVSTACK, phase)
              for phase in phases)]), **dict({
                  'ENABLED_SERVICES': _SERVICES,
                  'VIRT_DRIVER': 'libvirt',
                  'STACK_USER': 'stack',
                  'CELLSV2_SETUP': 'superconductor',
                  'NOVA_NUM_CELLS': '1',
                  'NOVA_CONF': str(self.scratch / 'nova.conf'),
                  'TEMPEST_CONFIG': str(self.scratch / 'tempest.conf'),
                  'SYSTEMD_DIR': str(self.scratch / 'systemd'),
                  'OVS_RUNDIR': '/run/openvswitch',
                  'OVN_RUNDIR': '/run/ovn'}, **variables))
        self.code = ended.returncode
        return ended.stdout

    def stack(self, lines='', **variables):
        """Run all phases of stack.sh.

        :returns: {option: value} of [local_delete].
        """
        output = self.run_phases(*_PHASES, 'stack test-config',
                                 lines=_CONFIGURE + lines, **variables)
        self.assertEqual(0, self.code, output)
        parser = configparser.RawConfigParser()
        parser.read(self.scratch / 'tempest.conf')
        return dict(parser['local_delete'])

    def stack_fakes(self, computes, lines='', **variables):
        """Run all phases where computes have the fake driver."""
        return self.stack(
            'iniset $NOVA_CONF DEFAULT compute_driver '
            'fake.FakeDriverWithoutFakeNodes\n' + lines, VIRT_DRIVER='fake',
            NUMBER_FAKE_NOVA_COMPUTE=str(computes), **variables)

    def tree(self):
        """Read all files, except what the test itself has put there."""
        return {str(path.relative_to(self.scratch)): path.read_text()
                for path in self.scratch.rglob('*')
                if path.is_file() and path.parent != self.scratch / 'bin'
                and path.name not in ('calls', 'nova.conf')}

    def rules(self):
        return self.lines('etc/sudoers.d/60_local_delete')

    def test_single_node(self):
        self.assertEqual({
            'allow_outages': 'True',
            'target_hosts': 'devstack',
            'min_other_hosts': '0',
            'allow_placement_outage': 'True',
            'allow_scheduler_outage': 'True',
            'allow_conductor_outage': 'True',
            'allow_unfenced_outage': 'True',
            'compute_stop_command': _COMMAND + ' stop {host}',
            'compute_start_command': _COMMAND + ' start {host}',
            'compute_freeze_command': _COMMAND + ' freeze {host}',
            'compute_thaw_command': _COMMAND + ' thaw {host}',
            'placement_stop_command': self.systemctl(
                'stop devstack@placement-api'),
            'placement_start_command': self.systemctl(
                'start devstack@placement-api'),
            'scheduler_stop_command': self.systemctl('stop devstack@n-sch'),
            'scheduler_start_command': self.systemctl('start devstack@n-sch'),
            'conductor_stop_command': self.systemctl(
                'kill -s SIGKILL devstack@n-super-cond devstack@n-cond-cell1'),
            'conductor_start_command': self.systemctl(
                'start devstack@n-super-cond devstack@n-cond-cell1'),
            'service_down_timeout': '240',
            'service_up_timeout': '270',
        }, self.stack())
        self.assertEqual([], self.lines('warnings'))

    def systemctl(self, words):
        return 'sudo -n %s/bin/systemctl %s' % (self.scratch, words)

    def test_options_are_those_of_the_plugin(self):
        # Tempest reads them so, and does not mind what it does not know.
        options = self.stack_fakes(3, """
iniset $NOVA_CONF DEFAULT reclaim_instance_interval 3600
iniset $NOVA_CONF scheduler discover_hosts_in_cells_interval 60
""")
        conf = cfg.ConfigOpts()
        conf.register_opts(config.LocalDeleteGroup, 'local_delete')
        conf([], default_config_files=[str(self.scratch / 'tempest.conf')])
        for name, value in options.items():
            read = getattr(conf.local_delete, name)
            self.assertEqual(value, ','.join(read) if isinstance(read, list)
                             else str(read))

    @base.slow
    def test_computes_of_the_fake_driver(self):
        for computes, hosts, others in (
                (1, 'devstack1', '0'), (2, 'devstack1,devstack2', '0'),
                (3, 'devstack1,devstack2,devstack3', '1')):
            options = self.stack_fakes(computes)
            self.assertEqual(hosts, options['target_hosts'])
            self.assertEqual(others, options['min_other_hosts'])

    def test_fake_driver_that_cannot_be_started_again(self):
        options = self.stack_fakes(2, """
iniset $NOVA_CONF DEFAULT compute_driver fake.FakeDriver
iniset $NOVA_CONF scheduler discover_hosts_in_cells_interval 60
""")
        self.assertNotIn('compute_stop_command', options)
        self.assertNotIn('allow_service_delete', options)
        self.assertIn('compute_freeze_command', options)
        self.assertEqual(
            ["Nova's fake driver cannot be started again here, so scenarios "
             'with a stopped compute will skip'], self.lines('warnings'))

    def test_all_hosts(self):
        # The directory has files, and the star is not to become their names.
        options = self.stack(LOCAL_DELETE_TARGET_HOSTS='*')
        self.assertEqual('*', options['target_hosts'])
        self.assertEqual('0', options['min_other_hosts'])

    def test_named_hosts(self):
        options = self.stack(LOCAL_DELETE_TARGET_HOSTS='compute1,compute2')
        self.assertEqual('compute1,compute2', options['target_hosts'])

    def test_controller_without_compute(self):
        options = self.stack(
            ENABLED_SERVICES='n-api,n-cond,n-sch,placement-api,tempest')
        self.assertEqual('*', options['target_hosts'])

    def test_services_of_other_machines_stay(self):
        options = self.stack(ENABLED_SERVICES='n-cpu,tempest')
        self.assertEqual([], [name for name in options if re.match(
            'allow_(?!outages|unfenced)|placement|scheduler|conductor',
            name)])
        self.assertEqual(2, len(self.rules()))

    def test_no_outage_of_control_services(self):
        options = self.stack(LOCAL_DELETE_CONTROL_OUTAGES='False')
        self.assertEqual({'allow_outages'}, {
            name for name in options if name.startswith('allow_')})
        self.assertEqual(2, len(self.rules()))

    def test_single_conductor(self):
        options = self.stack(CELLSV2_SETUP='singleconductor')
        self.assertEqual(self.systemctl('start devstack@n-cond'),
                         options['conductor_start_command'])

    def test_conductors_of_two_cells(self):
        options = self.stack(NOVA_NUM_CELLS='2')
        self.assertEqual(
            self.systemctl('start devstack@n-super-cond devstack@n-cond-cell1 '
                           'devstack@n-cond-cell2'),
            options['conductor_start_command'])

    def test_report_interval(self):
        options = self.stack(NOVA_SERVICE_REPORT_INTERVAL='120')
        self.assertEqual('900', options['service_down_timeout'])
        self.assertEqual('600', options['service_up_timeout'])
        self.assertEqual(
            ['Nova sees a compute as down only after 720 seconds, and each '
             'outage takes that long: set NOVA_SERVICE_REPORT_INTERVAL to 10 '
             'on all nodes'], self.lines('warnings'))

    def test_interval_of_nova_conf_counts(self):
        options = self.stack('iniset $NOVA_CONF DEFAULT service_down_time 30')
        self.assertEqual('210', options['service_down_timeout'])

    def test_soft_deletes(self):
        options = self.stack(
            'iniset $NOVA_CONF DEFAULT reclaim_instance_interval 3600')
        self.assertEqual('True', options['reclaims'])

    def test_guests_that_are_reaped_soon(self):
        self.assertNotIn('guest_list_command', self.stack())
        options = self.stack('iniset $NOVA_CONF DEFAULT '
                             'running_deleted_instance_poll_interval 60')
        self.assertEqual(_COMMAND + ' guests {host}',
                         options['guest_list_command'])
        self.assertEqual('240', options['reap_timeout'])

    @base.slow
    def test_service_delete(self):
        self.assertNotIn('allow_service_delete', self.stack_fakes(2))
        discover = ('iniset $NOVA_CONF scheduler '
                    'discover_hosts_in_cells_interval 60')
        self.assertEqual('True', self.stack_fakes(2, discover)[
            'allow_service_delete'])
        (self.scratch / 'tempest.conf').unlink()
        # A guest of libvirt would outlive its server.
        self.assertNotIn('allow_service_delete', self.stack(discover))

    def test_units_of_the_user_are_left_alone(self):
        options = self.stack(USER_UNITS='True')
        self.assertEqual([], [name for name in options if 'command' in name])
        self.assertEqual([], self.rules())
        self.assertIn('USER_UNITS is True', self.lines('warnings')[0])

    def test_installed(self):
        self.stack()
        script = self.scratch / 'usr/local/bin/local-delete-host'
        self.assertTrue(os.access(script, os.X_OK))
        program = '%s/bin/systemctl' % self.scratch
        conductors = 'devstack@n-super-cond devstack@n-cond-cell1'
        root = 'tempest ALL=(root) NOPASSWD: %s ' % program
        self.assertEqual([
            'stack ALL=(stack) NOPASSWD: /usr/local/bin/local-delete-host',
            'tempest ALL=(stack) NOPASSWD: /usr/local/bin/local-delete-host',
            root + 'stop devstack@placement-api',
            root + 'start devstack@placement-api',
            root + 'stop devstack@n-sch',
            root + 'start devstack@n-sch',
            root + 'kill -s SIGKILL ' + conductors,
            root + 'start ' + conductors], self.rules())

    def test_rules_are_those_of_the_commands(self):
        options = self.stack(LOCAL_DELETE_TEMPEST_USER='zuul')
        rules = '\n'.join(self.rules())
        for name, value in options.items():
            if name.endswith('_command'):
                words = re.sub(r'^sudo -n (-u stack )?', '', value)
                if 'local-delete-host' in words:
                    words = words.split()[0]
                self.assertRegex(rules, r'zuul ALL=\(\w+\) NOPASSWD: %s(\n|$)'
                                 % re.escape(words))

    def test_rules_that_sudo_cannot_read_are_not_installed(self):
        output = self.run_phases('stack test-config', lines=_CONFIGURE,
                                 VISUDO_CODE='1')
        self.assertEqual(1, self.code)
        self.assertIn("no sudo rules can be made for the user 'tempest': see "
                      'LOCAL_DELETE_TEMPEST_USER', output)
        self.assertEqual([], self.rules())

    def test_chassis_of_the_fake_driver(self):
        self.stack_fakes(2, ENABLED_SERVICES=_SERVICES + ',ovn-controller')
        unit = 'devstack@ovn-controller-fake-2.service'
        self.assertIn('ExecStart = %s/bin/ovn-controller -n devstack2' %
                      self.scratch, self.lines('systemd/' + unit))
        self.assertIn('User = root', self.lines('systemd/' + unit))
        calls = self.calls()
        self.assertIn('systemctl start ' + unit, calls)
        self.assertIn(
            'ovs-vsctl --no-wait -- --may-exist add-br br-fake-2 -- set '
            'Bridge br-fake-2 datapath_type=system fail_mode=secure -- set '
            'Open_vSwitch . external-ids:ovn-bridge-devstack2=br-fake-2 '
            'external-ids:ovn-encap-ip-devstack2=127.1.0.2 '
            'external-ids:hostname-devstack2=devstack2 '
            'external-ids:ovn-cms-options-devstack2=""', calls)

    @base.slow
    def test_no_chassis_where_none_is_needed(self):
        for computes, variables in (
                (2, {}),
                (2, {'ENABLED_SERVICES': _SERVICES + ',ovn-controller',
                     'LOCAL_DELETE_FAKE_CHASSIS': 'False'})):
            self.stack_fakes(computes, **variables)
        self.stack(ENABLED_SERVICES=_SERVICES + ',ovn-controller')
        self.assertEqual([], self.calls())

    def test_twice_is_as_once(self):
        services = _SERVICES + ',ovn-controller'
        self.stack_fakes(2, ENABLED_SERVICES=services)
        once = self.tree()
        self.stack_fakes(2, ENABLED_SERVICES=services)
        self.assertEqual(once, self.tree())

    def test_unstack_takes_away(self):
        self.stack_fakes(2, ENABLED_SERVICES=_SERVICES + ',ovn-controller')
        self.calls()
        # local.conf may have changed since then.
        output = self.run_phases('unstack', ENABLED_SERVICES='')
        self.assertEqual(0, self.code, output)
        self.assertEqual(['tempest.conf'], list(self.tree()))
        unit = 'devstack@ovn-controller-fake-1.service'
        self.assertEqual(
            ['systemctl stop ' + unit, 'systemctl disable ' + unit,
             'ovs-vsctl --timeout=60 --no-wait -- --if-exists del-br '
             'br-fake-1 -- remove Open_vSwitch . external-ids '
             'ovn-bridge-devstack1 ovn-encap-ip-devstack1 hostname-devstack1 '
             'ovn-cms-options-devstack1'], self.calls()[:3])

    def test_clean_alone_takes_away(self):
        self.stack()
        self.run_phases('clean')
        self.assertEqual(0, self.code)
        self.assertEqual(['tempest.conf'], list(self.tree()))

    def test_without_tempest(self):
        output = self.run_phases(
            *_PHASES, 'stack test-config', 'unstack', 'clean',
            lines='echo plugins: $TEMPEST_PLUGINS',
            ENABLED_SERVICES='n-cpu,ovn-controller')
        self.assertEqual((0, 'plugins: 0\n'), (self.code, output))
        self.assertEqual({}, self.tree())
        self.assertEqual([], self.calls())

    def test_only_test_config_writes(self):
        output = self.run_phases(*_PHASES)
        self.assertEqual((0, ''), (self.code, output))
        self.assertEqual({}, self.tree())
        self.assertEqual([], self.calls())

    def test_installed_into_tempest(self):
        here = str(base.DEVSTACK.parent)
        for before, after in (
                ('0', here), ('', here), (here, here),
                ('/opt/stack/other', '/opt/stack/other ' + here),
                (here + ' /opt/stack/other', here + ' /opt/stack/other')):
            self.assertEqual(
                after + '\n', self.run_phases(lines='echo $TEMPEST_PLUGINS',
                                              TEMPEST_PLUGINS=before))

    def test_variables_are_documented(self):
        document = base.DEVSTACK.parent / 'doc' / 'source' / 'devstack.rst'
        if not document.exists():
            self.skipTest('no checkout: %s is not there' % document)
        text = document.read_text()
        settings = (base.DEVSTACK / 'settings').read_text()
        names = set(re.findall(r'^(LOCAL_DELETE_\w+)=', settings, re.M))
        for name in sorted(names - {'LOCAL_DELETE_DIR'}):
            self.assertIn('``%s``\n' % name, text)
