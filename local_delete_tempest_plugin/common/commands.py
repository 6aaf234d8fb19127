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

"""Run the commands of the operator.

They stop and start services, and list the guests of a host.
"""

from collections.abc import Callable
import contextlib
import dataclasses
import datetime
import fcntl
import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile
import time

from oslo_log import log as logging
from oslo_utils import strutils
from tempest import config

from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions

CONF = config.CONF
LOG = logging.getLogger(__name__)

# RFC 1123, and the underscore that Nova allows too.
_LABEL = r'[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'
_HOST_NAME = re.compile(r'(?=.{1,253}\Z)%s(?:\.%s)*\Z' % (_LABEL, _LABEL))

# ${HOME} is no placeholder, because the command may call a shell.
_PLACEHOLDER = re.compile(r'(?<!\$)\{\w+\}')

# As libvirt writes a UUID. No other form is expected.
_UUID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z', re.I)

# This many characters are quoted of what a command printed last.
_STDERR_TAIL = 500

# Bytes. A secret is masked before the quoted end is cut out of them.
_STDERR_KEPT = 8 * 1024

# Bytes that the output of a command may take on disk. The output is looked at
# so often (seconds), because a command may print a gigabyte a second.
_MOST_OUTPUT = 1024 ** 2
_LOOK = 0.05

# This many characters are quoted from a line that is no UUID.
_LINE_START = 60

# Seconds that a killed command has to end.
_KILL_LIMIT = 5

# Commands that nova-compute may keep waiting after its SIGTERM.
_STOPS_COMPUTE = 'compute_stop_command'


@dataclasses.dataclass(frozen=True)
class Underway:
    """A command that was begun, and is not known to have ended.

    A field is None where it is not known.
    """

    #: When the command was begun: a date of ISO 8601, in UTC.
    began: str | None = None
    #: Which boot of which machine it runs on.
    boot_id: str | None = None
    #: Its process, which leads a process group and a session of its own.
    pid: int | None = None
    #: When the process was started, in clock ticks since the boot. Another
    #: process may have the pid later, and has another time.
    start_time: int | None = None

    @classmethod
    def now(cls, pid: int | None = None) -> 'Underway':
        """Describe a command that begins at this moment.

        :param pid: Its process; None if it has none yet.
        """
        return cls(
            datetime.datetime.now(datetime.timezone.utc).isoformat(
                timespec='seconds'),
            _boot_id(), pid, None if pid is None else _start_time(pid))

    def is_alive(self) -> bool:
        """Tell whether its process is known to live on this machine."""
        return (self.start_time is not None and self.pid is not None
                and self.boot_id == _boot_id()
                and self.start_time == _start_time(self.pid))

    def end(self) -> bool:
        """Kill the command and all that it started, if it still lives.

        A command that may not be killed has ``command_timeout`` seconds to
        end by itself.

        :returns: Whether no process of it is known to live.
        """
        if not self.is_alive():
            return True
        assert self.pid is not None
        LOG.warning('Killing the command that is %s', self)
        killed = _kill_group(self.pid)
        try:
            waiters.wait_until(
                self.is_alive, lambda alive: not alive,
                'the command is dead that is %s' % self,
                _KILL_LIMIT if killed else CONF.local_delete.command_timeout)
        except exceptions.TimedOut as error:
            LOG.warning('%s', error)
            return False
        return True

    def __str__(self) -> str:
        return 'under way since %s as process %s' % (
            self.began or 'an unknown time', self.pid or 'unknown')


def _boot_id() -> str | None:
    try:
        path = pathlib.Path('/proc/sys/kernel/random/boot_id')
        return path.read_text().strip()
    except OSError:
        return None


def _start_time(pid: int) -> int | None:
    """Read when a process was started; None for one that has ended."""
    try:
        # The name of the program comes before the last parenthesis.
        fields = pathlib.Path('/proc/%d/stat' % pid).read_text(
            errors='replace').rpartition(')')[2].split()
    except OSError:
        return None
    # Nobody has asked yet how a zombie has ended.
    return None if fields[0] in 'ZX' else int(fields[19])


