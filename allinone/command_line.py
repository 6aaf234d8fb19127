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
"""Options and exit codes of the commands "allinone" and "proof"."""

import argparse
import collections.abc
import os
import pathlib
import sys

from allinone import errors

try:
    from allinone import cache
except ModuleNotFoundError as error:
    sys.exit(f'{sys.executable} has no {error.name}. Run tools/setup.sh, and '
             'then ". .venv/bin/activate".')


def options() -> argparse.ArgumentParser:
    """Return a parser of the options of every verb, for ``parents=``."""
    parser = argparse.ArgumentParser(
        add_help=False, argument_default=argparse.SUPPRESS)
    parser.add_argument(
        '--state', type=pathlib.Path, metavar='DIR',
        help='state directory (default: .allinone in the source tree)')
    parser.add_argument('--debug', action='store_true',
                        help='show a traceback with an error')
    return parser


def run(do: collections.abc.Callable[..., int | None],
        arguments: argparse.Namespace) -> int:
    """Run a command, and print an error as one line unless --debug is given.

    :param do: gets the state directory and the arguments; returns the exit
        code, or None for 0
    :param arguments: what a parser with ``options`` returned
    :returns: The exit code: 2 for a bad argument, 1 for any other error, 130
        after Ctrl-C.
    """
    state = getattr(arguments, 'state', cache.HERE.parent / '.allinone')
    # With this variable a service compiles its modules at each of its many
    # starts, which then take three times as long.
    os.environ.pop('PYTHONDONTWRITEBYTECODE', None)
    try:
        return do(state.absolute(), arguments) or 0
    except KeyboardInterrupt:
        print('Interrupted', file=sys.stderr)
        return 130
    except (errors.AllInOneError, OSError) as error:
        if getattr(arguments, 'debug', False):
            raise
        print(error, file=sys.stderr)
        return 2 if isinstance(error, errors.BadInput) else 1
