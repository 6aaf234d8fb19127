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

"""A real OpenStack on 127.0.0.1: boot it, use it, take it down."""

import argparse
import os
import pathlib
import signal
import sys

from allinone import cache
from allinone import deployment
from allinone import errors
from allinone import lifecycle
from allinone import status
from allinone import supervision
from allinone import workspace
from proof.mutation import mutate
from proof.trials import faults
from proof.trials import kills
from proof.trials import noise
from proof.trials import pairs
from proof.trials import preflight
from proof.trials import secrets

_TRIALS = {'faults': faults, 'kills': kills, 'noise': noise, 'pairs': pairs,
           'preflight': preflight, 'secrets': secrets}

_EPILOG = '''
All data, configuration, sockets and logs lie in the state directory. "up"
always makes a new cloud, unless one runs there: then it starts what is
missing. "down" ends every process and throws the data away; logs and
Tempest's results stay until the next "up".
'''


def _parser():
    options = argparse.ArgumentParser(
        add_help=False, argument_default=argparse.SUPPRESS)
    options.add_argument(
        '--state', type=pathlib.Path, metavar='DIR',
        help='state directory (default: .allinone in the source tree)')
    options.add_argument(
        '--port-base', type=int, metavar='N',
        help=f'first TCP port of "up", the others follow (default: '
             f'{deployment.DEFAULT_PORT_BASE})')
    options.add_argument('--debug', action='store_true',
                         help='show a traceback with an error')
    parser = argparse.ArgumentParser(
        prog='python -m allinone', description=__doc__, epilog=_EPILOG,
        parents=[options])
    verbs = parser.add_subparsers(dest='verb', required=True, metavar='VERB')

    def verb(name, text):
        return verbs.add_parser(name, help=text, description=text,
                                parents=[options])

    up = verb('up', 'Boot the cloud, or start what is missing of it.')
    up.add_argument(
        '--tls', action=argparse.BooleanOptionalAction,
        help='whether every endpoint is https, with a CA of the cloud\'s own '
             '(default: it is http)')
    up.add_argument(
        '--reclaim', action=argparse.BooleanOptionalAction,
        help='whether a delete of a server is a soft one, so that it can be '
             'restored for an hour (default: it is final)')
    up.add_argument(
        '--qemu', action=argparse.BooleanOptionalAction,
        help='whether there is a compute with libvirt and QEMU, too; needs '
             'root (default: there is none)')
    verb('down', 'End the cloud, whatever state it is in.')
    verb('status', 'Show every process; exit code 1 unless all run.')
    verbs.add_parser(
        'tempest', add_help=False, allow_abbrev=False,
        help='Pass the arguments to "tempest run"; with TEMPEST_CONFIG='
             'tempest-accounts.conf, on pre-provisioned credentials.')
    for name, text in (('start', 'Start processes by name.'),
                       ('stop', 'Stop processes by name.'),
                       ('kill', 'Kill processes by name, as a crash does.')):
        verb(name, text).add_argument('names', nargs='+', metavar='NAME')
    text = mutate.__doc__.strip()
    mutate.add_arguments(verbs.add_parser(
        'mutate', help=text.splitlines()[0], description=text,
        parents=[options]))
    trials = verb('trial', 'Try the plugin\'s promises on the cloud.')
    trials = trials.add_subparsers(dest='trial', required=True,
                                   metavar='TRIAL')
    for name, trial in _TRIALS.items():
        text = trial.__doc__.strip()
        trial.add_arguments(trials.add_parser(
            name, help=text.splitlines()[0], description=text,
            parents=[options]))
    return parser


def _do(arguments, rest):
    state = getattr(arguments, 'state', cache.HERE.parent / '.allinone')
    state = state.absolute()
    if arguments.verb == 'up':
        return lifecycle.up(state, getattr(arguments, 'port_base', None),
                            getattr(arguments, 'tls', None),
                            getattr(arguments, 'reclaim', None),
                            getattr(arguments, 'qemu', None))
    if arguments.verb == 'down':
        return lifecycle.down(state)
    cloud = deployment.load(state)
    if arguments.verb == 'status':
        return 0 if status.show(cloud) else 1
    if arguments.verb == 'tempest':
        return workspace.run(cloud, rest)
    if arguments.verb == 'trial':
        return _try(cloud, _TRIALS[arguments.trial], arguments)
    if arguments.verb == 'mutate':
        return _try(cloud, mutate, arguments)
    return getattr(lifecycle, arguments.verb)(cloud, arguments.names)


def _try(cloud, trial, arguments):
    if not supervision.running(cloud.state):
        raise errors.BadInput(
            f'The all-in-one in {cloud.state} is not up: run "up" first')
    for signum in (signal.SIGINT, signal.SIGTERM):
        # What a shell starts in the background ignores Ctrl-C, and hands that
        # on to the runs; and none of these may outlive the trial.
        signal.signal(signum, signal.default_int_handler)
    return trial.run(cloud, arguments)


def main():
    parser = _parser()
    arguments, rest = parser.parse_known_args()
    if rest and arguments.verb != 'tempest':
        parser.error(f'unrecognized arguments: {" ".join(rest)}')
    # With it a service compiles itself at each of its many starts, which then
    # take three times as long.
    os.environ.pop('PYTHONDONTWRITEBYTECODE', None)
    try:
        return _do(arguments, rest)
    except KeyboardInterrupt:
        print('Interrupted', file=sys.stderr)
        return 130
    except (errors.AllInOneError, OSError) as error:
        if getattr(arguments, 'debug', False):
            raise
        print(error, file=sys.stderr)
        return 2 if isinstance(error, errors.BadInput) else 1


if __name__ == '__main__':
    sys.exit(main())
