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

"""Prove that each name in zuul.d and in the playbooks refers to something.

A parent, a nodeset, a template, a pipeline, a role, a branch and a required
project has to be in this tree, or in tools/zuul_names.yaml. A playbook and a
tox environment have to be in this tree.
"""

import argparse
from collections.abc import Iterable
from collections.abc import Iterator
import configparser
import pathlib
import re
import sys
from typing import Any

import yaml

from tools import phases
from tools import zuul_files
from tools import zuul_names

# The attributes of a job that name playbooks.
_PLAYBOOKS = ('pre-run', 'run', 'post-run', 'cleanup-run')

# The attributes of a project that are no pipelines.
_NO_PIPELINES = {'name', 'description', 'templates', 'queue', 'vars',
                 'default-branch', 'merge-mode', 'squash-merge'}


class Resolver:
    """Looks up the names of a tree.

    :param root: the tree
    :param known: the names of others
    """

    def __init__(self, root: pathlib.Path, known: zuul_names.Known) -> None:
        self._root = root
        self._known = known
        self._items = zuul_files.read(root)
        self._jobs = known.jobs | self._own('job')
        self._nodesets = known.nodesets | self._own('nodeset')
        self._templates = known.templates | self._own('project-template')
        self._roles = known.roles | {
            path.name for path in (root / 'roles').glob('*')}
        tox = configparser.RawConfigParser()
        tox.read(root / 'tox.ini')
        self._environments = {
            name.removeprefix('testenv:') for name in tox.sections()}

    def problems(self) -> Iterator[str]:
        """Yield a line for each name that refers to nothing."""
        for item in self._items:
            if item.kind == 'job':
                found = self._in_job(item)
            elif item.kind in ('project', 'project-template'):
                found = self._in_project(item)
            else:
                found = iter(())
            for problem in found:
                yield f'{item}: {problem}'
        for path in sorted([*self._root.glob('playbooks/*.yaml'),
                            *self._root.glob('roles/*/tasks/*.yaml')]):
            for role in _roles(yaml.safe_load(path.read_text())):
                if role not in self._roles:
                    yield f'{path.name}: there is no role {role}'

    def _own(self, kind):
        return {item.name for item in self._items if item.kind == kind}

    def _in_job(self, job):
        content = job.content
        yield from _missing('job', _list(content, 'parent'), self._jobs)
        nodeset = content.get('nodeset', [])
        if not isinstance(nodeset, dict):
            yield from _missing('nodeset', [nodeset] if nodeset else [],
                                self._nodesets)
        for attribute in _PLAYBOOKS:
            for playbook in _list(content, attribute):
                name = playbook['name'] if isinstance(
                    playbook, dict) else playbook
                if not (self._root / name).is_file():
                    yield f'{attribute}: there is no playbook {name}'
        yield from self._in_projects(job)
        for role in _list(content, 'roles'):
            yield from self._no_project(role.get('zuul', ''))
        if content.get('parent') == 'openstack-tox':
            yield from _missing(
                'tox environment',
                content['vars']['tox_envlist'].split(','),
                self._environments)

    def _in_projects(self, job):
        branches = [job.content, *(
            project for project in _list(job.content, 'required-projects')
            if isinstance(project, dict))]
        yield from _missing(
            'branch', [branch['override-checkout'] for branch in branches
                       if 'override-checkout' in branch], self._known.branches)
        for project in zuul_names.required(job):
            yield from self._no_project(project)

    def _no_project(self, project):
        name = project.removeprefix('opendev.org/')
        return _missing(
            'project', [name] if name != zuul_files.PROJECT else [],
            self._known.projects)

    def _in_project(self, project):
        yield from _missing('template', _list(project.content, 'templates'),
                            self._templates)
        pipelines = set(project.content) - _NO_PIPELINES
        yield from _missing('pipeline', sorted(pipelines),
                            self._known.pipelines)
        for pipeline in sorted(pipelines):
            for listed in _list(project.content[pipeline], 'jobs'):
                [(name, variant)] = (
                    listed.items() if isinstance(listed, dict)
                    else [(listed, {})])
                yield from _missing('job', [name], self._jobs)
                yield from self._in_job(zuul_files.Item(
                    project.path, 'job', variant))


def _missing(kind: str, names: Iterable[str],
             known: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name not in known:
            yield f'there is no {kind} {name}'


def _list(content: dict[str, Any], key: str) -> list[Any]:
    """Return what may be a list or one of its members."""
    value = content.get(key) or []
    return value if isinstance(value, list) else [value]


def _roles(node: Any) -> Iterator[str]:
    """Yield the roles of plays and of their tasks."""
    if isinstance(node, list):
        for inner in node:
            yield from _roles(inner)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == 'roles':
                yield from (role['role'] if isinstance(role, dict) else role
                            for role in value)
            elif re.fullmatch(r'(ansible\.builtin\.)?(include|import)_role',
                              key):
                yield value['name']
            else:
                yield from _roles(value)


def problems(root: pathlib.Path) -> list[str]:
    """Return a line for each name in a tree that refers to nothing."""
    return list(Resolver(root, zuul_names.load()).problems())


def main() -> int:
    """Run the command line, and return the exit code."""
    argparse.ArgumentParser(
        prog='python -m tools.zuul_resolve', description=__doc__).parse_args()
    found = problems(phases.ROOT)
    print('\n'.join(found) or 'Each name refers to something')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
