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

"""Try every mutant of proof/mutants, as doc/source/mutants.rst has them.

Several clouds run side by side, and take one mutant after the other. Another
cloud has real guests and servers that can be restored, for the mutants that
need these. This command needs root, x86_64 and 11 GiB of memory. The table is
written into results/mutants. The exit code is 0 only if every harmful mutant
was killed, and no benign mutant.
"""

import argparse
import re
import shutil
import sys
import time

from tools import clouds
from tools import phases

_FOLDER = clouds.RESULTS / 'mutants'

_STATES = clouds.STATE.with_name('.matrix')

_PLAIN = ('first', 'second', 'third')

_PORT_BASE = 26000


def _lane(place, name, *options):
    cloud = clouds.Cloud(name, _STATES / name, _PORT_BASE + 100 * place)
    return [cloud.boot('--computes', '3', *options),
            cloud.proof(f'{name}-mutants', 'mutate', '--results',
                        str(_FOLDER), '--share')]


def _try(run):
    begin = time.monotonic()
    run.run([clouds.setup('qemu')])
    for folder in (_FOLDER, _STATES):
        shutil.rmtree(folder, ignore_errors=True)
    lanes = [_lane(place, name) for place, name in enumerate(_PLAIN)]
    lanes.append(_lane(len(_PLAIN), 'fourth', '--reclaim', '--qemu'))
    code = 0
    try:
        run.run(*lanes, together=False)
    except phases.PhaseFailed as failed:
        code = failed.code
    for _, _, log in run.ended:
        for line in re.findall('.*harmful mutants killed.*', log.read_text()):
            run.show(line)
    run.show(f'All parts after {(time.monotonic() - begin) / 60:.0f} minutes; '
             f'the table: {_FOLDER}/matrix.rst')
    return code


def main() -> int:
    """Run the command line, and return the exit code."""
    argparse.ArgumentParser(
        prog='tools/matrix.sh', description=__doc__).parse_args()
    run = phases.Phases(clouds.RESULTS)
    return phases.main(run, lambda: _try(run))


if __name__ == '__main__':
    sys.exit(main())
