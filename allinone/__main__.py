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
import functools
import sys

from allinone import command_line
from allinone import deployment
from allinone import errors
from allinone import lifecycle
from allinone import status
from allinone import workspace

# What proves the plugin is a command of its own.
_MOVED = ('mutate', 'trial')

_EPILOG = '''
All data, configuration, sockets and logs lie in the state directory. "up"
always makes a new cloud, unless one runs there: then it starts what is
missing. "down" ends every process and throws the data away; logs and
Tempest's results stay until the next "up".
'''


def _parser():
    options = command_line.options()
    options.add_argument(
        '--port-base', type=int, metavar='N',
        help=f'first TCP port of "up", the others follow (default: '
             f'{deployment.DEFAULT_PORT_BASE})')
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
    for name in _MOVED:
        verbs.add_parser(name, add_help=False)
    return parser


def _do(rest, state, arguments):
    if arguments.verb in _MOVED:
        raise errors.BadInput(
            f'"python -m allinone {arguments.verb}" has moved: run '
            f'"python -m proof {arguments.verb}"')
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
    return getattr(lifecycle, arguments.verb)(cloud, arguments.names)


def main():
    parser = _parser()
    arguments, rest = parser.parse_known_args()
    if rest and arguments.verb not in ('tempest', *_MOVED):
        parser.error(f'unrecognized arguments: {" ".join(rest)}')
    return command_line.run(functools.partial(_do, rest), arguments)


if __name__ == '__main__':
    sys.exit(main())
