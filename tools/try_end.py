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

"""Try that a signal to a command ends all that the command began.

The command runs until a scenario has taken a compute out. Then the command
alone gets the signal, as "kill" sends it. The exit code is 0 if all of these
are true:

- the command ended within the limit with the right code;
- the scenario had given the compute back;
- no process is left.
"""

import argparse
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid

from proof.trials import journals

# Seconds until a compute is out, setup and boot included.
_BEGIN = 1800

# All processes of the command inherit this variable.
_MARK = 'LOCAL_DELETE_TRY_END'


def _left(mark):
    """Return the command line of each process that has a mark."""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        # A process may end while it is read.
        with contextlib.suppress(OSError):
            if f'{_MARK}={mark}'.encode() in (path / 'environ').read_bytes():
                found.append((path / 'cmdline').read_text().replace('\0', ' '))
    return found


def _await_outage(process, folder):
    """Wait until a compute is out, and tell whether it is."""
    limit = time.monotonic() + _BEGIN
    while time.monotonic() < limit and process.poll() is None:
        if journals.hosts_out(folder):
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
    return False


def _try(arguments, signum, mark):
    """Try it, and return a line for each problem."""
    folder = arguments.state / 'tempest' / 'tempest_lock' / 'local-delete'
    for old in folder.glob('*.journal'):
        old.unlink()
    process = subprocess.Popen(
        arguments.command, env={**os.environ, _MARK: mark},
        start_new_session=True)
    if not _await_outage(process, folder):
        process.terminate()
        return ['the command has taken no compute out']
    begin = time.monotonic()
    process.send_signal(signum)
    problems = []
    try:
        code = process.wait(arguments.limit)
    except subprocess.TimeoutExpired:
        problems.append(f'runs {arguments.limit} s after {signum.name}')
    else:
        print(f'Ended with {code} after {time.monotonic() - begin:.0f} s')
        if code != 128 + signum:
            problems.append(f'ended with {code}, not with {128 + signum}')
    problems += [f'run {run} has not given {host} back'
                 for run, host in journals.hosts_out(folder)]
    return problems + [f'left: {line[:120]}' for line in _left(mark)]


def main() -> int:
    """Run the command line, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python3 -m tools.try_end', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--signal', default='TERM', choices=('TERM', 'INT'))
    parser.add_argument(
        '--limit', type=float, default=180, metavar='SECONDS',
        help='in which the command has to end (default: %(default)s)')
    parser.add_argument(
        '--state', type=pathlib.Path, required=True, metavar='DIR',
        help="state directory of the command's first cloud")
    parser.add_argument('command', nargs='+',
                        help='such as tools/demo.sh; put -- before it')
    arguments = parser.parse_args()
    problems = _try(arguments, signal.Signals[f'SIG{arguments.signal}'],
                    uuid.uuid4().hex)
    print('\n'.join(problems) or 'It ended all that it began')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