def arguments(option: str, host: str | None = None) -> list[str]:
    """Split the command of an option into its arguments.

    :param option: Name of an option in ``[local_delete]``.
    :param host: Host to put in the place of ``{host}``; None for a command
        that acts on no host.
    :returns: The arguments.
    :raises CommandFailed: the option is not set, or the command cannot be
        split. Or the command acts on a host and has no ``{host}``, or the
        host is not a host name.
    """
    command = CONF.local_delete[option]
    if not command:
        raise exceptions.CommandFailed(option=option, problem='is not set')
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise exceptions.CommandFailed(
            option=option, problem='cannot be split into words: %s' % error)
    if not words:
        raise exceptions.CommandFailed(option=option, problem='is empty')
    _check_placeholders(option, words, () if host is None else ('{host}',))
    if host is None:
        return words
    if not _HOST_NAME.match(host):
        raise exceptions.CommandFailed(
            option=option, problem='%r is not a host name' % host)
    if not any('{host}' in word for word in words):
        raise exceptions.CommandFailed(
            option=option, problem='has no {host}, so it would act on the '
            'same machine whatever the host is')
    return [word.replace('{host}', host) for word in words]


def _check_placeholders(option, words, known):
    for found in _PLACEHOLDER.findall(' '.join(words)):
        if found not in known:
            raise exceptions.CommandFailed(
                option=option, problem='has %s, and what may stand there is '
                '%s' % (found, ', '.join(known) or 'nothing in braces'))


def run(option: str, host: str | None = None,
        began: Callable[[int], None] | None = None) -> None:
    """Run the command of an option and wait until it has ended.

    :param option: Name of an option in ``[local_delete]``.
    :param host: Host to put in the place of ``{host}``, or None.
    :param began: Called with the pid: first in the new process, before the
        process becomes the command, and then here. If it raises anything, the
        command is not run, or it is killed.
    :raises CommandFailed: the command is unusable, exited with another code
        than 0, or took longer than ``command_timeout`` seconds.
    :raises CommandNotBegun: it did not start.
    """
    with _errors() as errors:
        _run(option, host, subprocess.DEVNULL, errors, began)


def uuids(option: str, host: str | None = None) -> frozenset[str]:
    """Run the command of an option and return the UUIDs that it prints.

    :param option: Name of an option in ``[local_delete]``.
    :param host: Host to put in the place of ``{host}``, or None.
    :returns: The UUIDs, in lower case.
    :raises CommandFailed: as for ``run``, or the command printed a line that
        is neither blank nor a UUID.
    """
    with contextlib.ExitStack() as kept:
        try:
            printed = kept.enter_context(_output())
        except OSError as error:
            raise exceptions.CommandNotBegun(
                option=option, problem='what it prints cannot be kept: %s'
                % error)
        _run(option, host, printed, kept.enter_context(_errors()))
        _refuse_flood(option, printed)
        printed.seek(0)
        lines = printed.read().decode(errors='replace').splitlines()
    lines = [line for line in lines if line.strip()]
    for line in lines:
        if not _UUID.match(line):
            raise exceptions.CommandFailed(
                option=option, problem='printed a line that is no UUID: %s'
                % strutils.mask_password(ascii(line[:_LINE_START])))
    return frozenset(line.lower() for line in lines)


@contextlib.contextmanager
def _output():
    """Make a file that a command may print to.

    It is a file, not a pipe: the command may leave a daemon behind. The daemon
    would keep a pipe open, and the wait for the pipe's end would never end.
    """
    with tempfile.TemporaryFile(buffering=0) as output:
        # What follows after the file was emptied begins at its begin again.
        flags = fcntl.fcntl(output, fcntl.F_GETFL)
        fcntl.fcntl(output, fcntl.F_SETFL, flags | os.O_APPEND)
        yield output


