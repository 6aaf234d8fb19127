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

"""Stop commands that take long, and what is killed of them with a run."""

import collections.abc
import configparser
import contextlib
import enum
import os
import shlex
import signal
import subprocess

import psutil

from proof.trials import runs

#: Options of [local_delete] whose commands take a service away.
OPTIONS = ('compute_stop_command', 'compute_freeze_command',
           'placement_stop_command', 'placement_proxy_stop_command',
           'scheduler_stop_command', 'conductor_stop_command')

#: Seconds that a command takes at most, unless an option says otherwise.
LONGEST = 60


class Kind(enum.Enum):
    """How a command ends whose run is killed."""

    #: The command goes on without its run, and stops the service later.
    GOES_ON = 'the command goes on'
    #: The command is killed with its run, and stops nothing.
    KILLED = 'the command is killed'
    #: The command is killed with its run. What it has begun elsewhere, as ssh
    #: does, goes on and stops the service later.
    FAR_SIDE = 'the far side goes on'

    @property
    def strikes(self) -> bool:
        """Whether the service is stopped after the run was killed."""
        return self is not Kind.KILLED


def command(text: str, seconds: float, kind: Kind) -> str:
    """Make a command that waits, and then does the same.

    :param text: a command of tempest.conf
    :param seconds: how long it waits
    :returns: A command of tempest.conf.
    """
    script = f'sleep {seconds:.1f}; exec {shlex.join(shlex.split(text))}'
    if kind is Kind.FAR_SIDE:
        # A process of the background leads no group, so setsid makes no
        # further process.
        script = f'setsid {shlex.join(("sh", "-c", script))} & wait'
    return shlex.join(('sh', '-c', script))


def options(workspace: runs.Workspace, seconds: float, kind: Kind
            ) -> dict[str, str]:
    """Return {option of [local_delete]: its command, made slow}.

    :param workspace: its tempest.conf has the quick commands
    """
    # The values have % and {}, and a section may be there twice.
    parser = configparser.RawConfigParser(strict=False)
    parser.read(workspace.configuration)
    return {option: command(parser['local_delete'][option], seconds, kind)
            for option in OPTIONS
            if parser.has_option('local_delete', option)}


@contextlib.contextmanager
def killed_too(process: subprocess.Popen, kind: Kind
               ) -> collections.abc.Generator[None, None, None]:
    """Kill the commands of a run after the body, which kills the run.

    :param process: the leader of the run
    """
    leaders = [] if kind is Kind.GOES_ON else commands_of(process)
    yield
    for leader in leaders:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGKILL)


def commands_of(process: subprocess.Popen) -> list[psutil.Process]:
    """Return the commands that a run has under way, without their children.

    :param process: the leader of the run
    """
    found = []
    for one in runs.group(process):
        with contextlib.suppress(psutil.Error):
            # A command has a process group of its own.
            found += [child for child in one.children()
                      if _leads_group(child)]
    return found


def _leads_group(process):
    try:
        return os.getpgid(process.pid) == process.pid
    except ProcessLookupError:
        # It has ended since it was listed, and the others have not.
        return False
