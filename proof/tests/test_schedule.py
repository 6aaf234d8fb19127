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


"""What stestr is told before a run, and how it then deals the scenarios."""

import contextlib
import io
import json
from unittest import mock

from stestr.repository import util
from stestr import scheduler

from allinone import deployment
from allinone.tests import base
from local_delete_tempest_plugin.preflight import scenarios
from proof import __main__ as main
from proof.benchmarks import schedule

_PACKAGE = 'local_delete_tempest_plugin.scenario.'


class ScheduleTest(base.TestCase):

    def run_verb(self, *arguments):
        # stestr wants the buffer below it.
        with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            return self.run_command(
                main.main, '--state', self.state, 'schedule', *arguments)

    def test_workers_end_together_and_one_goes_on_alone(self):
        table = json.loads(schedule._TABLE.read_text())
        new = 'test_new.NewTest.test_new'
        deployment.save(self.cloud)
        self.cloud.tempest.mkdir()
        for _ in range(2):
            self.assertEqual((0, ''), self.run_verb())
        repository = util.get_repo_open(repo_url=str(self.cloud.tempest))
        self.assertEqual([], repository.get_run_ids())
        parts = [
            [name.removeprefix(_PACKAGE).partition('[')[0] for name in part]
            for part in scheduler.partition_tests(
                [f'{_PACKAGE}{name}[id-1,slow]' for name in [*table, new]],
                5, repository, lambda name: name.rpartition('.')[0])]
        self.assertEqual(sorted([*table, new]), sorted(sum(parts, [])))
        alone = [[name for name in part if name.startswith(schedule.ALONE)]
                 for part in parts]
        self.assertEqual(1, sum(map(bool, alone)), alone)
        seconds = [sum(table.get(name, 0) for name in {*part} - {*last})
                   for part, last in zip(parts, alone, strict=True)]
        self.assertLess(max(seconds), 1.1 * min(seconds), seconds)

    def test_the_names_of_the_classes_that_run_alone(self):
        for cls in scenarios.find_classes():
            name = cls.__module__.removeprefix(_PACKAGE)
            self.assertEqual(
                cls._serial, name.startswith(schedule.ALONE), name)

    def test_the_fastest_run_counts(self):
        table, logs = self.state / 'seconds.json', []
        table.write_text('{"test_a.A.test_a": 1, "test_b.B.test_b": 5}')
        for end in ('[9.04s] ... ok', '[8.0s] ... ok', '[1.0s] ... FAILED'):
            logs.append(self.state / f'{len(logs)}.log')
            logs[-1].write_text(
                f'{{1}} {_PACKAGE}test_a.A.test_a {end}\n'
                f'{{1}} {_PACKAGE}test_c.C.test_c ... SKIPPED: no\n')
        with mock.patch.object(schedule, '_TABLE', table):
            # This needs no cloud.
            self.assertEqual((0, ''), self.run_verb('--update', *logs))
        self.assertEqual({'test_a.A.test_a': 8, 'test_b.B.test_b': 5,
                          'test_c.C.test_c': 0},
                         json.loads(table.read_text()))

    def test_a_file_without_scenarios_is_refused(self):
        log = self.state / 'log'
        for problem in ('No such file', 'no scenario has ended there'):
            code, text = self.run_verb('--update', log)
            self.assertIn(f'{log}: {problem}', text)
            self.assertNotEqual(0, code)
            log.write_text('Ran: 0 tests\n')