@contextlib.contextmanager
def _errors():
    """Make a file that a command may print its errors to.

    Without room for it they are lost. A start command has to run even so.
    """
    with contextlib.ExitStack() as kept:
        try:
            file = kept.enter_context(_output())
        except OSError as error:
            LOG.warning('What commands print on stderr is lost: %s', error)
            file = kept.enter_context(open(os.devnull, 'r+b', buffering=0))
        yield file


def _end_of(output):
    """Read the last bytes of what a command printed."""
    size = os.fstat(output.fileno()).st_size
    output.seek(max(0, size - _STDERR_KEPT))
    return output.read(_STDERR_KEPT)


def _is_long(output):
    # Blocks, because a file that was emptied may have a hole.
    return os.fstat(output.fileno()).st_blocks * 512 > _MOST_OUTPUT


def _refuse_flood(option, output):
    if _is_long(output):
        raise exceptions.CommandFailed(
            option=option, problem='printed more than %d MiB' % (
                _MOST_OUTPUT // 1024 ** 2))


def _wait(process, limit, option, stdout, stderr):
    """Wait until a command has ended, and bound what it prints."""
    deadline = time.monotonic() + limit
    while True:
        left = deadline - time.monotonic()
        try:
            return process.wait(max(0, min(_LOOK, left)))
        except subprocess.TimeoutExpired:
            if left <= 0:
                raise
        if _is_long(stderr):
            kept = _end_of(stderr)
            stderr.truncate(0)
            stderr.write(kept)
        if stdout != subprocess.DEVNULL:
            _refuse_flood(option, stdout)


@spans.span(spans.COMMAND)
def _run(option, host, stdout, stderr, began=None):
    words = arguments(option, host)
    limit = CONF.local_delete.command_timeout
    LOG.info('Running [local_delete] %s%s', option,
             ' for host %s' % host if host else '')
    process = None
    try:
        # Otherwise a time-out could come before the process is known here,
        # and the command would run on.
        with signals.deferred():
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                start_new_session=True,
                preexec_fn=began and (lambda: began(os.getpid())))
            if began:
                began(process.pid)
        code = _wait(process, limit, option, stdout, stderr)
    except BaseException as error:
        if process is None:
            if isinstance(error, (OSError, subprocess.SubprocessError)):
                raise exceptions.CommandNotBegun(
                    option=option, problem='%s: %s' % (
                        words[0], getattr(error, 'strerror', error)))
            raise
        killed = _kill(process)
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise exceptions.CommandFailed(
            option=option, problem='%s did not end within %d s '
            '(command_timeout)%s%s' % (
                words[0], limit, '' if killed else
                ' and could not be killed', _advice(option)))
    if code:
        raise exceptions.CommandFailed(
            option=option, problem='%s exited with %d: %s' % (
                words[0], code, _readable(_end_of(stderr))
                or 'no word on stderr'))


def _advice(option):
    if option != _STOPS_COMPUTE:
        return ''
    return ('. nova-compute 33.0.0 and later needs manager_shutdown_timeout '
            'of nova.conf (160 s by default) to end, and systemd kills it '
            'after TimeoutStopSec. Set command_timeout above both, or lower '
            'manager_shutdown_timeout')


def _readable(printed: bytes) -> str:
    """Give the end of what a command printed, for a message.

    :returns: One line, without secrets and control characters.
    """
    words = ' '.join(strutils.mask_password(
        printed.decode(errors='replace')).split())
    return exceptions.printable(words[-_STDERR_TAIL:])


def _kill(process):
    """Kill a command and all that it started; tell whether it has ended."""
    _kill_group(process.pid)
    try:
        process.wait(_KILL_LIMIT)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill_group(leader):
    """Kill a process group; tell whether that was allowed."""
    # The command may have ended just now. A command that sudo runs as another
    # user may not be killed at all. Neither error may hide why it is killed.
    try:
        os.killpg(leader, signal.SIGKILL)
    except PermissionError:
        return False
    except ProcessLookupError:
        pass
    return True
