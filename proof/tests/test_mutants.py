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

"""Mutants' files, the hook that loads them, and the verdicts on them."""

import ast
import dataclasses
import datetime
import json
import os
import re
import subprocess
import sys
import textwrap

from subunit import v2
from testtools import content

from allinone import cache
from allinone import errors
from allinone.tests import base
from proof.mutation import definition
from proof.mutation import matrix
from proof.mutation import mutate
from proof.mutation import service
from proof.mutation import verdicts

_SCENARIOS = cache.HERE.parent / 'local_delete_tempest_plugin' / 'scenario'

MUTANT = '''
"""A delete deletes nothing.

The server is still there.
"""

import a_module_that_only_the_service_has

SERVICE = 'nova-api'
MODULE = 'a.module'
SCENARIOS = ('test_a', 'test_b')


def patch(module, hook):
    pass
'''


class DefinitionTest(base.TestCase):

    def write(self, text=MUTANT, name='mutant'):
        path = self.state / f'{name}.py'
        path.write_text(text.lstrip())
        return path

    def test_a_file_is_read_and_not_run(self):
        mutant = definition.read(self.write())
        self.assertEqual(
            ('mutant', 'A delete deletes nothing.',
             'The server is still there.', 'nova-api', 'a.module',
             ('test_a', 'test_b'), False),
            (mutant.name, mutant.summary, mutant.effect, mutant.service,
             mutant.module, mutant.scenarios, mutant.benign))

    def assert_refused(self, words, old, new):
        path = self.write(MUTANT.replace(old, new))
        error = self.assertRaises(errors.BadInput, definition.read, path)
        self.assertIn(words, str(error))
        self.assertIn(str(path), str(error))
        self.assertNotIn('\n', str(error))

    def test_what_is_no_mutant_is_refused(self):
        for words, old, new in (
                ('SERVICE is missing', 'SERVICE', 'SERVIC'),
                ('its docstring has to say', 'The server is still there.', ''),
                ('SCENARIOS is not of type tuple', "('test_a', 'test_b')",
                 "'test_a'"),
                ("SCENARIOS has '('", 'test_a', '('),
                ('no function patch', 'def patch', 'def path'),
                ('cannot be read', 'def patch', 'def'),
                ('cannot be read', "'nova-api'", 'nova.api')):
            self.assert_refused(words, old, new)

    def test_unknown_name(self):
        self.write()
        error = self.assertRaises(errors.BadInput, definition.find,
                                  self.state, ['mutant', 'nope'])
        self.assertEqual('No mutant is called nope; there are: mutant',
                         str(error))

    def test_no_mutants(self):
        for directory in (self.state, self.state / 'none'):
            self.assertRaises(errors.BadInput, definition.find, directory, [])

    def test_all_or_those_that_are_named(self):
        for name in ('one', 'other', '__init__'):
            self.write(name=name)
        self.assertEqual(['one', 'other'], [
            mutant.name for mutant in definition.find(self.state, [])])
        self.assertEqual(['other'], [
            mutant.name for mutant in definition.find(self.state, ['other'])])

    def test_those_of_this_tree(self):
        found = definition.find(definition.DIRECTORY, [])
        self.assertTrue([one for one in found if one.benign])
        for mutant in found:
            self.assertNotIn('\n', mutant.summary)
            self.assertLessEqual(len(mutant.path.read_text().splitlines()),
                                 100)

    def test_each_scenario_has_one(self):
        # The first of a mutant's is the one that it was made for.
        regexes = [mutant.scenarios[0] for mutant in definition.find(
            definition.DIRECTORY, []) if not mutant.benign]
        for name in stories():
            self.assertTrue(
                any(re.search(regex, f'{name}{outage}[id]')
                    for regex in regexes
                    for outage in ('', '_forced_down', '_stopped')),
                f'no mutant was made for {name}')


def stories():
    """Name the scenarios that pass, read off their files."""
    # Where a defect of Nova is expected, Nova itself is the mutant.
    return [f'{path.stem}.{story.name}'
            for path in sorted(_SCENARIOS.glob('test_*.py'))
            for story in ast.walk(ast.parse(path.read_text()))
            if isinstance(story, ast.FunctionDef)
            and story.name.startswith('test_')
            and not any('known_bug' in ast.unparse(decorator)
                        for decorator in story.decorator_list)]


