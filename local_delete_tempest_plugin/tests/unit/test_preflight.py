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

import types

import fixtures

from local_delete_tempest_plugin import outage
from local_delete_tempest_plugin import preflight
from local_delete_tempest_plugin.scenario import test_local_delete
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud

GOOD = {'allow_outages': True, 'target_hosts': ['cmp1'],
        'allow_placement_outage': True,
        'compute_stop_command': 'true {host}',
        'compute_start_command': 'true {host}',
        'placement_stop_command': 'true', 'placement_start_command': 'true'}


class OptionsTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.config(**GOOD)
        self.config(group='compute', image_ref='i', flavor_ref='f')

    def findings(self):
        return {finding.check: finding
                for finding in preflight.check_options()}

    def test_good(self):
        self.assertEqual(
            {preflight.PASS},
            {finding.outcome for finding in self.findings().values()})

    def test_wrong(self):
        for options, check, outcome, words in (
                ({'allow_outages': False}, 'allow_outages', 'fail',
                 'is False'),
                ({'target_hosts': []}, 'target_hosts', 'fail', 'is empty'),
                ({'poll_interval_start': 5.0, 'poll_interval_max': 1.0},
                 'poll_interval_start', 'fail',
                 '5 s, and poll_interval_max is 1 s'),
                ({'compute_stop_command': 'ssh host stop'},
                 'compute_stop_command', 'fail', 'has no {host}'),
                ({'compute_stop_command': 'ssh {host} "stop'},
                 'compute_stop_command', 'fail', 'cannot be split'),
                ({'compute_start_command': None},
                 'compute_start_command', 'fail', 'is not set'),
                ({'compute_stop_command': None},
                 'compute_stop_command', 'fail', 'is not set'),
                ({'placement_stop_command': '/no/such/program'},
                 'placement_stop_command', 'fail', '/no/such/program'),
                ({'placement_proxy_stop_command': 'true'},
                 'placement_proxy_start_command', 'fail', 'is not set')):
            self.config(**dict(GOOD, poll_interval_start=0.01,
                               poll_interval_max=1.0,
                               placement_proxy_stop_command=None))
            self.config(**options)
            found = self.findings()[check]
            self.assertEqual(outcome, found.outcome, found)
            self.assertIn(words, found.found)
            self.assertNotEqual('', found.to_do)

    def test_image_and_flavor(self):
        for option in ('image_ref', 'flavor_ref'):
            self.config(group='compute', **{option: ''})
            self.assertEqual('fail',
                             self.findings()['[compute] ' + option].outcome)

    def test_test_timeout(self):
        for timeout, outcome in (('0', 'pass'), ('nonsense', 'pass'),
                                 ('1', 'warn'), ('86400', 'pass')):
            with fixtures.EnvironmentVariable('OS_TEST_TIMEOUT', timeout):
                self.assertEqual(
                    outcome, self.findings()['OS_TEST_TIMEOUT'].outcome)

    def scenarios(self):
        return {finding.check: (finding.outcome, finding.found) for finding
                in preflight.foresee(test_local_delete.LocalDeleteTest)}

    def test_scenarios(self):
        foreseen = self.scenarios()
        self.assertEqual(
            {name for name in dir(test_local_delete.LocalDeleteTest)
             if name.startswith('test_')}, set(foreseen))
        self.assertLess(set(preflight._NEEDS_PLACEMENT_AWAY), set(foreseen))
        self.assertEqual({('pass', 'runs')}, set(foreseen.values()))
        self.config(allow_placement_outage=False)
        self.assertEqual(
            {name: ('warn', 'skips: [local_delete] allow_placement_outage is '
                    'False') for name in preflight._NEEDS_PLACEMENT_AWAY},
            {name: found for name, found in self.scenarios().items()
             if found[0] != 'pass'})
        self.config(allow_placement_outage=True, compute_stop_command=None)
        self.assertEqual(
            '[local_delete] compute_stop_command: not set',
            outage.missing_for(outage.PlacementStopped.REFUSED))


class CloudTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.config(**GOOD)
        self.config(journal_dir=self.useFixture(fixtures.TempDir()).path)
        self.config(group='compute', max_microversion='2.100')
        self.cloud = fake_cloud.FakeCloud()
        self.cloud.add_compute('cmp1', 11)
        self.cloud.add_compute('cmp2', 12)
        self.roles = ['admin', 'reader']
        self.scheme = 'https'
        self.offered = '2.96'

    def findings(self):
        """Check a cloud of which the image API is not to be reached."""
        admin = self.cloud.admin()
        auth = {'roles': [{'name': role} for role in self.roles],
                'catalog': [{'type': 'compute', 'endpoints': [{
                    'interface': 'public',
                    'url': self.scheme + '://nova.test/v2.1'}]}]}
        admin.manager.auth_provider = types.SimpleNamespace(
            auth_data=('token', auth))
        admin.manager.compute_versions_client = types.SimpleNamespace(
            list_versions=lambda: {'versions': [
                {'version': ''}, {'version': self.offered}]})
        checks = preflight.CloudChecks(admin)
        return {finding.check: finding for check in (
            checks._check_admin, checks._check_endpoints,
            checks._check_compute_api, checks._check_hosts,
            checks._check_journals) for finding in check()}

    def outcomes(self, *names):
        findings = self.findings()
        return [findings[name].outcome for name in names]

    def test_good(self):
        found = self.findings()
        self.assertEqual({'pass'}, {finding.outcome for finding in
                                    found.values()}, found)
        self.assertEqual('1 may be taken down now',
                         found['target hosts'].found)
        self.assertEqual([], self.cloud.calls('PUT', 'POST', 'DELETE'))

    def test_no_admin(self):
        self.roles = ['member']
        self.assertEqual(['fail'], self.outcomes('admin'))

    def test_plain_http(self):
        self.scheme = 'http'
        self.assertEqual(['warn'], self.outcomes('TLS'))

    def test_compute_microversion(self):
        for offered, allowed, outcome in (
                ('2.52', '2.100', 'fail'), ('2.53', '2.53', 'pass'),
                ('2.96', None, 'fail'), ('2.96', '2.10', 'fail'),
                ('2.96', 'latest', 'pass')):
            self.offered = offered
            self.config(group='compute', max_microversion=allowed)
            self.assertEqual(
                [outcome], self.outcomes('compute microversion 2.53'))

    def test_hosts(self):
        self.config(target_hosts=['cmp1', 'nowhere'])
        self.cloud.hold(2, 11, VCPU=1)
        self.assertEqual(
            ['fail', 'warn', 'fail'],
            self.outcomes('host nowhere', 'host cmp1', 'target hosts'))

    def test_check_that_cannot_be_done_is_a_failed_one(self):
        checks = preflight.CloudChecks(self.cloud.admin())
        checks._check_admin = checks._check_endpoints = iter(()).__iter__
        checks._check_compute_api = checks._check_image = iter(()).__iter__

        def no_json(method, path):
            if not path:
                raise fake_cloud.Answer(200, 'a proxy says hello')

        self.cloud.before_answer = no_json
        checks._check_flavor = iter(()).__iter__
        found = {finding.check: finding for finding in checks.run()}
        self.assertEqual(('fail', 'GET /: names no max_version'), (
            found['Placement API'].outcome, found['Placement API'].found))
        self.assertEqual('pass', found['target hosts'].outcome)
