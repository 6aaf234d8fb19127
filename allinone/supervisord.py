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

"""supervisord, which does not spin.

``python -m allinone.supervisord`` takes supervisord's arguments.
"""

import select
import sys

from supervisor import options
from supervisor import poller
from supervisor import supervisord


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


def main() -> None:
    """Run supervisord with the arguments of the command line."""
    chosen = options.ServerOptions()
    chosen.poller = Poller(chosen)
    chosen.realize(sys.argv[1:], doc=supervisord.__doc__)
    chosen.first = True
    chosen.test = False
    supervisord.go(chosen)


if __name__ == '__main__':
    main()
