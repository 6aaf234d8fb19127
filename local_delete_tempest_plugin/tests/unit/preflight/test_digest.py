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

"""What a person reads of preflight."""

import dataclasses
import io
import types

import fixtures

from local_delete_tempest_plugin.cmd import base as command_base
from local_delete_tempest_plugin.cmd import preflight as command
from local_delete_tempest_plugin.preflight import checks
from local_delete_tempest_plugin.preflight import digest
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import pace
from local_delete_tempest_plugin.preflight import scenarios
from local_delete_tempest_plugin.tests.unit import base


def runs(family, count=1, seconds=60, host_out=90):
    return [finding.Forecast(
        'test_%d' % number, finding.PASS, 'runs', family=family,
        seconds=seconds, host_out=host_out) for number in range(count)]


def skips(family, reason, count=1):
    return [finding.Forecast(
        'test_%d' % number, finding.WARN, 'skips: ' + reason, 'change that',
        family=family, plan=finding.Plan.SKIP, reason=reason)
        for number in range(count)]


def fails(family, reason, count=1):
    return [finding.Forecast(
        'test_%d' % number, finding.FAIL, 'fails: ' + reason, 'change that',
        family=family, plan=finding.Plan.FAIL, reason=reason)
        for number in range(count)]


PASSES = [finding.Finding('image', finding.PASS, 'cirros is active')]
WARNS = [finding.Finding('journals', finding.WARN, 'of a run: A', 'recover')]
FAILS = [finding.Finding('host x', finding.FAIL, 'no service', 'name y')]


