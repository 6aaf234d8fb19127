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
from importlib import metadata
import sys

from allinone import command_line
from allinone import deployment
from allinone import errors
from allinone import lifecycle
from allinone import release
from allinone import status
from allinone import workspace

_PACKAGE = 'local-delete-tempest-plugin'

# Verbs that are now verbs of the command "python -m proof".
_MOVED = ('mutate', 'trial')

_EPILOG = """
All data, configuration, sockets and logs lie in the state directory. If a
cloud runs there, "up" starts the processes that are missing. Otherwise "up"
makes a new cloud. "down" ends every process and removes the data. The logs and
Tempest's results stay until the next "up".
"""


def _parser():
    options = command_line.options()
    options.add_argument(
        '--port-base', type=int, metavar='N',
        help=f'first TCP port of "up", of {len(deployment.LISTENERS)} '
             f'(default: {deployment.DEFAULT_PORT_BASE})')
    parser = argparse.ArgumentParser(
        prog='python -m allinone', description=__doc__, epilog=_EPILOG,
        parents=[options])
    parser.add_argument(
        '--version', action='version', version=_version(),
        help='show the version of this source tree, and the default '
             'release of OpenStack')
    verbs = parser.add_subparsers(dest='verb', required=True, metavar='VERB')

    def verb(name, text):
        return verbs.add_parser(name, help=text, description=text,
                                parents=[options])

    up = verb('up', 'Boot a cloud, or start its missing processes.')
    up.add_argument(
        '--release', metavar='NAME',
        help=f'release of OpenStack: {", ".join(release.ALL)} (default: '
             f'{release.DEFAULT})')
    up.add_argument(
        '--tls', action=argparse.BooleanOptionalAction,
        help="whether every endpoint is https, with a CA of the cloud's own "
             '(default: http)')
    up.add_argument(
        '--reclaim', action=argparse.BooleanOptionalAction,
        help='whether a deleted server can be restored for an hour (default: '
             'no)')
    up.add_argument(
        '--qemu', action=argparse.BooleanOptionalAction,
        help='whether the cloud has a further compute, with libvirt and '
             'QEMU; this needs root (default: no)')
    up.add_argument(
        '--like-devstack', action=argparse.BooleanOptionalAction,
        help='whether front end, workers, quotas, stops and heartbeats are as '
             'in DevStack; this needs Apache (default: no)')
    up.add_argument(
        '--computes', type=int, metavar='N',
        help="number of the computes of Nova's fake driver (default: "
             f'{deployment.Deployment.computes})')
    upgrade = verb(
        'upgrade', 'Upgrade a cloud that is up, with its data and its '
        'servers. A failed step stops the upgrade, and the same command goes '
        'on with that step.')
    upgrade.add_argument(
        '--to', metavar='NAME', required=True,
        help='release of OpenStack: the next one, or from a release that ends '
             'in .1 the next such release')
    upgrade.add_argument(
        '--keep-computes', nargs='+', metavar='HOST', default=[],
        help='hosts whose nova-compute keeps the old release, until the '
             'command comes without this option (default: none)')
    verb('down', 'End every process of the cloud, and remove its data.')
    shown = verb('status',
                 'Show every process. The exit code is 1 unless all run.')
    shown.add_argument('--json', action='store_true',
                       help='print JSON, for a program that reads it')
    verbs.add_parser(
        'tempest', add_help=False, allow_abbrev=False,
        help='Run "tempest run" with the arguments. With TEMPEST_CONFIG='
             'tempest-accounts.conf it uses pre-provisioned credentials.')
    for name, text in (('start', 'Start processes by name.'),
                       ('stop', 'Stop processes by name.'),
                       ('kill', 'Kill processes by name, like a crash.')):
        verb(name, text).add_argument('names', nargs='+', metavar='NAME')
    for name in _MOVED:
        verbs.add_parser(name, add_help=False)
    return parser


def _version():
    try:
        version = metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        version = 'that is not installed'
    return f'{_PACKAGE} {version}, OpenStack {release.DEFAULT}'


def _do(rest, state, arguments):
    if arguments.verb in _MOVED:
        raise errors.BadInput(
            f'"python -m allinone {arguments.verb}" has moved: run '
            f'"python -m proof {arguments.verb}"')
    if arguments.verb == 'up':
        return lifecycle.up(state, **{
            name: value for name, value in vars(arguments).items()
            if name in ('port_base', 'release', 'tls', 'reclaim', 'qemu',
                        'like_devstack', 'computes')
            and value is not None})
    if arguments.verb == 'down':
        return lifecycle.down(state)
    if arguments.verb == 'tempest' and not {'-h', '--help'}.isdisjoint(rest):
        # Nobody needs a cloud to read it.
        return workspace.show_help()
    cloud = deployment.load(state)
    if arguments.verb == 'status':
        return 0 if status.show(cloud, arguments.json) else 1
    if arguments.verb == 'tempest':
        return workspace.run(cloud, rest)
    if arguments.verb == 'upgrade':
        return lifecycle.upgrade(cloud, arguments.to, arguments.keep_computes)
    return getattr(lifecycle, arguments.verb)(cloud, arguments.names)


def main() -> int:
    """Run the command line, and return the exit code."""
    parser = _parser()
    arguments, rest = parser.parse_known_args()
    if rest and arguments.verb not in ('tempest', *_MOVED):
        parser.error(f'unrecognized arguments: {" ".join(rest)}')
    return command_line.run(functools.partial(_do, rest), arguments)


if __name__ == '__main__':
    sys.exit(main())
