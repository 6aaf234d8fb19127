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

"""What preflight says, of options, of a cloud in memory, and of no cloud."""

import collections
import io
import json
import os
import types

import fixtures

from local_delete_tempest_plugin.cmd import preflight as command
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import options
from local_delete_tempest_plugin.preflight import scenarios
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import base as scenario_base
from local_delete_tempest_plugin.scenario import test_local_delete
from local_delete_tempest_plugin.scenario import test_rights
from local_delete_tempest_plugin.scenario import test_without_placement
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit.preflight import whole_cloud

PLACEMENT_AWAY = ('test_allocations_removed_after_compute_restart',
                  'test_deleted_again_after_placement_outage',
                  'test_server_kept_when_placement_unavailable')


class OptionsTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.config(**whole_cloud.GOOD)
        self.config(group='compute', image_ref='i', flavor_ref='f',
                    max_microversion='latest')

    def findings(self):
        return {found.check: found for found in options.check()}

    def test_good(self):
        self.assertEqual(
            {finding.PASS},
            {found.outcome for found in self.findings().values()})

    def test_wrong(self):
        for changed, check, outcome, words in (
                ({'allow_outages': False}, 'allow_outages', 'fail',
                 'is False'),
                ({'target_hosts': []}, 'target_hosts', 'fail', 'is empty'),
                ({'poll_interval_start': 5.0, 'poll_interval_max': 1.0},
                 'poll_interval_start', 'fail',
                 '5 s, and poll_interval_max is 1 s'),
                ({'local_cleanup_timeout': 301}, 'local_cleanup_timeout',
                 'fail', '301 s, and heal_timeout is 300 s'),
                ({'service_down_timeout': 60}, 'service_down_timeout', 'warn',
                 '60 s'),
                ({'service_up_timeout': 20}, 'service_up_timeout', 'warn',
                 '20 s'),
                ({'heal_timeout': 60}, 'heal_timeout', 'warn', '60 s'),
                ({'compute_stop_command': 'ssh host stop'},
                 'compute_stop_command', 'fail', 'has no {host}'),
                ({'compute_stop_command': 'ssh {host} "stop'},
                 'compute_stop_command', 'fail', 'cannot be split'),
                ({'compute_start_command': None},
                 'compute_start_command', 'fail', 'is not set'),
                ({'compute_stop_command': None},
                 'compute_stop_command', 'fail', 'is not set'),
                ({'compute_freeze_command': 'true {host}'},
                 'compute_thaw_command', 'fail', 'is not set'),
                ({'compute_thaw_command': 'kill -CONT 1'},
                 'compute_thaw_command', 'fail', 'has no {host}'),
                ({'guest_list_command': 'virsh list'},
                 'guest_list_command', 'fail', 'has no {host}'),
                ({'guest_list_command': '/no/such/program {host}'},
                 'guest_list_command', 'fail', '/no/such/program'),
                ({'placement_stop_command': '/no/such/program'},
                 'placement_stop_command', 'fail', '/no/such/program'),
                ({'placement_proxy_stop_command': 'true'},
                 'placement_proxy_start_command', 'fail', 'is not set')):
            self.config(**dict(whole_cloud.GOOD, poll_interval_start=0.01,
                               poll_interval_max=1.0,
                               local_cleanup_timeout=5, heal_timeout=300,
                               placement_proxy_stop_command=None,
                               compute_freeze_command=None,
                               compute_thaw_command=None,
                               guest_list_command=None))
            self.config(**changed)
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
        for timeout, outcome in (('0', 'pass'), ('nonsense', 'warn'),
                                 ('1', 'warn'), ('1300', 'warn'),
                                 ('86400', 'pass')):
            with fixtures.EnvironmentVariable('OS_TEST_TIMEOUT', timeout):
                self.assertEqual(
                    outcome, self.findings()['OS_TEST_TIMEOUT'].outcome)

    def test_directories_that_cannot_be_made(self):
        file = self.useFixture(fixtures.TempDir()).join('file')
        open(file, 'w').close()
        for group, option, check in (
                ('local_delete', 'journal_dir', 'journal_dir'),
                ('oslo_concurrency', 'lock_path',
                 '[oslo_concurrency] lock_path')):
            self.config(group, **{option: file + '.d/new'})
            self.assertEqual('pass', self.findings()[check].outcome)
            self.config(group, **{option: file + '/new'})
            self.assertEqual('fail', self.findings()[check].outcome)
            self.config(group, **{option: os.path.dirname(file)})
            # root may write anywhere, except where nobody may.
            with fixtures.MonkeyPatch('os.access', lambda path, mode: (
                    mode & os.W_OK == 0)):
                found = self.findings()[check]
            self.assertEqual('fail', found.outcome)
            self.assertIn('every scenario fails', found.to_do)

    def test_certificates(self):
        self.config(group='identity', ca_certificates_file='/no/such/file')
        self.assertEqual(
            'fail',
            self.findings()['[identity] ca_certificates_file'].outcome)
        self.config(group='identity', ca_certificates_file=__file__,
                    disable_ssl_certificate_validation=True)
        for required, outcome in ((False, 'warn'), (True, 'fail')):
            self.config(require_tls=required)
            self.assertEqual(outcome, self.findings()['certificates'].outcome)

    def scenarios(self, usable_hosts=2, front=None):
        self.config('compute-feature-enabled', resize=True)
        self.config(target_hosts=['*'])
        return {found.check: (found.outcome, found.found)
                for cls in (test_local_delete.LocalDeleteTest,
                            test_without_placement.NoPlacementTest)
                for found in scenarios.foresee(cls, usable_hosts, front)}

    def test_scenarios(self):
        self.config(placement_proxy_stop_command='true',
                    placement_proxy_start_command='true')
        foreseen = self.scenarios()
        self.assertEqual(
            {name for name in dir(test_local_delete.LocalDeleteTest)
             if name.startswith('test_')} | {*PLACEMENT_AWAY}, set(foreseen))
        self.assertEqual({('pass', 'runs')}, set(foreseen.values()))
        self.config(allow_placement_outage=False)
        self.assertEqual(
            dict.fromkeys(PLACEMENT_AWAY, (
                'warn', 'skips: [local_delete] allow_placement_outage is '
                'False')),
            {name: found for name, found in self.scenarios().items()
             if found[0] != 'pass'})
        self.config(allow_placement_outage=True, compute_stop_command=None)
        self.assertEqual(
            dict.fromkeys(PLACEMENT_AWAY, (
                'warn', 'skips: [local_delete] compute_stop_command: not '
                'set')),
            {name: found for name, found in self.scenarios().items()
             if found[0] != 'pass'})

    def test_scenario_of_two_hosts(self):
        class Moves(scenario_base.BaseLocalDeleteTest):
            @needs.needs(needs.two_hosts)
            def test_move(self):
                pass

        for hosts, targets, outcome in (
                (2, ['one', 'two'], 'runs'), (2, ['*'], 'runs'),
                (1, ['*'], 'skips: only one host may be taken down now, and '
                 'two are needed'),
                (2, ['one', ''], 'skips: [local_delete] target_hosts names 1 '
                 'host, and a move needs two')):
            self.config(target_hosts=targets)
            found, = scenarios.foresee(Moves, hosts)
            self.assertEqual(outcome, found.found)

    def test_every_class_is_looked_at(self):
        found = scenarios.find_classes()
        self.assertIn(test_local_delete.LocalDeleteTest, found)
        self.assertEqual(len(found), len(set(found)))

    def test_scenario_that_the_outage_itself_decides(self):
        self.assertEqual(
            ('pass', 'runs, or skips if the outage shows that a proxy answers '
             '503'),
            self.scenarios()['test_allocations_removed_after_compute_restart'])
        self.assertEqual(
            ('pass', 'runs, or skips if the outage shows that connections are '
             'refused'),
            self.scenarios()['test_server_kept_when_placement_unavailable'])

    def test_front_end_in_front_of_placement(self):
        found = self.scenarios(front='http://cloud/x answered 404')
        self.assertEqual(
            ('pass', 'runs'),
            found['test_server_kept_when_placement_unavailable'])
        outcome, words = found[
            'test_allocations_removed_after_compute_restart']
        self.assertEqual('warn', outcome)
        self.assertIn('a front end listens there: http://cloud/x', words)
        self.config(placement_proxy_stop_command='true',
                    placement_proxy_start_command='true')
        self.assertEqual({('pass', 'runs')}, set(
            self.scenarios(front='http://cloud/x answered 404').values()))

    def test_no_scenario_runs(self):
        for expected, hosts, changed in (
                (('warn', 'skips: no host may be taken down now'), 0, {}),
                (('warn', 'cannot be foreseen'), None, {}),
                (('warn', 'skips: [local_delete] allow_outages is False: set '
                  'it to True where the computes of target_hosts may be taken '
                  'down'), None, {'allow_outages': False}),
                (('fail', 'fails: [local_delete] require_tls is True, and '
                  '[identity] uri_v3 is http://keystone.test'), 1,
                 {'require_tls': True})):
            self.config(group='identity',
                        uri_v3='http://user:SECRET@keystone.test/v3')
            self.config(**dict(whole_cloud.GOOD, require_tls=False))
            self.config(**changed)
            self.assertEqual({expected}, set(self.scenarios(hosts).values()))