class DigestTest(base.TestCase):

    def lines(self, findings, width=command_base.WIDTH):
        return list(digest.lines(findings, width))

    def test_what_fails_is_first_and_the_sum_is_last(self):
        self.assertEqual([
            'FAIL  host x: no service',
            '      To do: name y',
            'WARN  journals: of a run: A',
            '      To do: recover',
            '',
            'moves  2 run, 3 skip',
            'ports  1 run, 1 skip',
            '',
            '   3 skip: freeze is not set',
            '           moves 2, ports 1',
            '   1 skip: only one host',
            '           moves 1',
            '',
            '1 check failed. 3 run, 4 skip, 0 fail, about 3 minutes, hosts '
            'out for up to 90 s each'], self.lines([
                *PASSES, *WARNS, *runs('moves', 2),
                *skips('moves', 'freeze is not set', 2),
                *skips('moves', 'only one host'), *runs('ports'),
                *skips('ports', 'freeze is not set'), *FAILS]))

    def test_a_note_is_told_although_it_passes(self):
        note = finding.Finding('known_bugs', finding.PASS, 'of 2026.1',
                               kind=finding.NOTE)
        self.assertEqual(
            ['WARN  journals: of a run: A', '      To do: recover',
             'NOTE  known_bugs: of 2026.1', '', 'ports  1 run'],
            self.lines([note, *PASSES, *WARNS, *runs('ports')])[:5])

    def test_where_all_is_well(self):
        self.assertEqual(
            ['ports  1 run', '', '1 run, 0 skip, 0 fail, about 1 minute, '
             'hosts out for up to 30 s each'],
            self.lines([*PASSES, *runs('ports', host_out=30)]))

    def test_where_nothing_would_run(self):
        self.assertEqual('0 run, 2 skip, 0 fail', self.lines(
            skips('ports', 'allow_outages is False', 2))[-1])
        self.assertEqual(
            ['FAIL  2 scenarios: require_tls is True',
             '      To do: change that', '', 'ports  2 fail', '',
             '0 run, 0 skip, 2 fail'],
            self.lines(fails('ports', 'require_tls is True', 2)))

    def test_where_failed_checks_leave_it_open(self):
        unknown = finding.Forecast(
            'test_x', finding.WARN, 'cannot be foreseen', 'see above',
            family='ports', plan=finding.Plan.UNKNOWN)
        self.assertEqual([
            'FAIL  host x: no service', '      To do: name y',
            'WARN  2 scenarios cannot be foreseen',
            '      To do: see the checks that failed', '',
            'ports  2 cannot be foreseen', '',
            '1 check failed. 0 run, 0 skip, 0 fail, 2 cannot be foreseen'],
            self.lines([*FAILS, unknown, unknown]))

    def test_where_only_the_outage_shows_it(self):
        doubtful = finding.Forecast(
            'test_x', finding.PASS, 'runs', family='ports',
            unless='the outage shows that X')
        self.assertEqual(
            ['ports  1 run', '', '   1 may skip: the outage shows that X', '',
             '1 run, 0 skip, 0 fail, about 0 minutes, hosts out for up to 0 s '
             'each'], self.lines([doubtful]))

    def test_hosts_that_scenarios_take_down(self):
        hosts = finding.Hosts('target hosts', finding.PASS, '2 may be taken '
                              'down now', names=('cmp1', 'cmp2'))
        line = 'Hosts that scenarios may take down: cmp1, cmp2'
        self.assertEqual(line, self.lines([hosts, *runs('ports')])[-2])
        self.assertNotIn(line, self.lines([hosts, *skips('ports', 'x')]))
        many = dataclasses.replace(hosts, names=tuple(
            'cmp%d' % number for number in range(1000)))
        text = ' '.join(self.lines([many, *runs('ports')]))
        self.assertIn('cmp19 and 980 more', ' '.join(text.split()))

    def test_many_hosts_of_one_kind(self):
        self.assertEqual([
            'WARN  host 0: has server 0', '      To do: nothing',
            'WARN  host 1: has server 1', '      To do: nothing',
            'WARN  host 2: has server 2', '      To do: nothing',
            'WARN  997 more of this kind: foreign-server',
            '      To do: see all of them with --all',
            'WARN  host x: is down', '      To do: nothing', '',
            '0 run, 0 skip, 0 fail'], self.lines([
                *[finding.Finding(
                    'host %d' % number, finding.WARN,
                    'has server %d' % number, 'nothing', kind='foreign-server')
                    for number in range(1000)],
                finding.Finding('host x', finding.WARN, 'is down', 'nothing',
                                kind='not-up')]))

    def test_endpoints_without_tls_are_told_together(self):
        plain = [finding.Finding(
            'endpoint %s' % name, finding.WARN, 'http://%s.test' % name,
            'use https', kind=finding.PLAIN)
            for name in ('compute', 'identity', 'image', 'network')]
        self.assertEqual([
            'WARN  endpoint compute, endpoint identity, endpoint image, '
            'endpoint network: plain http', '      To do: use https', ''],
            self.lines(plain)[:-1])
        self.assertEqual('WARN  endpoint compute: http://compute.test',
                         self.lines(plain[:1])[0])

    def test_words_that_begin_with_the_name(self):
        for name, words, expected in (
                ('host a', 'host a is down', 'WARN  host a is down'),
                ('host a', 'host ab is', 'WARN  host a: host ab is')):
            self.assertEqual(expected, self.lines([finding.Finding(
                name, finding.WARN, words)])[0])

    def test_a_code_is_not_broken(self):
        found = finding.Finding('x', finding.WARN, 'few [too-few-others]')
        self.assertEqual(['WARN  x: few', '      [too-few-others]'],
                         self.lines([found], 22)[:2])

    def test_checks_that_fail_for_one_cause(self):
        self.assertEqual([
            'FAIL  a, c: no answer', '      To do: see x',
            '      To do: see y', 'FAIL  b: other', ''], self.lines([
                finding.Finding(check, finding.FAIL, found, to_do)
                for check, found, to_do in (
                    ('a', 'no answer', 'see x'), ('b', 'other', ''),
                    ('c', 'no answer', 'see y'))])[:-1])

    def test_no_line_is_wider_than_the_terminal(self):
        names = ', '.join('compute%d' % number for number in range(99))
        found = [finding.Finding('x' * 150, finding.FAIL, names, names),
                 *runs('ports'), *skips('moves', names, 3)]
        for width in (command_base.WIDTH, 40):
            wide = [line for line in self.lines(found, width)
                    if len(line) > width]
            self.assertEqual([], wide, 'these lines have more than %d '
                             'columns' % width)

    def test_words_of_others_cannot_change_the_screen(self):
        hostile = '\x1b]0;pwned\x07\rpass \u202egpj.exe'
        text = ''.join(self.lines([
            finding.Finding(hostile, finding.FAIL, hostile, hostile),
            *skips('ports', hostile)]))
        self.assertTrue(text.isprintable(), '%a' % text)


class PaceTest(base.TestCase):

    def test_hosts_are_out_for_as_long_as_nova_needs(self):
        self.config(stays_gone_period=200)
        found = {(one.family, one.check): one
                 for cls in scenarios.find_classes()
                 for one in scenarios.foresee(cls, None)}
        tests = {(cls.__module__.rpartition('.test_')[2], name):
                 getattr(cls, name) for cls in scenarios.find_classes()
                 for name in dir(cls) if name.startswith('test_')}
        self.assertEqual(set(found), set(tests))
        for key, of_nova, slow in (
                (('states', 'test_paused_server_deleted_stopped'), 90, 970),
                (('states', 'test_paused_server_deleted_forced_down'), 30,
                 250),
                (('stays_gone', 'test_stays_gone_stopped'), 290, 1170)):
            self.assertEqual(
                of_nova, pace.OF_NOVA.host_out_in(tests[key]), key)
            self.assertEqual(
                slow, pace.Pace(120, 720).host_out_in(tests[key]), key)
        # As measured on a DevStack with Nova's defaults.
        seconds = pace.OF_NOVA.seconds_of(tests[
            'states', 'test_paused_server_deleted_stopped'])
        self.assertTrue(80 < seconds < 130, seconds)


