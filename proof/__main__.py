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
"""Prove the plugin on the cloud that "python -m allinone up" has booted."""

import argparse
import signal
import sys

from allinone import command_line
from allinone import deployment
from allinone import lifecycle
from proof.benchmarks import floor
from proof.benchmarks import growth
from proof.benchmarks import populate
from proof.benchmarks import request_counts
from proof.benchmarks import schedule
from proof.benchmarks import times
from proof.mutation import mutate
from proof.trials import crowd
from proof.trials import faults
from proof.trials import kills
from proof.trials import noise
from proof.trials import operator
from proof.trials import pairs
from proof.trials import preflight
from proof.trials import secrets
from proof.trials import zuul

_TRIALS = {'crowd': crowd, 'faults': faults, 'kills': kills, 'noise': noise,
           'operator': operator, 'pairs': pairs, 'preflight': preflight,
           'secrets': secrets, 'zuul': zuul}


def _parser():
    options = command_line.options()
    parser = argparse.ArgumentParser(
        prog='python -m proof', description=__doc__, parents=[options])
    verbs = parser.add_subparsers(required=True, metavar='VERB')

    def add(parsers, name, module, up=True, file=None):
        text = module.__doc__.strip()
        verb = parsers.add_parser(
            name, help=text.splitlines()[0], description=text,
            # The lists of the docstrings stay lists.
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[options])
        module.add_arguments(verb)
        verb.set_defaults(run=module.run, up=up, file=file)

    add(verbs, 'mutate', mutate)
    add(verbs, 'populate', populate)
    add(verbs, 'floor', floor)
    add(verbs, 'growth', growth)
    # With a file of their own these need no cloud.
    add(verbs, 'times', times, up=False, file='log')
    add(verbs, 'requests', request_counts, up=False, file='log')
    add(verbs, 'schedule', schedule, up=False, file='update')
    text = "Try the plugin's promises on the cloud."
    trials = verbs.add_parser(
        'trial', help=text, description=text, parents=[options])
    trials = trials.add_subparsers(required=True, metavar='TRIAL')
    for name, trial in _TRIALS.items():
        add(trials, name, trial)
    return parser


def _prove(state, arguments):
    is_alone = arguments.file and getattr(arguments, arguments.file)
    cloud = None if is_alone else deployment.load(state)
    if arguments.up:
        lifecycle.require_up(cloud)
    for signum in (signal.SIGINT, signal.SIGTERM):
        # A process that the shell starts in the background ignores Ctrl-C,
        # and its children inherit that. None of the runs may outlive us.
        signal.signal(signum, signal.default_int_handler)
    return arguments.run(cloud, arguments)


def main() -> int:
    """Run the command line, and return the exit code."""
    return command_line.run(_prove, _parser().parse_args())


if __name__ == '__main__':
    sys.exit(main())
