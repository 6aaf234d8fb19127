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

"""supervisord, which may have a process forked by a fork server.

``python -m allinone.supervisord`` takes supervisord's arguments. A section
``[program:...]`` may have ``forked_by``, the socket of a fork server
(allinone/plugins/forkserver.py).
"""

import array
import ctypes
import json
import os
import select
import shlex
import socket
import sys

from supervisor import options
from supervisor import poller
from supervisor import process
from supervisor import supervisord

# Seconds in which a fork server has to answer. All other work waits for it.
_LIMIT = 10

_PR_SET_CHILD_SUBREAPER = 36


class Poller(poller.PollPoller):
    """Also forgets a file descriptor that only reports an error.

    A request that stops a process closes its pipes. A request that starts
    another process, before the next poll, gets the same file descriptors. The
    poller then still waits for input of the write end of a pipe. If the new
    process closes its standard input, each poll returns this error at once.
    """

    def _ignore_invalid(self, fd: int, eventmask: int) -> bool:
        if not eventmask & (self.READ | self.WRITE):
            eventmask |= select.POLLNVAL
        return super()._ignore_invalid(fd, eventmask)


class _Process(process.Subprocess):

    def spawn(self):
        self.config.options.spawning = self
        try:
            return super().spawn()
        finally:
            self.config.options.spawning = None


class _Config(options.ProcessConfig):

    forked_by: str | None = None

    def make_process(self, group=None):
        made = _Process(self)
        made.group = group
        return made


class Options(options.ServerOptions):
    """supervisord's configuration, and its way to start a process."""

    #: The process that is being started.
    spawning: _Process | None = None

    def __init__(self) -> None:
        super().__init__()
        self.poller = Poller(self)

    def processes_from_section(  # noqa: ANN201
            self, parser, section, group_name, klass=None):
        """Return the processes of a section [program:...]."""
        found = super().processes_from_section(parser, section, group_name,
                                               _Config)
        for config in found:
            config.forked_by = parser.saneget(section, 'forked_by', None)
        return found

    def fork(self) -> int:
        """Fork the process that is being started.

        :returns: Its id; 0 in the process itself, if it has to run a program.
        :raises OSError: it could not be forked
        """
        if self.spawning and self.spawning.config.forked_by:
            try:
                return self._ask(self.spawning.config, self.spawning.pipes)
            except (FileNotFoundError, ConnectionRefusedError):
                self.logger.info(
                    '%(name)s starts without %(server)s',
                    name=self.spawning.config.name,
                    server=self.spawning.config.forked_by)
        return super().fork()

    def _ask(self, config, pipes):
        """Let a fork server start a process, which becomes our child."""
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
        files = array.array('i', (pipes['child_stdin'], pipes['child_stdout'],
                                  pipes['child_stdout']))
        request = {'command': shlex.split(config.command), 'environment': {
            **os.environ, 'SUPERVISOR_ENABLED': '1',
            'SUPERVISOR_SERVER_URL': self.serverurl,
            'SUPERVISOR_PROCESS_NAME': config.name,
            'SUPERVISOR_GROUP_NAME': config.name, **config.environment}}
        with socket.socket(socket.AF_UNIX,
                           socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(_LIMIT)
            connection.connect(config.forked_by)
            socket.send_fds(connection, [json.dumps(request).encode()], files)
            answer = connection.recv(32)
        if not answer:
            raise OSError(0, f'{config.forked_by} ended')
        return int(answer)


def main() -> None:
    """Run supervisord with the arguments of the command line."""
    chosen = Options()
    chosen.realize(sys.argv[1:], doc=supervisord.__doc__)
    chosen.first = True
    chosen.test = False
    supervisord.go(chosen)


if __name__ == '__main__':
    main()