class Terminal(io.StringIO):

    def isatty(self):
        return True


class OutputTest(base.TestCase):
    """The command, with checks that found something already."""

    def setUp(self):
        super().setUp()
        self.found = [*PASSES, *FAILS, *runs('ports'), *skips('moves', 'x')]

        class Checks:
            def __init__(checks, classes, try_commands, progress):
                checks.progress = progress

            def run(checks):
                for one in self.found:
                    checks.progress(one.check)
                    yield one

        self.patch(checks, 'Checks', Checks)

    def run_command(self, *arguments, stream=io.StringIO):
        """Run it as cliff does.

        :returns: What it printed, and its words on stderr.
        """
        app = types.SimpleNamespace(
            stdout=stream(), stderr=stream(),
            options=types.SimpleNamespace(debug=False, verbose_level=1))
        preflight = command.Preflight(app, None)
        preflight.run(preflight.get_parser('preflight').parse_args(arguments))
        return app.stdout.getvalue(), app.stderr.getvalue()

    def test_one_line_a_family_unless_all_is_asked_for(self):
        text, _ = self.run_command()
        self.assertNotIn('cirros', text)
        self.assertIn('ports  1 run', text)
        every_row, _ = self.run_command('--all')
        for words in ('PASS  image: cirros is active', 'PASS  test_0: runs',
                      'FAIL  host x: no service\n      To do: name y',
                      'WARN  test_0: skips: x\n      To do: change that'):
            self.assertIn(words, every_row)
        for shown in (text, every_row):
            self.assertEqual(
                '1 check failed. 1 run, 1 skip, 0 fail, about 1 minute, hosts '
                'out for up to 90 s each', shown.splitlines()[-1])

    def test_other_formats_have_all(self):
        for arguments in (('-f', 'csv'), ('-f', 'json'),
                          ('-c', 'Check', '-c', 'Found')):
            text, _ = self.run_command(*arguments)
            for words in ('cirros is active', 'test_0', 'skips: x'):
                self.assertIn(words, text)
            self.assertNotIn('hosts out', text)

    def test_terminal(self):
        self.found.append(finding.Finding('y', finding.WARN, 'long ' * 99))
        for columns, widest in ((60, 60), (300, command_base.WIDTH)):
            with fixtures.EnvironmentVariable('COLUMNS', str(columns)):
                for arguments in ((), ('--all',)):
                    text, _ = self.run_command(*arguments, stream=Terminal)
                    width = max(map(len, text.splitlines()))
                    self.assertTrue(width <= widest, '%d columns on a '
                                    'terminal of %d' % (width, columns))

    def test_names_of_scenarios_are_whole(self):
        names = {name for cls in scenarios.find_classes()
                 for name in dir(cls) if name.startswith('test_')}
        self.found = [finding.Forecast(
            name, finding.WARN, 'skips: ' + 'long ' * 30, 'change that',
            plan=finding.Plan.SKIP) for name in sorted(names)]
        columns = fixtures.EnvironmentVariable(
            'COLUMNS', str(command_base.WIDTH))
        with columns:
            text, _ = self.run_command('--all', stream=Terminal)
        self.assertEqual(
            set(), {name for name in names if name + ':' not in text})

    def test_standard_output_that_is_closed(self):
        self.found = PASSES
        app = types.SimpleNamespace(
            stdout=None, stderr=None,
            options=types.SimpleNamespace(debug=False, verbose_level=1))
        preflight = command.Preflight(app, None)
        preflight.cmd_name = 'local-delete preflight'
        self.assertEqual(0, preflight.run(
            preflight.get_parser('preflight').parse_args([])))

    def test_narrow_terminal(self):
        """One letter a line could not be read."""
        with fixtures.EnvironmentVariable('COLUMNS', '1'):
            text, _ = self.run_command(stream=Terminal)
        self.assertIn('1 check failed.', text)

    def test_progress_only_on_a_terminal(self):
        _, words = self.run_command()
        self.assertEqual('', words)
        _, words = self.run_command(stream=Terminal)
        self.assertIn('Checking: host x', words)
        self.assertTrue(words.endswith('\r\x1b[K'), '%r stays on the screen'
                        % words)
