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

"""A mutant's file, read without running it."""

import ast
import collections.abc
import dataclasses
import pathlib
import re

from allinone import errors

DIRECTORY = pathlib.Path(__file__).parent.parent / 'mutants'

_KINDS = {'SERVICE': str, 'MODULE': str, 'SCENARIOS': tuple, 'BENIGN': bool,
          'EVERYWHERE': bool, 'OPTIONS': dict, 'RECLAIM': bool, 'QEMU': bool}


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A deliberate defect of one service."""

    name: str
    path: pathlib.Path
    #: The defect of the service, in one line.
    summary: str
    #: The effect that a user of the API sees.
    effect: str
    #: Name of the process that gets it, as "status" shows it. 'nova-compute':
    #: the first compute, which is then the only target host.
    service: str
    #: The Python module that it patches after the import.
    module: str
    #: Regexes of the scenarios that could kill it, in the order of trial.
    scenarios: tuple[str, ...]
    #: Whether no scenario may kill it.
    benign: bool = False
    #: For 'nova-compute': whether every compute gets it.
    everywhere: bool = False
    #: {option of [local_delete] that its runs need: value}.
    options: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Whether it needs a cloud of "up --reclaim". Any other mutant needs a
    #: cloud without that option.
    reclaim: bool = False
    #: For 'nova-compute': whether the compute with real guests gets it. Then
    #: it needs a cloud of "up --qemu".
    qemu: bool = False


def find(directory: pathlib.Path, names: collections.abc.Collection[str]
         ) -> list[Mutant]:
    """Read the mutants of a directory.

    :param names: names of mutants; none stands for all
    :returns: The mutants, in the order of their names.
    :raises BadInput: there is no such directory or mutant, or a file is not
        as the file of a mutant has to be
    """
    if not directory.is_dir():
        raise errors.BadInput(f'No directory {directory}')
    paths = {path.stem: path for path in sorted(directory.glob('*.py'))
             if path.stem != '__init__'}
    if not paths:
        raise errors.BadInput(f'No mutant is in {directory}')
    for name in names:
        if name not in paths:
            raise errors.BadInput(
                f'No mutant is called {name}; there are: {", ".join(paths)}')
    return [read(path) for name, path in paths.items()
            if not names or name in names]


def read(path: pathlib.Path) -> Mutant:
    """Read the file of a mutant.

    :raises BadInput: the file is not as the file of a mutant has to be
    """
    try:
        tree = ast.parse(path.read_text())
        values = {target.id: ast.literal_eval(node.value)
                  for node in tree.body if isinstance(node, ast.Assign)
                  for target in node.targets
                  if isinstance(target, ast.Name) and target.id in _KINDS}
    except (OSError, SyntaxError, ValueError) as error:
        raise errors.BadInput(f'{path} cannot be read: {error}')
    summary, _, effect = (ast.get_docstring(tree) or '').partition('\n')
    effect = ' '.join(effect.split())
    problem = _problem(tree, values, summary, effect)
    if problem:
        raise errors.BadInput(f'{path} is no mutant: {problem}')
    return Mutant(path.stem, path, summary, effect,
                  **{name.lower(): value for name, value in values.items()})


def _problem(tree, values, summary, effect):
    if not summary or not effect:
        return ('its docstring has to say what is broken, and after a blank '
                'line what a user of the API sees')
    for name in ('SERVICE', 'MODULE', 'SCENARIOS'):
        if not values.get(name):
            return f'{name} is missing'
    for name, value in values.items():
        if not isinstance(value, _KINDS[name]):
            return f'{name} is not of type {_KINDS[name].__name__}'
    for regex in values['SCENARIOS']:
        try:
            re.compile(regex)
        except (re.error, TypeError) as error:
            return f'SCENARIOS has {regex!r}: {error}'
    if not any(isinstance(node, ast.FunctionDef) and node.name == 'patch'
               for node in tree.body):
        return 'it has no function patch(module, hook)'
    return None
