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

"""Something that is taken away on purpose, and always given back.

Each is a fixture. ``useFixture`` alone changes nothing; it only sees to it
that ``restore`` runs when the test ends, whatever ends it. ``begin`` takes the
service away.
"""

import shlex

import fixtures
from oslo_log import log as logging
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import retries
from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin import exceptions

LOG = logging.getLogger(__name__)

# One heartbeat may be under way when the last PUT arrives; the second one is
# from a process that lives after it.
HEARTBEATS = 2

# A stop command outlives the run that was killed, and may take effect after
# our start.
_STARTS = 4


class Outage(fixtures.Fixture):
    """Something that is taken away and given back, once.

    :param admin: An ``admin.Admin``.
    :param journal: The run's ``journal.Journal``, or None to give back what
        a dead run took away.
    """

    def __init__(self, admin, journal):
        super().__init__()
        self._retrier = retries.Retrier(admin.renew_token)
        self._journal = journal
        self._begun = False
        self._intent = None

    def _setUp(self):
        self.addCleanup(self.restore)

    def begin(self):
        """Take it away, and return when that is seen in the cloud."""
        self._mark_begun()
        self._take_away()

    def _mark_begun(self):
        # Before the change: a time-out can strike between any two lines.
        with signals.held_back():
            if not self._begun:
                self._intent = self._journal.intend(self.kind, **self._what())
                self._begun = True

    def restore(self):
        """Give it back; nothing is done where that has been done already.

        :raises RestoreFailed: it could not be given back whole.
        """
        if not self._begun:
            return
        with signals.held_back():
            self._give_back()
            self._begun = False
            if self._journal is not None:
                self._journal.strike(self._intent)


def words_of(option, instead):
    """Put a command into words for an operator.

    :param option: Name of the command's option.
    :param instead: What to say where it is unusable.
    """
    try:
        return shlex.join(commands.arguments(option))
    except exceptions.CommandFailed:
        return instead


def start(option, host, wait, limit):
    """Start a service, again and again until it is there.

    :param option: Name of the start command's option.
    :param host: Its host, or None.
    :param wait: Callable of a limit in seconds that waits for the service.
    :param limit: Seconds for the last start; those before it get a part.
    :raises CommandFailed: the last start failed, and the service is not there.
    :raises tempest.lib.exceptions.TimeoutException: it is not there.
    """
    for attempt in range(1, _STARTS + 1):
        failure = None
        try:
            commands.run(option, host)
        except exceptions.CommandFailed as error:
            # Some service managers will not start what runs already. The
            # service tells, not exit codes.
            failure = error
        try:
            # The last one may need the whole of it.
            return wait(limit if attempt == _STARTS else limit / _STARTS)
        except lib_exc.TimeoutException as error:
            if attempt == _STARTS:
                raise failure or error
            LOG.warning('%s; running %s again', failure or error, option)