class ServiceTest(base.TestCase):
    """Which processes get a mutant, and what is left of it."""

    def mutant(self, **values):
        path = self.state / 'mutant.py'
        path.write_text('SERVICE = ""')
        return definition.Mutant('mutant', path, 'It.', 'That.', **{
            'service': 'nova-api', 'module': 'json', 'scenarios': ('x',),
            **values})

    def test_processes(self):
        for expected, values in (
                (['nova-api'], {}),
                (['nova-compute-compute1'], {'service': 'nova-compute'}),
                ([f'nova-compute-{host}' for host in self.cloud.hosts],
                 {'service': 'nova-compute', 'everywhere': True})):
            self.assertEqual(expected, service.processes(
                self.cloud, self.mutant(**values)))

    def test_an_unknown_process(self):
        error = self.assertRaises(errors.BadInput, service.processes,
                                  self.cloud, self.mutant(service='nova'))
        self.assertIn('SERVICE is nova, and there are only', str(error))

    def test_what_is_put_is_taken_out(self):
        service.put(self.cloud, self.mutant(), ['nova-api'])
        place = self.cloud.hooks / 'nova-api'
        self.assertTrue((place / 'hook.py').exists())
        self.assertEqual(['nova-api'], service.take_out(self.cloud))
        self.assertFalse(place.exists())
        self.assertEqual([], service.take_out(self.cloud))

    @base.slow
    def test_one_at_a_time(self):
        script = textwrap.dedent(f"""
            import fasteners
            lock = fasteners.InterProcessLock(
                '{self.cloud.hooks}/lock')
            lock.acquire()
            print('locked', flush=True)
            input()
            """)
        with service.alone(self.cloud):
            pass
        with subprocess.Popen([sys.executable, '-c', script],
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            error = self.assertRaises(
                errors.BadInput, service.alone(self.cloud).__enter__)
            process.communicate(b'\n')
        self.assertIn('Another "mutate" works on', str(error))

    def test_what_is_made_for_another_cloud(self):
        soft, plain = self.mutant(reclaim=True), self.mutant()
        reclaiming = dataclasses.replace(self.cloud, reclaim=True)
        for cloud, fitting in ((self.cloud, plain), (reclaiming, soft)):
            self.assertEqual([fitting], mutate._that_fit(
                cloud, [soft, plain], []))
            error = self.assertRaises(
                errors.BadInput, mutate._that_fit, cloud, [soft, plain],
                ['mutant'])
            self.assertIn('another cloud: mutant', str(error))

    def test_nothing_fits_the_cloud(self):
        error = self.assertRaises(
            errors.BadInput, mutate._that_fit, self.cloud,
            [self.mutant(reclaim=True)], [])
        self.assertIn('another cloud: mutant', str(error))

    def test_what_is_made_for_real_guests(self):
        guests = self.mutant(service='nova-compute', qemu=True)
        self.assertRaises(errors.BadInput, mutate._that_fit, self.cloud,
                          [guests], [])
        cloud = dataclasses.replace(self.cloud, qemu=True, reclaim=True)
        self.assertEqual([guests], mutate._that_fit(cloud, [guests], []))
        self.assertEqual(['nova-compute-compute-qemu'],
                         service.processes(cloud, guests))


class HookTest(base.TestCase):
    """The hook, in a process of its own that passes for a service's."""

    PATCH = textwrap.dedent("""
        SERVICE = 'nova-api'
        MODULE = 'colorsys'

        def patch(module, hook):
            @hook.replace('rgb_to_hsv', when=lambda _, r, g, b: r)
            def red(wrapped, instance, args, kwargs):
                return 'red'
        """)

    def run_service(self, code, patch=PATCH):
        """Return what a mutated process prints that runs the code."""
        path = self.state / 'mutant.py'
        path.write_text(patch)
        service.put(self.cloud, definition.Mutant(
            'mutant', path, 'It.', 'That.', 'nova-api', 'colorsys', ('x',)),
            ['nova-api'])
        hook = self.cloud.hooks / 'nova-api' / 'hook.py'
        code = (f'exec(open("{hook}").read(), {{"__file__": "{hook}"}})\n'
                f'import colorsys, sys\n{code}')
        return subprocess.run(
            [sys.executable, '-c', code], check=True, text=True,
            capture_output=True, env=dict(os.environ)).stdout

    def test_a_mutant_works_while_the_lock_is_held(self):
        with service.alone(self.cloud):
            self.assertEqual('red\n', self.run_service(
                'print(colorsys.rgb_to_hsv(1, 0, 0))'))
            self.assertIsNone(service.problem(self.cloud, ['nova-api']))

    def test_what_was_not_reached_is_a_problem(self):
        with service.alone(self.cloud):
            self.assertEqual('(0.0, 0.0, 0)\n', self.run_service(
                'print(colorsys.rgb_to_hsv(0, 0, 0))'))
            self.assertEqual('the function that it patches was never reached',
                             service.problem(self.cloud, ['nova-api']))

    def test_reach_is_forgotten(self):
        with service.alone(self.cloud):
            self.run_service('colorsys.rgb_to_hsv(1, 0, 0)')
            service.forget_reach(self.cloud, ['nova-api'])
            self.assertEqual('the function that it patches was never reached',
                             service.problem(self.cloud, ['nova-api']))

    def test_without_the_lock_nothing_is_loaded(self):
        service.alone(self.cloud)
        self.assertEqual('(0.0, 1.0, 1)\n', self.run_service(
            'print(colorsys.rgb_to_hsv(1, 0, 0))'))
        self.assertEqual('its MODULE was never imported',
                         service.problem(self.cloud, ['nova-api']))

    def test_taken_out_it_does_nothing_any_more(self):
        with service.alone(self.cloud):
            directory = self.cloud.hooks / 'nova-api'
            self.assertEqual('(0.0, 1.0, 1)\n', self.run_service(
                f'import shutil; shutil.rmtree("{directory}")\n'
                'print(colorsys.rgb_to_hsv(1, 0, 0))'))

    def test_a_patch_that_fails_is_a_problem_and_leaves_the_service(self):
        for broken in (self.PATCH.replace('rgb_to_hsv', 'no_such_function'),
                       'import no_such_module\n' + self.PATCH):
            with service.alone(self.cloud):
                self.assertEqual('(0.0, 1.0, 1)\n', self.run_service(
                    'print(colorsys.rgb_to_hsv(1, 0, 0))', broken))
                self.assertIn('no_such', service.problem(
                    self.cloud, ['nova-api']))


TRACEBACK = """Traceback (most recent call last):
  File "/x/scenario/test_a.py", line 3, in test_it
    self.fail('nothing
    ^^^^^^^^^^
{}"""


class VerdictsTest(base.TestCase):

    def judge(self, status, traceback='', test_id='a.test_it[id-1,slow]',
              **details):
        begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        if traceback:
            details['traceback'] = content.text_content(traceback)
        return verdicts.judge({
            'id': test_id, 'status': status, 'details': details,
            'timestamps': (begin, begin + datetime.timedelta(seconds=2))})

    def test_survived(self):
        self.assertEqual(
            verdicts.Verdict('test_x.Y.test_it', verdicts.SURVIVED, 2.0),
            self.judge('success', test_id='local_delete_tempest_plugin.'
                       'scenario.test_x.Y.test_it[id-1]'))

    def test_skipped(self):
        verdict = self.judge('skip', reason=content.text_content('no host'))
        self.assertEqual((verdicts.SKIPPED, 'no host'),
                         (verdict.outcome, verdict.message))

    def test_a_known_defect_proves_nothing(self):
        self.assertEqual(verdicts.SKIPPED, self.judge('xfail').outcome)

    def test_a_test_that_is_only_listed_is_no_verdict(self):
        self.assertIsNone(self.judge('exists'))

    def test_killed_by_an_expectation(self):
        for name in ('AssertionError', 'testtools.matchers._impl.'
                     'MismatchError', *(
                         f'local_delete_tempest_plugin.exceptions.{kind}'
                         for kind in ('LeakFound', 'DeleteNotAccepted',
                                      'ServerNotGone', 'NotSoftDeleted'))):
            verdict = self.judge('fail', TRACEBACK.format(
                f'{name}: it is left:\nVCPU 1\nmore'))
            self.assertEqual((verdicts.KILLED, 'it is left: VCPU 1'),
                             (verdict.outcome, verdict.message))

    def test_an_exception_of_another_kind_is_an_error(self):
        for raised in ('tempest.lib.exceptions.TimeoutException: not yet',
                       'a.Other: AssertionError: x', 'KeyError: 1',
                       'a.AssertionErrorLike: x',
                       'local_delete_tempest_plugin.exceptions.OutageRefused: '
                       'AssertionError'):
            verdict = self.judge('fail', TRACEBACK.format(raised))
            self.assertEqual((verdicts.ERROR, raised),
                             (verdict.outcome, verdict.message))

    def test_the_last_of_a_chain_counts(self):
        chain = '\nDuring handling of the above exception, another ' \
            'exception occurred:\n\n'
        first, last = (TRACEBACK.format(raised) for raised in (
            'AssertionError: left', 'a.RestoreFailed: not given back'))
        self.assertEqual(verdicts.ERROR,
                         self.judge('fail', first + chain + last).outcome)
        self.assertEqual(verdicts.KILLED,
                         self.judge('fail', last + chain + first).outcome)

    def test_a_set_up_is_no_scenario(self):
        failed = TRACEBACK.format('AssertionError: no')
        self.assertEqual(verdicts.ERROR, self.judge(
            'fail', failed, 'setUpClass (a.Test)').outcome)
        self.assertEqual(verdicts.ERROR, self.judge(
            'fail', failed.replace('in test_it', 'in setUp')).outcome)

    def test_the_last_look_of_a_class_is_an_expectation(self):
        failed = TRACEBACK.format(
            'local_delete_tempest_plugin.exceptions.LeakFound: it is back')
        verdict = self.judge(
            'fail', failed.replace('in test_it', 'in tearDownClass'),
            'tearDownClass (a.Test)')
        self.assertEqual((verdicts.KILLED, 'it is back'),
                         (verdict.outcome, verdict.message))

    def test_a_test_that_did_not_end_is_an_error(self):
        self.assertEqual(verdicts.ERROR, self.judge('inprogress').outcome)

    def test_a_stream_that_is_cut_off(self):
        path = self.state / 'stream'
        with path.open('wb') as stream:
            result = v2.StreamResultToBytes(stream)
            result.status(test_id='a', test_status='inprogress')
            result.status(test_id='a', test_status='success')
            result.status(test_id='b', test_status='inprogress')
        path.write_bytes(path.read_bytes() + b'\xb3')
        self.assertEqual(
            {('a', verdicts.SURVIVED), ('b', verdicts.ERROR)},
            {(one.scenario, one.outcome) for one in verdicts.read(path)
             if one.scenario in ('a', 'b')})


class MatrixTest(base.TestCase):

    def row(self, *outcomes, benign=False, problem=None):
        return matrix.Row(
            definition.Mutant('m', None, 'It *leaks*.', 'That.', 'nova-api',
                              'x', ('x',), benign),
            tuple(verdicts.Verdict(f'test_{number}', outcome, 1.0, 'why')
                  for number, outcome in enumerate(outcomes)), 60.0, problem)

    def test_what_is_right(self):
        killed, survived = verdicts.KILLED, verdicts.SURVIVED
        skipped, error = verdicts.SKIPPED, verdicts.ERROR
        for expected, row in (
                (True, self.row(survived, killed)),
                (True, self.row(error, killed)),
                (False, self.row(survived)),
                (False, self.row(survived, error)),
                (False, self.row(skipped)),
                (False, self.row()),
                (False, self.row(killed, problem='never reached')),
                (True, self.row(survived, skipped, benign=True)),
                (False, self.row(survived, killed, benign=True)),
                (False, self.row(survived, error, benign=True)),
                (False, self.row(skipped, benign=True)),
                (False, self.row(survived, benign=True, problem='no'))):
            self.assertEqual(expected, row.is_right, row)

    def test_summary(self):
        text = matrix.summary([
            self.row(verdicts.KILLED, verdicts.SURVIVED),
            self.row(verdicts.SURVIVED),
            self.row(verdicts.SURVIVED, benign=True)])
        self.assertIn('1 of 2 harmful mutants killed, 1 of 1 benign mutants '
                      'survived, in 3 minutes', text)
        self.assertIn('test_0', text)

    def test_what_was_written_is_read_again(self):
        rows = [self.row(verdicts.KILLED), self.row(problem='bad')]
        for row in rows:
            results = matrix.Results(self.state, [row.mutant])
            results.write([row])
            self.assertEqual([row], results.load())
        self.assertEqual([], matrix.Results(self.state, []).load())
        self.assertEqual([], matrix.Results(
            self.state / 'x', [row.mutant]).load())

    def test_clouds_that_share_results(self):
        ours, theirs, again = (dataclasses.replace(row, mutant=mutant)
                               for row, mutant in zip(
            (self.row(verdicts.KILLED), self.row(problem='bad'),
             self.row(verdicts.SURVIVED)),
            (dataclasses.replace(self.row().mutant, name=name)
             for name in ('b', 'a', 'b')), strict=True))
        one, other = (matrix.Results(
            self.state, [ours.mutant, theirs.mutant]) for _ in range(2))
        one.write([ours])
        other.write([theirs])
        self.assertCountEqual([theirs, ours], one.load())
        one.write([again])
        self.assertCountEqual([theirs, again], other.load())

    def test_each_mutant_is_taken_once(self):
        one, other = (matrix.Results(self.state, []) for _ in range(2))
        mutants = [dataclasses.replace(self.row().mutant, name=name)
                   for name in ('a', 'b')]
        self.assertEqual([True, False, True], [
            one.take(mutants[0]), other.take(mutants[0]),
            other.take(mutants[1])])

    def test_documents(self):
        rows = [self.row(verdicts.KILLED), self.row(problem='a *problem*')]
        self.assertEqual(['killed', 'error'], [
            one['outcome'] for one in json.loads(matrix.as_json(rows))])
        text = ' '.join(matrix.as_rst(rows).split())
        self.assertIn('It \\*leaks\\*.', text)
        self.assertIn('killed by ``test_0`` (1 s): why', text)
        self.assertIn('a \\*problem\\*', text)
