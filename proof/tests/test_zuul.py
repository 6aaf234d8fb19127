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

"""The jobs of zuul.d: their names, the scenarios they run, and their times."""

import json
import pathlib
import re
import shutil
import subprocess

import fixtures
import testtools
import yaml

from local_delete_tempest_plugin import config
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.preflight import pace
from local_delete_tempest_plugin.preflight import scenarios
from local_delete_tempest_plugin.scenario import needs
from proof.benchmarks import schedule
from tools import phases
from tools import zuul_files
from tools import zuul_names
from tools import zuul_resolve

PREFIX = 'local-delete-tempest-plugin-'

# What DevStack needs before Tempest runs on two nodes, in seconds.
STACK = 3000

# DevStack's default of BUILD_TIMEOUT.
BUILD = 196

HALF_AN_HOUR = 30 * 60

# Seconds between two heartbeats of the check job, and of the all-in-one.
INTERVAL, ITS_INTERVAL = 10, 1


def merged(older, newer):
    """Merge variables as Zuul does: dictionaries at each depth."""
    if isinstance(older, dict) and isinstance(newer, dict):
        return {key: merged(older.get(key), newer[key]) if key in newer
                else older[key] for key in older | newer}
    return newer


class Jobs:
    """The jobs of the tree, with what they inherit within the tree."""

    def __init__(self):
        self._jobs = {item.name: item.content
                      for item in zuul_files.read(phases.ROOT)
                      if item.kind == 'job'}

    def get(self, name):
        content = self._jobs[name]
        return merged(self.get(content['parent']), content) if (
            content['parent'] in self._jobs) else content

    def names(self):
        return list(self._jobs)


class ResolveTest(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for name in ('zuul.d', 'playbooks', 'roles'):
            shutil.copytree(phases.ROOT / name, self.root / name)
        shutil.copy(phases.ROOT / 'tox.ini', self.root)

    def problems(self, file, old, new):
        """Return the problems after one word is replaced."""
        path = self.root / file
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1))
        return zuul_resolve.problems(self.root)

    def test_each_name_refers_to_something(self):
        self.assertEqual([], zuul_resolve.problems(phases.ROOT))

    def test_a_misspelt_name_is_found(self):
        for file, old, new, words in (
                ('zuul.d/jobs.yaml', 'parent: tempest-multinode-full-py3',
                 'parent: tempest-multinode-full-py4',
                 f'jobs.yaml: job {PREFIX}base: there is no job '
                 'tempest-multinode-full-py4'),
                ('zuul.d/stable-jobs.yaml', 'openstack-two-node-noble',
                 'openstack-two-nodes-noble',
                 f'stable-jobs.yaml: job {PREFIX}forced-down-2026-1: there is '
                 'no nodeset openstack-two-nodes-noble'),
                ('zuul.d/stable-jobs.yaml', 'stable/2026.1', 'stable/2026-1',
                 f'stable-jobs.yaml: job {PREFIX}forced-down-2026-1: there is '
                 'no branch stable/2026-1'),
                ('zuul.d/jobs.yaml', 'playbooks/post.yaml',
                 'playbooks/posts.yaml',
                 f'jobs.yaml: job {PREFIX}base: post-run: there is no '
                 'playbook playbooks/posts.yaml'),
                ('zuul.d/jobs.yaml', 'openstack/local-delete-tempest-plugin',
                 'openstack/local-delete-tempest-plugins',
                 f'jobs.yaml: job {PREFIX}base: there is no project '
                 'openstack/local-delete-tempest-plugins'),
                ('zuul.d/tox-jobs.yaml', 'tox_envlist: plugin-sanity',
                 'tox_envlist: plugin-sanitary',
                 f'tox-jobs.yaml: job {PREFIX}sanity: there is no tox '
                 'environment plugin-sanitary'),
                ('zuul.d/project.yaml', 'openstack-tox-py311',
                 'openstack-tox-py3.11',
                 'project.yaml: project: there is no job '
                 'openstack-tox-py3.11'),
                ('zuul.d/project.yaml', 'build-openstack-docs-pti',
                 'build-openstack-docs-ptl',
                 'project.yaml: project: there is no template '
                 'build-openstack-docs-ptl'),
                ('zuul.d/project.yaml', 'periodic-stable:', 'periodic_stable:',
                 'project.yaml: project: there is no pipeline '
                 'periodic_stable'),
                ('zuul.d/project.yaml', 'name: openstack/requirements',
                 'name: openstack/requirement',
                 'project.yaml: project: there is no project '
                 'openstack/requirement'),
                ('playbooks/post.yaml', 'local-delete-end',
                 'local-delete-ends',
                 'post.yaml: there is no role local-delete-ends')):
            found = self.problems(file, old, new)
            self.assertTrue(any(words in line for line in found),
                            f'{words}: {found}')
            self.problems(file, new, old)


