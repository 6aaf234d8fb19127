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

import contextlib
import os
import re
import shlex
import signal
import subprocess
import tempfile

from oslo_log import log as logging
from oslo_utils import strutils
from tempest import config

from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin.common import spans
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

_STDERR_TAIL = 500

# This many characters are quoted from a line that is no UUID.
_LINE_START = 60

# Seconds that a killed command has to end.
_KILL_LIMIT = 5


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


def run(option: str, host: str | None = None) -> None:
    """Run the command of an option and wait until it has ended.

    :param option: Name of an option in ``[local_delete]``.
    :param host: Host to put in the place of ``{host}``, or None.
    :raises CommandFailed: the command is unusable, did not start, exited
        with another code than 0, or took longer than ``command_timeout``
        seconds.
    """
    _run(option, host, subprocess.DEVNULL)


def uuids(option: str, host: str | None = None) -> frozenset[str]:
    """Run the command of an option and return the UUIDs that it prints.

    :param option: Name of an option in ``[local_delete]``.
    :param host: Host to put in the place of ``{host}``, or None.
    :returns: The UUIDs, in lower case.
    :raises CommandFailed: as for ``run``, or the command printed a line that
        is neither blank nor a UUID.
    """
    with tempfile.TemporaryFile() as printed:
        _run(option, host, printed)
        printed.seek(0)
        lines = printed.read().decode(errors='replace').splitlines()
    lines = [line for line in lines if line.strip()]
    for line in lines:
        if not _UUID.match(line):
            raise exceptions.CommandFailed(
                option=option, problem='printed a line that is no UUID: %s'
                % strutils.mask_password(ascii(line[:_LINE_START])))
    return frozenset(line.lower() for line in lines)


@spans.span(spans.COMMAND)
def _run(option, host, stdout):
    words = arguments(option, host)
    limit = CONF.local_delete.command_timeout
    LOG.info('Running [local_delete] %s%s', option,
             ' for host %s' % host if host else '')
    # A file, not a pipe: the command may leave a daemon behind. The daemon
    # would keep a pipe open, and the wait for the pipe's end would never end.
    with tempfile.TemporaryFile() as output:
        process = None
        try:
            # Otherwise a time-out could come before the process is known
            # here, and the command would run on.
            with signals.deferred():
                process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL,
                    stdout=stdout, stderr=output,
                    start_new_session=True)
            code = process.wait(limit)
        except OSError as error:
            raise exceptions.CommandFailed(
                option=option, problem='%s: %s' % (words[0], error.strerror))
        except BaseException as error:
            if process is None:
                raise
            killed = _kill(process)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise exceptions.CommandFailed(
                option=option, problem='%s did not end within %d s '
                '(command_timeout)%s' % (
                    words[0], limit,
                    '' if killed else ' and could not be killed'))
        if code:
            output.seek(0)
            tail = output.read()[-_STDERR_TAIL:].decode(errors='replace')
            raise exceptions.CommandFailed(
                option=option, problem='%s exited with %d: %s' % (
                    words[0], code, ' '.join(strutils.mask_password(
                        tail).split()) or 'no word on stderr'))


def _kill(process):
    """Kill a command and all that it started; tell whether it has ended."""
    # The command may have ended just now. A command that sudo runs as another
    # user may not be killed at all. Neither error may hide why it is killed.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(_KILL_LIMIT)
    except subprocess.TimeoutExpired:
        return False
    return True
