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

"""The number that decides what a trial draws."""

import argparse
import random

# Numbers of this many digits can be read out and typed.
_NUMBERS = 10 ** 6


def add_argument(parser: argparse.ArgumentParser, decides: str) -> None:
    """Add the option --seed.

    :param decides: what the number decides, for the help
    """
    parser.add_argument('--seed', type=int, metavar='N',
                        help=f'number that decides {decides} (default: a new '
                             f'number each time, which is printed)')


def chosen(arguments: argparse.Namespace) -> int:
    """Return the seed of the command line, or a new one, and print it."""
    seed = arguments.seed
    if seed is None:
        seed = random.SystemRandom().randrange(_NUMBERS)
    print(f'Seed: {seed}', flush=True)
    return seed


def repeat(trial: str, seed: int, *options: str) -> str:
    """Say how an attempt is made again.

    :param trial: name of the trial
    :param seed: seed of the attempt
    :param options: further options
    """
    return ' '.join(('again: python -m proof trial', trial, *options,
                     f'--count 1 --seed {seed}'))