class NamesTest(testtools.TestCase):

    def test_names_of_a_clone(self):
        clone = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for path, text in {
                'zuul.d/jobs.yaml': '- job: {name: a, required-projects: '
                                    '[opendev.org/openstack/b]}\n'
                                    '- nodeset: {name: c, nodes: []}\n'
                                    '- secret: {name: d, data: !x/y "e"}\n',
                'roles/f/tasks/main.yaml': '', 'roles/g': ''}.items():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_text(text)
        for command in (
                ('init', '--quiet', '--initial-branch', 'stable/1'),
                ('add', '.'),
                ('-c', 'user.name=x', '-c', 'user.email=x@y', 'commit',
                 '--quiet', '--message', 'x', '--date', '2026-01-01T12:00Z')):
            subprocess.run(['git', '-C', clone, *command], check=True)
        found = zuul_names.read(clone)
        self.assertRegex(found.pop('date'), r'\d{4}-\d\d-\d\d')
        self.assertEqual(
            {'branches': ['stable/1'], 'jobs': ['a'], 'nodesets': ['c'],
             'projects': ['openstack/b'], 'roles': ['f']}, found)

    def test_each_list_has_its_date(self):
        for project, names in yaml.safe_load(
                zuul_names.FILE.read_text()).items():
            self.assertRegex(names['date'], r'^\d{4}-\d\d-\d\d$', project)


class ScenariosTest(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.jobs = Jobs()

    def run_by(self, job):
        """Return {id: test} of what a job runs."""
        variables = self.jobs.get(PREFIX + job)['vars']
        exclude = variables.get('tempest_exclude_regex')
        found = {}
        for each in scenarios.find_classes():
            for name in dir(each):
                test_id = (f'{each.__module__}.{each.__name__}.{name}'
                           '[id-0,slow]')
                if name.startswith('test_') and re.search(
                        variables['tempest_test_regex'], test_id) and not (
                            exclude and re.search(exclude, test_id)):
                    found[test_id] = getattr(each, name)
        return found

    def seconds(self, job):
        interval = self.jobs.get(PREFIX + job)['vars']['devstack_localrc'][
            'NOVA_SERVICE_REPORT_INTERVAL']
        its_pace = pace.Pace(interval, 6 * interval)
        return sum(map(its_pace.seconds_of, self.run_by(job).values()))

    def test_the_check_job_stops_no_process(self):
        self.assertEqual(
            {test_id for test_id, test in self.run_by('full').items()
             if needs.stopped_compute not in getattr(test, 'needs', ())
             and '.test_without_' not in test_id},
            set(self.run_by('forced-down')))
        self.assertEqual(set(self.run_by('forced-down')),
                         set(self.run_by('grenade')))

    def assert_documented(self, *figures):
        """Compare figures with those of the page."""
        page = (phases.ROOT / 'doc' / 'source' / 'zuul.rst').read_text()
        for figure in figures:
            self.assertRegex(page, rf'\b{figure}\b', 'zuul.rst is stale')

    def test_the_check_job_takes_less_than_half_an_hour(self):
        seconds = self.seconds('forced-down')
        self.assertLess(seconds, HALF_AN_HOUR)
        self.assert_documented(f'{len(self.run_by("forced-down"))} scenarios',
                               f'{seconds:,} s')

    def test_the_table_of_seconds_agrees(self):
        """The seconds of the all-in-one, with the heartbeats of DevStack."""
        table = json.loads(schedule._TABLE.read_text())
        names = [test_id.partition('.scenario.')[2].partition('[')[0]
                 for test_id in self.run_by('forced-down')]
        known = [table[name] for name in names if name in table]
        seconds = sum(known) + (
            outage_base.HEARTBEATS * (INTERVAL - ITS_INTERVAL) * len(names))
        self.assertLess(seconds, HALF_AN_HOUR)
        self.assert_documented(f'{len(known)} of them', f'{sum(known):.0f} s',
                               f'{seconds:,.0f} s')

    def test_the_full_job_is_documented(self):
        self.assert_documented(f'{len(self.run_by("full"))} scenarios',
                               f'{self.seconds("full"):,} s')

    def test_each_job_has_time(self):
        for name in ('forced-down', 'full'):
            self.assertLess(self.seconds(name) + STACK,
                            self.jobs.get(PREFIX + name)['timeout'], name)

    def test_a_scenario_may_wait_as_long_as_all_its_limits(self):
        base = self.jobs.get(PREFIX + 'base')['vars']
        # The DevStack plugin sets this one to less.
        limits = {option.name: option.default
                  for option in config.LocalDeleteGroup
                  if option.name.endswith('_timeout')
                  and option.name not in ('lease_timeout', 'reap_timeout')}
        interval = base['devstack_local_conf']['post-config'][
            '$NOVA_CPU_CONF']['DEFAULT'][
                'running_deleted_instance_poll_interval']
        self.assertGreater(
            base['tempest_test_timeout'],
            sum(limits.values()) + 2 * interval + 120 + BUILD)

    def test_each_irrelevant_pattern_is_of_a_file(self):
        files = subprocess.run(
            ['git', 'ls-files', '--cached', '--others', '--exclude-standard'],
            cwd=phases.ROOT, check=True, text=True,
            stdout=subprocess.PIPE).stdout.splitlines()
        for pattern in self.jobs.get(PREFIX + 'base')['irrelevant-files']:
            self.assertTrue(
                any(re.search(pattern, path) for path in files), pattern)

    def test_each_release_has_a_job(self):
        branches = {self.jobs.get(name).get('override-checkout')
                    for name in self.jobs.names()}
        self.assertEqual(
            {None, 'stable/2025.1', 'stable/2025.2', 'stable/2026.1'},
            branches)