class CloudTest(whole_cloud.CloudCase):

    def test_good_and_only_reads(self):
        for dynamic in (True, False):
            self.config(group='auth', use_dynamic_credentials=dynamic)
            found = self.findings(try_commands=True)
            self.assertEqual({'pass'}, {one.outcome for one in
                                        found.values()}, found)
            self.assertEqual('1 may be taken down now',
                             found['target hosts'].found)
            self.assertEqual(('cmp1',), found['target hosts'].names)
            self.assert_only_reads()

    def requests(self):
        """Count what preflight asks, by path without the query."""
        self.cloud.requests.clear()
        self.findings()
        return collections.Counter(
            path.partition('?')[0] for _, path, _, _ in self.cloud.requests)

    def test_requests_grow_only_with_target_hosts(self):
        few = self.requests()
        for number in range(13, 43):
            self.cloud.add_compute('cmp%d' % number, number)
        self.assertEqual(few, self.requests(),
                         'preflight asks more, and one host is a target')

    def test_many_target_hosts_of_which_too_few_are_up(self):
        for number in range(13, 43):
            self.cloud.add_compute('cmp%d' % number, number)
        self.config(target_hosts=['*'], min_other_hosts=99)
        self.assertEqual(1, self.requests()['os-hypervisors/detail'],
                         'preflight should read the nodes once')

    def test_many_target_hosts(self):
        for number in range(13, 43):
            self.cloud.add_compute('cmp%d' % number, number)
        self.config(target_hosts=['*'])
        asked = self.requests()
        # The services are of three binaries.
        self.assertEqual(
            {'os-hypervisors/detail': 1, 'os-services': 3},
            {path: asked[path] for path in ('os-hypervisors/detail',
                                            'os-services')},
            'preflight should read each list of the cloud once')
        found = [check for check in self.findings()
                 if check.startswith('host ')]
        self.assertEqual((32, sorted(found)), (len(found), found))

    def test_many_target_hosts_with_servers(self):
        """Nova needs half a minute to list a thousand nodes."""
        for number in range(13, 43):
            self.cloud.add_compute('cmp%d' % number, number)
            self.cloud.hold(100 + number, number, VCPU=1)
        self.config(target_hosts=['*'])
        asked = self.requests()
        self.assertEqual(1, asked['traits'])
        # Two of them are read again, as a scenario would.
        self.assertEqual(
            34, sum(count for path, count in asked.items()
                    if path.endswith('/allocations')))
        queries = [path for _, path, _, _ in self.cloud.requests
                   if path.startswith('os-hypervisors/detail')]
        self.assertEqual(2, len(queries), queries)
        for query in queries:
            self.assertIn('hypervisor_hostname_pattern', query)
        self.assert_found('target hosts', 'pass', '2 may be taken down now')
        self.assert_found('host cmp13', 'warn', 'not of this run')

    def test_many_target_hosts_with_other_names(self):
        """Only Nova tells then which provider a host has."""
        for number in range(13, 43):
            self.cloud.add_compute('cmp%d' % number, number)
            self.cloud.hold(100 + number, number, VCPU=1)
        for node in self.cloud.hypervisors:
            node['hypervisor_hostname'] = 'node-' + node['id']
        for number, provider in enumerate(self.cloud.providers):
            # One has the name that another host would give it.
            provider['name'] = 'cmp13' if number == 0 else provider['uuid']
        self.config(target_hosts=['*'])
        self.assert_found('target hosts', 'pass', '2 may be taken down now')
        self.assert_found('host cmp13', 'warn', 'not of this run')
        self.requests()
        self.assertEqual(1, len([
            path for _, path, _, _ in self.cloud.requests
            if path.startswith('os-hypervisors/detail')
            and 'pattern' not in path]))

    def test_no_admin(self):
        self.cloud.roles['boss'] = ['member']
        self.assert_found('admin', 'fail', 'has the roles member')
        self.assert_found('dynamic credentials', 'fail', 'no role admin')

    def test_members_that_would_be_admins(self):
        self.config(group='auth', tempest_roles=['admin'])
        self.assert_found('member', 'fail', 'the roles admin, member')

    def test_role_that_keystone_lacks(self):
        self.cloud.known_roles = ['admin', 'reader']
        self.assert_found('dynamic credentials', 'fail',
                          'Keystone has no role member')

    def test_accounts(self):
        self.config(group='auth', use_dynamic_credentials=False)
        for user, roles, outcome, words in (
                ('joe', ['member', 'admin'], 'fail', 'should be no admin'),
                ('joe', ['reader'], 'fail', 'and not member'),
                ('joe', ['member', 'owner'], 'warn', 'member, owner'),
                ('boss', ['member'], 'fail', 'and not admin')):
            self.cloud.roles = {'boss': ['admin'], 'joe': ['member'],
                                user: roles}
            self.assert_found('account %s in p' % user, outcome, words)

    def test_account_with_a_wrong_password(self):
        self.config(group='auth', use_dynamic_credentials=False)
        self.accounts.write_text(whole_cloud.ACCOUNTS.replace(
            'joe, password: SECRET', 'joe, password: WRONG'))
        self.assert_found('account joe in p', 'fail', 'who?')
        self.assertNotIn('WRONG', str(self.findings()))

    def test_accounts_files(self):
        self.config(group='auth', use_dynamic_credentials=False)
        for text, check, words in (
                ('- {username: SECRET', 'accounts', 'is not YAML'),
                ('username: SECRET', 'accounts', 'not a list of accounts'),
                (whole_cloud.ACCOUNTS.replace('admin', 'reader'),
                 'accounts: admin', 'has none'),
                (whole_cloud.ACCOUNTS.replace('[member]', '[reader]'),
                 'accounts: member', 'has none')):
            self.accounts.write_text(text)
            self.assert_found(check, 'fail', words)
            self.assertNotIn('SECRET', str(self.findings()))
        self.accounts.unlink()
        self.assert_found('accounts', 'fail', 'could not be found')

    def test_advice_for_what_account_generator_writes(self):
        """It omits the roles, and Tempest then finds no member."""
        self.config(group='auth', use_dynamic_credentials=False)
        no_roles = whole_cloud.ACCOUNTS.replace(', roles: [member]', '')
        for text, roles, to_do in (
                (no_roles, ['member'],
                 'write "roles: [member]" and its project_name to the account '
                 'joe in p in %s' % self.accounts),
                (no_roles, ['reader'],
                 'add an account with "roles: [member]"'),
                (no_roles.replace('joe, password: SECRET',
                                  'joe, password: WRONG'), ['member'],
                 'add an account with "roles: [member]"'),
                # Tempest asks for the name of the project.
                (whole_cloud.ACCOUNTS.replace(
                    'project_name: p, roles: [member]',
                    'project_id: x, roles: [member]'), ['member'],
                 'and a project_name')):
            self.accounts.write_text(text)
            self.cloud.roles['joe'] = roles
            found = self.findings()
            self.assertEqual('fail', found['accounts: member'].outcome)
            self.assertIn(to_do, found['accounts: member'].to_do)
            self.assertEqual(
                'fails: %s has no account with the role member and a '
                'project_name' % self.accounts,
                found['test_allocations_removed_by_api'].found)
        self.assert_only_reads()

    def test_many_accounts_of_one_project(self):
        """Each logs in once, and one of them reads."""
        self.config(group='auth', use_dynamic_credentials=False)
        few = self.requests()
        self.accounts.write_text(whole_cloud.ACCOUNTS + 9 * (
            '- {username: joe, password: SECRET, project_name: p, roles: '
            '[member]}\n'))
        few['v3/auth/tokens'] += 9
        self.assertEqual(few, self.requests())

    def test_account_that_only_some_scenarios_need(self):
        self.config(group='auth', use_dynamic_credentials=False)
        more = whole_cloud.ACCOUNTS + (
            '- {username: ann, password: SECRET, project_name: p, roles: '
            '[reader]}\n- {username: jim, password: SECRET, project_name: '
            '%s, roles: [member]}\n')
        for text, words in (
                (whole_cloud.ACCOUNTS, 'and one is needed; and 1 with member'),
                (more % 'p', 'a member of another project is needed'),
                (more % 'q', 'runs')):
            self.accounts.write_text(text)
            found = {one.check: one.found for one in scenarios.foresee(
                test_rights.RightsTest, 1)}
            self.assertIn(words, found['test_unknown_caller_refused'])

    def test_nobody_logs_in(self):
        call = 'POST https://keystone.test/v3/auth/tokens'
        for problem in ('no answer: Connection refused',
                        'its certificate is not to be trusted (x): set y'):
            self.error = exceptions.RequestFailed(call=call, problem=problem)
            self.assert_found('admin', 'fail', '%s: %s' % (call, problem))
            self.assertEqual(
                'cannot be foreseen',
                self.findings()['test_leaked_allocations_healed'].found)
        self.error = None
        self.config(group='auth', admin_password='WRONG')
        self.assert_found('admin', 'fail', 'who?')

    def test_plain_http(self):
        self.cloud.urls['image'] = 'http://user:SECRET@image.test'
        self.assert_found('endpoint image', 'warn', 'http://image.test')
        self.config(require_tls=True)
        self.assert_found('endpoint image', 'fail', 'http://image.test')
        self.cloud.requests.clear()
        self.assert_found('admin', 'fail',
                          'the endpoint of image is http://image.test')
        self.assertNotIn('GET v2/images/image', self.cloud.calls())

    def test_no_password_over_plain_http(self):
        self.config(require_tls=True)
        self.config(group='identity', uri_v3='http://keystone.test/v3')
        for dynamic in (True, False):
            self.config(group='auth', use_dynamic_credentials=dynamic)
            self.assert_found('admin', 'fail', '[identity] uri_v3 is http:')
        self.assertEqual([], self.cloud.requests)

    def test_endpoints(self):
        del self.cloud.urls['placement']
        self.assert_found(
            'endpoint placement', 'fail',
            'the catalog has no public endpoint of type placement in region')
        self.assert_found('target hosts', 'fail', 'has no service of type')

        def unavailable(method, path):
            if self.cloud.asked == 'network':
                raise fake_cloud.Answer(503)

        self.cloud.before_answer = unavailable
        self.assert_found('endpoint network', 'fail', 'answers 503')

    def test_compute_microversion(self):
        for offered, lowest, allowed, outcome in (
                ('2.52', None, 'latest', 'fail'),
                ('2.53', None, '2.53', 'pass'),
                ('2.96', None, None, 'fail'),
                ('2.96', None, '2.10', 'fail'),
                ('2.96', '2.60', 'latest', 'fail'),
                ('2.96', '2.1', 'latest', 'pass')):
            self.cloud.offered = offered
            self.config(group='compute', min_microversion=lowest,
                        max_microversion=allowed)
            self.assertEqual(
                outcome,
                self.findings()['compute microversion 2.53'].outcome)

    def test_known_bugs(self):
        self.assert_found('known_bugs', 'pass', 'the defects of 2026.1, ')
        self.cloud.offered = '2.999'
        self.assert_found('known_bugs', 'warn', 'up to 2.999, and no newer')
        self.config(known_bugs=['2026.2'])
        self.assert_found('known_bugs', 'pass', 'listed: 2026.2')

    def test_network(self):
        self.config(group='auth', create_isolated_networks=False)
        self.config(group='compute', fixed_network_name='net')
        self.assert_found('network', 'pass', 'net is ACTIVE, with 1 subnets')
        self.cloud.networks[0]['subnets'] = []
        self.assert_found('network', 'fail', 'with 0 subnets')
        self.cloud.networks = []
        self.assert_found('network', 'fail', '0 networks have the name net')

    def test_hosts(self):
        self.config(target_hosts=['cmp1', 'nowhere'])
        self.assert_found('host nowhere', 'fail', 'no compute service')
        self.cloud.hold(2, 11, VCPU=1)
        self.assert_found('host cmp1', 'warn', 'not of this run')
        self.assert_found('target hosts', 'fail', '0 may be taken down')

    def test_start_commands(self):
        self.config(compute_start_command='false {host}',
                    compute_thaw_command='false {host}',
                    placement_start_command='false')
        found = self.findings(try_commands=True)
        for name in ('try compute_start_command on cmp1',
                     'try compute_thaw_command on cmp1',
                     'try placement_start_command'):
            self.assertEqual('fail', found[name].outcome)
        self.assertNotIn('try compute_start_command on cmp2', found)

    def test_start_commands_of_the_control_plane(self):
        self.config(scheduler_start_command='false',
                    conductor_start_command='false')
        for number, binary in ((300, 'nova-scheduler'),
                               (301, 'nova-conductor')):
            self.cloud.add_service('ctl', number)
            self.cloud.services[-1]['binary'] = binary
        found = self.findings(try_commands=True)
        for name in ('scheduler', 'conductor'):
            self.assertEqual(
                'fail', found['try %s_start_command' % name].outcome)
        self.cloud.services[-1]['forced_down'] = True
        found = self.findings(try_commands=True)['try conductor_start_command']
        self.assertEqual('warn', found.outcome)
        self.assertIn('nova-conductor: ctl is down', found.found)

    def test_what_is_down_is_not_started(self):
        self.config(compute_start_command='false {host}',
                    placement_start_command='false')
        self.cloud.service_of('cmp1')['forced_down'] = True

        def unavailable(method, path):
            if self.cloud.asked == 'placement':
                raise fake_cloud.Answer(503)

        self.cloud.before_answer = unavailable
        found = self.findings(try_commands=True)
        for name, words in (('try compute_start_command on cmp1', 'down'),
                            ('try placement_start_command', '503')):
            self.assertEqual('warn', found[name].outcome)
            self.assertIn(words, found[name].found)

    def test_answer_that_cannot_be_used(self):
        def no_json(method, path):
            if path == 'v2/images/image':
                raise fake_cloud.Answer(200, {'colour': 'blue'})
            if self.cloud.asked == 'placement' and not path:
                raise fake_cloud.Answer(200, 'a proxy says hello')

        self.cloud.before_answer = no_json
        self.assert_found('image', 'fail', "'name' is a required property")
        self.assert_found('Placement API', 'fail',
                          'GET https://placement.test/: is not JSON')
        self.assert_found('flavor', 'pass', 'tiny: 1 DISK_GB')
        self.assert_found('target hosts', 'pass', '1 may be')

    def test_answer_of_an_odd_form_fails_one_check(self):
        for odd in None, [], {}, 7:
            found, = finding.collect('x', lambda odd=odd: [odd.metadata['a']])
            self.assertEqual('fail', found.outcome)
            self.assertIn('an answer cannot be used', found.found)

    def run_command(self, *arguments):
        """Run it as cliff does.

        :returns: (exit code, what it printed).
        """
        app = types.SimpleNamespace(
            stdout=io.StringIO(), stderr=io.StringIO(),
            options=types.SimpleNamespace(debug=False, verbose_level=1))
        preflight = command.Preflight(app, None)
        code = preflight.run(preflight.get_parser('preflight').parse_args(
            arguments))
        return code, app.stdout.getvalue()

    def test_formats_and_exit_codes(self):
        # Others need more than the one host of this cloud.
        self.patch(scenarios, 'find_classes',
                   lambda: [test_local_delete.LocalDeleteTest])
        code, text = self.run_command('-f', 'json')
        self.assertEqual(0, code)
        self.assertEqual({'pass'}, {row['Outcome']
                                    for row in json.loads(text)})
        code, text = self.run_command('-f', 'csv')
        self.assertEqual((0, '"Check","Outcome","Found","To do"'),
                         (code, text.splitlines()[0]))
        self.config(heal_timeout=60)
        self.assertEqual(0, self.run_command()[0])
        self.config(allow_outages=False)
        self.assertEqual(1, self.run_command()[0])
        stderr = self.useFixture(fixtures.StringStream('stderr')).stream
        with fixtures.MonkeyPatch('sys.stderr', stderr):
            end = self.assertRaises(SystemExit, self.run_command, '--bogus')
        self.assertEqual(2, end.code)

    def test_escape_sequence_in_a_disabled_reason(self):
        self.patch(scenarios, 'find_classes', list)
        self.cloud.service_of('cmp1').update(
            status='disabled',
            disabled_reason='\x1b]0;pwned\x07\rpass \u202egpj.exe')
        for form in ('table', 'csv', 'value', 'json', 'yaml'):
            _, text = self.run_command('-f', form)
            self.assertTrue(text.replace('\n', '').isprintable(),
                            '%s: %a' % (form, text))
            self.assertIn('pwned', text)

    def set_up(self, scenario):
        try:
            scenario.setup_credentials()
        finally:
            scenario._accounts.cleanUp()

    def test_scenarios_refuse_plain_http(self):
        class Scenario(test_local_delete.LocalDeleteTest):
            pass

        self.config(require_tls=True)
        for kind, name in (('image', 'image'), ('block-storage', 'volume')):
            urls = dict(self.cloud.urls)
            self.cloud.urls[kind] = 'http://plain.test'
            error = self.assertRaises(
                exceptions.InsecureCloud, self.set_up, Scenario)
            self.assertEqual(
                '[local_delete] require_tls is True, and the endpoint of %s '
                'is http://plain.test' % name, str(error))
            self.cloud.urls = urls
        self.assert_only_reads()
