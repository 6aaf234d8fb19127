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

"""What the commands of tools/functions.sh have in common."""

import os
import pathlib
import platform
import re
import subprocess
import sys

from tools import phases

#: Directory of the logs of all phases.
RESULTS = phases.ROOT / 'results'

#: State directory of the first cloud; see tools/functions.sh.
STATE = pathlib.Path(os.environ.get('ALLINONE_STATE',
                                    phases.ROOT / '.allinone'))

#: First port of the first cloud.
PORT_BASE = int(os.environ.get('ALLINONE_PORT_BASE', 21000))

#: All scenarios.
SCENARIOS = r'^local_delete_tempest_plugin\.'

# The first cloud has to skip some scenarios, which run on a second cloud. Some
# scenarios run there again, because a delete by a live compute is a soft
# delete there.
_SECOND = ('soft_delete', 'service_disabled', 'compute_back', 'old_host_back',
           '(source_out|usable_after_outage)_forced_down')

#: The interpreter of .venv.
PYTHON = str(phases.ROOT / '.venv' / 'bin' / 'python')

# Classes of scenarios that run side by side.
_CONCURRENCY = 5


class Cloud:
    """The phases of one cloud.

    :param name: distinguishes the phases of several clouds
    :param state: the state directory
    :param port_base: the first port
    :param keep: whether the cloud stays up
    :param echo: whether what the phases print is shown
    """

    def __init__(self, name: str = '', state: pathlib.Path = STATE,
                 port_base: int = PORT_BASE, keep: bool = False,
                 echo: bool = False) -> None:
        self._name = f'{name}-' if name else ''
        self._state = state
        self._port_base = port_base
        self._keep = keep
        self._echo = echo

    def boot(self, *options: str) -> phases.Phase:
        """Return the phase that boots the cloud.

        :param options: of "up"
        """
        return phases.Phase(
            f'{self._name}boot',
            self.allinone('--port-base', str(self._port_base), 'up', *options),
            undo=None if self._keep else phases.Phase(
                f'{self._name}down', self.allinone('down')), echo=self._echo)

    def scenarios(self, name: str, regex: str,
                  check: phases.Check = phases.nothing,
                  goes_on: bool = False) -> phases.Phase:
        """Return a phase that runs tests of Tempest.

        :param name: name of the phase
        :param regex: selects the tests
        :param check: as a ``Phase`` has it
        :param goes_on: as a ``Phase`` has it
        """
        return phases.Phase(
            name, self.allinone('tempest', '--concurrency', str(_CONCURRENCY),
                                '--regex', regex),
            tempest_log=self._tempest_log, check=check, goes_on=goes_on,
            echo=self._echo)

    def proof(self, name: str, *arguments: str) -> phases.Phase:
        """Return a phase of the command that proves the plugin.

        :param name: name of the phase
        :param arguments: of "python -m proof"
        """
        return phases.Phase(
            name, (PYTHON, '-m', 'proof', '--state', str(self._state),
                   *arguments), tempest_log=self._tempest_log)

    def allinone(self, *arguments: str) -> tuple[str, ...]:
        """Return a command of the all-in-one for this cloud."""
        return (PYTHON, '-m', 'allinone', '--state', str(self._state),
                *arguments)

    @property
    def _tempest_log(self):
        return self._state / 'tempest' / 'logs' / 'tempest.log'


def boot_second(cloud: Cloud, guests: bool, *options: str) -> phases.Phase:
    """Return the phase that boots a cloud for ``second_scenarios``.

    :param cloud: the cloud
    :param guests: whether it has real guests
    :param options: further options of "up"
    """
    return cloud.boot('--computes', '5', '--reclaim', *options,
                      *['--qemu'] * guests)


def second_scenarios(guests: bool) -> str:
    """Return the regex of the scenarios that need the second cloud.

    :param guests: whether that cloud has real guests
    """
    tests = _SECOND + (('guest',) if guests else ())
    return rf'{SCENARIOS}scenario\..*({"|".join(tests)})'


def may_run_guests(run: phases.Phases) -> bool:
    """Tell whether a cloud of this machine can have real guests.

    :param run: shows why not
    """
    may = (os.geteuid() == 0 and platform.machine() == 'x86_64'
           and pathlib.Path('/dev/net/tun').is_char_device()
           and not subprocess.run(
               ('unshare', '--mount', '--net', '--uts', 'mount', '-t',
                'sysfs', 'sysfs', '/sys'), capture_output=True).returncode)
    if not may:
        run.show('Without real guests: they need root, x86_64, /dev/net/tun '
                 'and the\nright to make namespaces and to mount.')
    return may


def setup(*profiles: str, echo: bool = False) -> phases.Phase:
    """Return the phase that installs what is missing.

    :param profiles: profiles of bindep.txt: qemu, devstack
    :param echo: whether what the phase prints is shown
    """
    return phases.Phase(
        'setup', (str(phases.ROOT / 'tools' / 'setup.sh'),), echo=echo,
        environment={'PROFILES': ' '.join(profiles)} if profiles else {})


def use_environment() -> None:
    """Let the next phases find the programs of .venv first."""
    os.environ['PATH'] = os.pathsep.join(
        (str(phases.ROOT / '.venv' / 'bin'), os.environ.get('PATH', '')))


def total(log: str, *fields: str) -> int:
    """Add up what stestr or Tempest counted in a log.

    :param log: the text of the log
    :param fields: such as "Passed" and "Failed"
    """
    return sum(int(count) for count in re.findall(
        rf'^ - (?:{"|".join(fields)}): +(\d+)$', log, re.MULTILINE))


def skips(log: str) -> list[str]:
    """Return the tests that skipped, each with its reason."""
    return re.findall(r'^\{\d+\} (.* \.\.\. SKIPPED.*)$', log, re.MULTILINE)


def stop(message: str) -> int:
    """Print why the command ends, and return its exit code."""
    print(message, file=sys.stderr)
    return 1
