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

"""Keep the names that this project's Zuul jobs may refer to.

Each argument is a project of OpenDev, and a clone of its repository. The names
of its jobs, nodesets, templates, pipelines, roles and branches are written to
tools/zuul_names.yaml, with the date of the commit. So are the projects that
its jobs require. Other projects in the file stay as they are. Nothing but
names is kept.
"""

import argparse
from collections.abc import Iterator
import dataclasses
import pathlib
import subprocess
import sys

import yaml

from tools import zuul_files

#: The file with the names.
FILE = pathlib.Path(__file__).with_suffix('.yaml')

_HEAD = """\
# The names of OpenDev that zuul.d and the playbooks may refer to. Each date is
# that of the commit from which they were read. This file is written by
#     python -m tools.zuul_names PROJECT=CLONE...
"""

#: {kind of an item: where its name is kept}.
_KINDS = {'job': 'jobs', 'nodeset': 'nodesets', 'pipeline': 'pipelines',
          'project-template': 'templates'}


@dataclasses.dataclass(frozen=True)
class Known:
    """All names that are known, each with the kind of a thing."""

    branches: frozenset[str]
    jobs: frozenset[str]
    nodesets: frozenset[str]
    pipelines: frozenset[str]
    projects: frozenset[str]
    roles: frozenset[str]
    templates: frozenset[str]


def load(path: pathlib.Path = FILE) -> Known:
    """Read the file with the names."""
    projects = yaml.safe_load(path.read_text())
    found: dict[str, set[str]] = {
        field.name: set() for field in dataclasses.fields(Known)}
    found['projects'].update(projects)
    for names in projects.values():
        for kind in found:
            found[kind].update(map(str, names.get(kind, ())))
    return Known(**{kind: frozenset(names) for kind, names in found.items()})


def read(clone: pathlib.Path) -> dict[str, object]:
    """Read the names out of a clone.

    :param clone: directory of a repository, with or without a work tree
    """
    names: dict[str, set[str]] = {}
    for path in _git(clone, 'ls-tree', '-r', '--name-only', 'HEAD'):
        parts = pathlib.PurePath(path).parts
        if parts[0] == 'roles' and parts[2:3] == ('tasks',):
            names.setdefault('roles', set()).add(parts[1])
        elif path in ('.zuul.yaml', 'zuul.yaml') or (
                parts[0] in ('zuul.d', '.zuul.d') and path.endswith('.yaml')):
            text = '\n'.join(_git(clone, 'show', f'HEAD:{path}'))
            for item in zuul_files.parse(pathlib.Path(path), text):
                for kind, name in _names(item):
                    names.setdefault(kind, set()).add(name)
    names['branches'] = {
        branch.removeprefix('origin/') for branch in _git(
            clone, 'for-each-ref', '--format=%(refname:lstrip=2)',
            'refs/heads', 'refs/remotes/origin') if not branch.endswith('HEAD')
        and branch != 'origin'}
    [date] = _git(clone, 'show', '--no-patch', '--format=%cs', 'HEAD')
    return {'date': date, **{
        kind: sorted(found) for kind, found in sorted(names.items())}}


def _names(item: zuul_files.Item) -> Iterator[tuple[str, str]]:
    if item.kind in _KINDS:
        yield _KINDS[item.kind], item.name
    if item.kind == 'job':
        for project in required(item):
            yield 'projects', project.removeprefix('opendev.org/')


def required(job: zuul_files.Item) -> list[str]:
    """Return the projects that a job requires."""
    wanted = job.content.get('required-projects') or []
    return [project['name'] if isinstance(project, dict) else project
            for project in ([wanted] if isinstance(wanted, str) else wanted)]


def _git(clone, *arguments):
    return subprocess.run(
        ['git', '-C', clone, *arguments], check=True, text=True,
        stdout=subprocess.PIPE).stdout.splitlines()


def _pair(text):
    project, separator, clone = text.partition('=')
    if not separator:
        raise argparse.ArgumentTypeError(f'{text!r} is not PROJECT=CLONE')
    return project, pathlib.Path(clone)


def main() -> int:
    """Run the command line, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m tools.zuul_names', description=__doc__)
    parser.add_argument('clones', nargs='+', type=_pair,
                        metavar='PROJECT=CLONE')
    arguments = parser.parse_args()
    for _, clone in arguments.clones:
        if not clone.is_dir():
            parser.error(f'{clone} is no directory')
    kept = yaml.safe_load(FILE.read_text()) if FILE.exists() else {}
    kept.update({project: read(clone) for project, clone in arguments.clones})
    FILE.write_text(_HEAD + yaml.safe_dump(kept))
    return 0


if __name__ == '__main__':
    sys.exit(main())
