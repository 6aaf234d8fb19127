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

"""devstack/local-delete-host: which unit, and on which machine."""

from devstack.tests import base

_SCRIPT = base.DEVSTACK / 'files' / 'local-delete-host'


class HostScriptTest(base.TestCase):

    def setUp(self):
        super().setUp()
        # This machine has two computes of the fake driver.
        self.program('systemctl', base.PROGRAMS['systemctl'] + """
[[ $1 != cat || $2 =~ ^devstack@n-cpu-[12]$ ]]
""")

    def act(self, *words):
        """Call the script; list what it did, without looking for units."""
        self.ended = self.run_process(_SCRIPT, *words)
        return [call for call in self.calls()
                if not call.startswith('systemctl cat ')]

    def assert_refused(self, words, *arguments):
        self.assertEqual([], self.act(*arguments))
        self.assertEqual(2, self.ended.returncode)
        self.assertEqual('local-delete-host: %s\n' % words, self.ended.stdout)

    def test_compute_of_this_machine(self):
        for action, call in (
                ('start', 'systemctl start devstack@n-cpu'),
                ('stop', 'systemctl stop devstack@n-cpu'),
                ('freeze', 'systemctl kill -s SIGSTOP devstack@n-cpu'),
                ('thaw', 'systemctl kill -s SIGCONT devstack@n-cpu')):
            self.assertEqual([call], self.act(action, 'devstack'))
            self.assertEqual(0, self.ended.returncode)

    def test_computes_of_the_fake_driver(self):
        self.assertEqual(['systemctl stop devstack@n-cpu-1'],
                         self.act('stop', 'devstack1'))
        self.assertEqual(['systemctl stop devstack@n-cpu-2'],
                         self.act('stop', 'devstack2'))

    def test_computes_of_other_machines(self):
        options = 'ssh -o BatchMode=yes -o ConnectTimeout=10'
        # devstack3 is named like a compute of the fake driver, and is none.
        for host in ('compute1', 'devstack3', 'devstack.example.org',
                     'devstac', '1'):
            self.assertEqual(
                ['%s %s sudo -n systemctl stop devstack@n-cpu' % (
                    options, host)], self.act('stop', host))

    def test_guests(self):
        (self.scratch / 'guests').write_text('an id\n')
        self.assertEqual([], self.act('guests', 'devstack'))
        self.assertEqual('an id\n', self.ended.stdout)

    def test_failure_is_passed_on(self):
        self.program('systemctl', 'exit 5\n')
        self.act('stop', 'devstack')
        self.assertEqual(5, self.ended.returncode)

    def test_bad_words_are_refused(self):
        self.assert_refused("'-oProxyCommand=id' is not a host name",
                            'stop', '-oProxyCommand=id')
        self.assert_refused("'a;id' is not a host name", 'stop', 'a;id')
        self.assert_refused("'' is not a host name", 'stop', '')
        self.assert_refused(
            "no action 'kill': start, stop, freeze, thaw, guests",
            'kill', 'devstack')
        self.assert_refused(
            'usage: local-delete-host start|stop|freeze|thaw|guests HOST',
            'stop')
