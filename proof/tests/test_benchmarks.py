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

"""The tables of the benchmarks, from a log of Tempest."""

import ast
import contextlib
import importlib
import io
import json
import pathlib
import textwrap
from unittest import mock

from allinone import deployment
from allinone.tests import base
from proof import __main__ as main
from proof.benchmarks import floor
from proof.benchmarks import request_counts
from proof.benchmarks import run_log

_ID = '7d67bffa-af35-4fbf-976f-f6f724f6603b'

# A class is set up for 1 s. Its story takes 10 s: 4 s to boot, of which the
# wait is 3 s; 2 s in a clean-up. Another process does something else.
_LOG = textwrap.dedent(f"""\
    2026-11-26 17:00:01.000 7 INFO tempest.lib.common.rest_client [-] \
Request (ATest:setUpClass): 201 POST http://127.0.0.1:1/v3/auth/tokens 0.500s
    2026-11-26 17:00:01.500 7 INFO tempest.lib.common.rest_client [-] \
Request (ATest:setUpClass): 201 POST http://127.0.0.1:1/v3/users 0.100s
    2026-11-26 17:00:03.000 7 INFO tempest.lib.common.rest_client [-] \
Request (ATest:test_a): 202 POST http://127.0.0.1:1/v2.1/servers 0.500s
    2026-11-26 17:00:03.500 7 INFO tempest.lib.common.rest_client [-] \
Request (ATest:test_a): 200 GET http://127.0.0.1:1/v2.1/servers/{_ID} 0.400s
        Body: b'Request (ATest:test_a): 200 GET http://127.0.0.1:1/x 0.400s'
    2026-11-26 17:00:04.000 9 INFO tempest.lib.common.rest_client [-] \
Request (None): 200 GET http://127.0.0.1:1/v2.1/limits 0.100s
    2026-11-26 17:00:05.900 7 INFO tempest.lib.common.rest_client [-] \
Request (None): 200 GET https://127.0.0.1:1/v2.1/servers/{_ID}?x=1 0.100s
    2026-11-26 17:00:06.000 7 DEBUG local_delete_tempest_plugin.common.spans \
[-] local-delete-span {{"awaited": "it is ACTIVE", "looks": 2, "first": 0.6, \
"kind": "wait", "seconds": 3.0}} log /a/spans.py:80
    2026-11-26 17:00:06.000 7 DEBUG local_delete_tempest_plugin.common.spans \
[-] local-delete-span {{"kind": "boot", "seconds": 4.0}} log /a/spans.py:80
    2026-11-26 17:00:11.000 7 DEBUG local_delete_tempest_plugin.common.spans \
[-] local-delete-span {{"kind": "delete", "seconds": 1.0}} log /a/spans.py:80
    2026-11-26 17:00:11.500 7 DEBUG local_delete_tempest_plugin.common.spans \
[-] local-delete-span {{"kind": "undo", "seconds": 2.0}} log /a/spans.py:80
    2026-11-26 17:00:12.000 7 DEBUG local_delete_tempest_plugin.common.spans \
[-] local-delete-span {{"scenario": \
"local_delete_tempest_plugin.scenario.test_a.ATest.test_a[id-1,slow]", \
"kind": "scenario", "seconds": 10.0}} log /a/spans.py:80
""")


class BenchmarksTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.log = self.cloud.tempest / 'logs' / 'tempest.log'
        self.log.parent.mkdir(parents=True)
        self.log.write_text(_LOG)
        deployment.save(self.cloud)
        self.table = self.state / 'requests.json'
        patch = mock.patch.object(request_counts, '_TABLE', self.table)
        patch.start()
        self.addCleanup(patch.stop)

    def run_verb(self, *arguments):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code, text = self.run_command(
                main.main, '--state', self.state, *arguments)
        return code, printed.getvalue() + text

    def test_each_moment_counts_for_the_innermost_part(self):
        scenario, = run_log.read(self.log).scenarios
        self.assertEqual('test_a.ATest.test_a', scenario.name)
        self.assertEqual({'': 4.0, 'boot': 4.0, 'undo': 1.0, 'delete': 1.0},
                         scenario.seconds)

    def test_a_part_may_begin_before_the_whole(self):
        whole, part = run_log.Interval('scenario', 1.0, 9.0), run_log.Interval(
            'lease', 0.999, 5.0)
        scenario = run_log.Scenario('a', whole, (part,), (), (), ())
        self.assertAlmostEqual(4.001, scenario.seconds['lease'])

    def test_polls_are_counted_apart(self):
        scenario, = run_log.read(self.log).scenarios
        self.assertEqual(['POST /v2.1/servers', 'GET /v2.1/servers/{id}'],
                         [one.kind for one in scenario.requests])
        self.assertEqual(['GET /v2.1/servers/{id}'],
                         [one.kind for one in scenario.polls])

    def test_times_of_scenarios_and_classes(self):
        code, text = self.run_verb('times')
        self.assertEqual(0, code)
        self.assertRegex(text, r'ATest\.test_a +10\.0 .* 4\.0 .* 1\.0')
        self.assertRegex(text, r'ATest +class set-up +1\.0\n')
        self.assertIn('   3.0 test_a.ATest.test_a: until it is ACTIVE\n', text)

    def test_a_log_of_elsewhere_needs_no_cloud(self):
        elsewhere = self.state / 'other.log'
        (self.state / 'deployment.json').unlink()
        for arguments in ('times',), ('requests', '--update'):
            self.assertEqual(
                (2, f'No all-in-one in {self.state}: run "up" first\n'),
                self.run_verb(*arguments))
            self.log.rename(elsewhere)
            code, text = self.run_verb(*arguments, '--log', elsewhere)
            self.assertEqual(0, code, text)
            elsewhere.rename(self.log)

    def test_requests_of_a_part_can_be_left_out(self):
        scenario, = run_log.read(self.log).scenarios
        self.assertEqual({'outages': 0}, request_counts.count(
            scenario, ('boot',)))

    def test_one_request_more_is_noticed(self):
        self.assertEqual(0, self.run_verb('requests', '--update')[0])
        code, text = self.run_verb('requests')
        self.assertEqual(0, code, text)
        table = json.loads(self.table.read_text())
        table['test_a.ATest.test_a']['POST /v2.1/servers'] = 0
        self.table.write_text(json.dumps(table))
        code, text = self.run_verb('requests')
        self.assertEqual(1, code)
        self.assertIn('test_a.ATest.test_a sent 1 times POST /v2.1/servers, '
                      'and the table has 0\n', text)

    def test_a_scenario_without_a_row_is_named(self):
        code, text = self.run_verb('requests')
        self.assertEqual(1, code)
        self.assertIn('test_a.ATest.test_a is not in requests.json', text)

    def test_an_update_keeps_what_was_more(self):
        self.table.write_text(json.dumps(
            {'test_a.ATest.test_a': {'outages': 0, 'GET /x': 5}}))
        self.run_verb('requests', '--update')
        self.assertEqual(
            {'outages': 0, 'GET /x': 5, 'POST /v2.1/servers': 1,
             'GET /v2.1/servers/{id}': 1},
            json.loads(self.table.read_text())['test_a.ATest.test_a'])

    def test_a_log_without_scenarios_is_one_line(self):
        for text in (None, 'nothing\n'):
            self.log.unlink()
            if text:
                self.log.write_text(text)
            for verb in ('times', 'requests'):
                code, said = self.run_verb(verb)
                self.assertEqual(2, code)
                self.assertRegex(said, r'\A.*tempest\.log: .*\n\Z')
            self.log.touch()


class NamesTest(base.TestCase):
    """The floor and the table of requests name scenarios that are there."""

    def test_each_story_is_told_and_is_a_scenario(self):
        # The script is for a Python that has openstacksdk.
        tree = ast.parse(pathlib.Path(floor.__file__).with_name(
            'floor_stories.py').read_text())
        told = {node.name for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef)}
        self.assertEqual(set(), floor.STORIES.keys() - told)
        table = pathlib.Path(floor.__file__).with_name('requests.json')
        for name in (*floor.STORIES.values(),
                     *json.loads(table.read_text())):
            module, cls, test = name.split('.')
            there = getattr(importlib.import_module(
                f'local_delete_tempest_plugin.scenario.{module}'), cls)
            self.assertTrue(hasattr(there, test), f'{name} is no scenario')


class FloorTest(base.TestCase):

    def test_the_table_tells_what_takes_too_long(self):
        deployment.save(self.cloud)
        measure, tell = mock.Mock(), mock.MagicMock()
        tell.return_value.__enter__.return_value.return_value = 10.0
        for name, mocked in (('_script', tell), ('_measure', measure),
                             ('runs', mock.Mock())):
            patch = mock.patch.object(floor, name, mocked)
            patch.start()
            self.addCleanup(patch.stop)
        for seconds, whole, code in ((11, 14, 0), (12, 14, 1), (11, 16, 1)):
            measure.return_value = seconds, whole
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                self.assertEqual(code, floor.run(
                    self.cloud, mock.Mock(pairs=2, story=['move'])))
            self.assertRegex(printed.getvalue(),
                             r'move +10\.0 +%d\.0 ' % seconds)
