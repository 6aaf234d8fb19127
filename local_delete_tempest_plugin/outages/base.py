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

"""A service that is taken away on purpose, and always given back.

Each outage is a fixture. ``useFixture`` alone changes nothing. It only makes
``restore`` run when the test ends, however the test ends. ``begin`` takes the
service away.
"""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import math
import shlex
import time
from typing import Any
from typing import ClassVar

import fixtures
from oslo_log import log as logging
from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import retries
from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin.common import spans
from local_delete_tempest_plugin.common import timeline
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.safety import change as safety_change

CONF = config.CONF
LOG = logging.getLogger(__name__)

#: So many heartbeats show that a process lives. The first one may be under way
#: when the last PUT arrives. The second one is from after the PUT.
HEARTBEATS = 2

# A stop command outlives the run that was killed, and may take effect after
# our start.
_STARTS = 4


class Outage(fixtures.Fixture):
    """A service that is taken away and given back, once.

    :param admin: An ``admin.Admin``.
    :param journal: The run's ``journal.Journal``; None to only give back.
    :param stop: The stop command that may still take effect, or None.
    :cvar name: The kind of the outage.
    :cvar is_out: Whether the service is out during the outage.
    :ivar moments: When the service went, and when it came back.
    """

    name: ClassVar[str]
    is_out: ClassVar[bool] = True

    def __init__(self, admin: cloud_admin.Admin,
                 journal: safety_change.Journal | None,
                 stop: commands.Underway | None = None) -> None:
        super().__init__()
        self._retrier = retries.Retrier(admin.renew_token)
        self._journal = journal
        self._intent: safety_change.Intent | None = None
        self._stop = stop
        self.moments = timeline.Moments()
        #: When no stop command can take effect any more (time.monotonic).
        self._settled_at = 0.0

    def _setUp(self) -> None:
        self.addCleanup(self.restore)

    @spans.span(spans.AWAY)
    def begin(self) -> None:
        """Take the service away, and wait until the cloud shows that."""
        self._write_down()
        self.moments.begun = time.time()
        self._take_away()
        self.moments.seen = time.time()

    @property
    def where(self) -> str:
        """The host or the service that is taken away."""
        raise NotImplementedError

    def _write_down(self) -> None:
        assert self._journal, 'this outage only gives back'
        # Before the change: a time-out can come between any two lines.
        with signals.deferred():
            if not self._intent:
                self._intent = self._journal.intend(self._change())

    def _stop_service(self, option: str, host: str | None = None) -> None:
        """Run a stop command, and let the journal know it.

        The command may end before the service does, as ``systemctl
        --no-block`` does. So ``_note_stopped`` tells the journal of the end.

        :param option: Name of the command's option.
        :param host: Its host, or None.
        :raises CommandFailed: it failed. Then it may still take effect,
            because what it has reached goes on: ssh, docker, ansible.
        """
        self._write_stop(commands.Underway.now())
        try:
            # The new process itself writes which one it is. So no kill of
            # this process leaves a command that nobody knows.
            commands.run(option, host, lambda pid: self._write_stop(
                commands.Underway.now(pid)))
        except exceptions.CommandNotBegun:
            self._write_stop(None)
            raise

    def _note_stopped(self) -> None:
        """Let the journal know that the stop command has taken effect."""
        self._write_stop(None)

    def _write_stop(self, stop: commands.Underway | None) -> None:
        with signals.deferred():
            self._stop = stop
            self._write_down_again(stop=stop)

    def _write_down_again(self, **known: Any) -> None:
        """Write down what else is known of the change.

        :param known: Fields of the change.
        """
        assert self._journal and self._intent, 'the outage is written down'
        with signals.deferred():
            self._intent = self._journal.update(
                self._intent,
                dataclasses.replace(self._intent.change, **known))

    def _start_service(self, options: Sequence[str], host: str | None,
                       wait: Callable[[float], None], limit: float) -> None:
        """Start the service, and see that no stop command stops it again.

        The parameters and the exceptions are those of ``start``.
        """
        start(options, host, wait, limit)
        if self._settled_at:
            _watch(options, host, wait, limit, self._settled_at)

    def _end_stop(self) -> bool:
        """End a stop command that is under way; tell whether it has ended.

        The service is then watched for as long as the command may still take
        effect.
        """
        if self._stop is None or self._settled_at:
            return True
        ended = self._stop.end()
        settle_time = CONF.local_delete.stop_settle_time
        LOG.warning('A stop command may still take effect, so the service is '
                    'watched for %d s: %s', settle_time, self._stop)
        self._settled_at = time.monotonic() + settle_time
        return ended

    @spans.span(spans.BACK)
    def restore(self) -> None:
        """Give the service back; nothing is done where that was done already.

        :raises RestoreFailed: it could not be given back whole.
        :raises LeftToOperator: all of it that is the run's own was given back.
        """
        if self._intent or not self._journal:
            self.moments.returning = self.moments.returning or time.time()
            with signals.deferred():
                ended = self._end_stop()
                left = None
                try:
                    self._give_back()
                except exceptions.LeftToOperator as error:
                    left = error
                if not ended:
                    assert self._stop
                    # The next try has to end it, and to watch again.
                    self._settled_at = 0.0
                    raise exceptions.RestoreFailed(
                        what='the service',
                        problem='its stop command cannot be killed (%s)'
                        % self._stop, remedy='kill process %s as root; then '
                        'tempest local-delete recover' % self._stop.pid)
                if self._journal and self._intent:
                    self._journal.complete(self._intent)
                    self._intent = None
                self.moments.back = time.time()
                if left:
                    raise left

    def _change(self) -> safety_change.Change:
        """Tell what the undo of this outage needs."""
        raise NotImplementedError

    def _take_away(self) -> None:
        """Take the service away, and wait until the cloud shows that."""
        raise NotImplementedError

    def _give_back(self) -> None:
        """Give the service back, and prove it by reading back."""
        raise NotImplementedError


def words_of(option: str, instead: str, host: str | None = None) -> str:
    """Put a command into words for an operator.

    :param option: Name of the command's option.
    :param instead: What to say where the command cannot be used.
    :param host: Name of the host that the command is for, or None.
    :returns: A command line, or ``instead``.
    """
    try:
        return shlex.join(commands.arguments(option, host))
    except exceptions.CommandFailed:
        return instead


def start(options: Sequence[str], host: str | None,
          wait: Callable[[float], None], limit: float) -> None:
    """Start a service, again and again until it is there.

    :param options: Names of the options of the commands that start it, one
        after the other. The last one is the start command.
    :param host: Its host, or None.
    :param wait: Callable of a limit in seconds that waits for the service.
    :param limit: Seconds for the last start. Those before it get a part.
    :raises CommandFailed: the last start failed, and the service is not there.
    :raises tempest.lib.exceptions.TimeoutException: it is not there.
    """
    for attempt in range(1, _STARTS + 1):
        for option in options:
            failure = None
            try:
                commands.run(option, host)
            except exceptions.CommandFailed as error:
                # Some service managers refuse to start what runs already, and
                # there may be no process to thaw. So the service tells, not
                # the exit code.
                failure = error
        try:
            # The last one may need the whole limit.
            return wait(limit if attempt == _STARTS else limit / _STARTS)
        except lib_exc.TimeoutException as error:
            if attempt == _STARTS:
                raise failure or error
            LOG.warning('%s; running %s again', failure or error, option)


def until_all_is_answered(give_back: Callable[[], None]) -> None:
    """Give something back, and again as long as a service may change it late.

    It is done once where the services have answered all that they were asked
    for.

    :param give_back: It looks first, and does nothing where nothing has
        changed.
    :raises Exception: what it raises. Before the last look, a
        ``RestoreFailed`` may be due to what came just then.
    """
    def look() -> tuple[float, exceptions.RestoreFailed | None]:
        began = time.monotonic()
        try:
            give_back()
        except exceptions.RestoreFailed as error:
            return began, error
        return began, None

    until = transport.unanswered_until()
    if time.monotonic() >= until:
        return give_back()
    LOG.warning('A service may still do what it has not answered, so what is '
                'given back is watched for %d s', until - time.monotonic())
    _, failure = waiters.wait_until(
        look, lambda seen: seen[0] >= until, 'no service does anything late',
        math.inf)
    if failure:
        raise failure


def _watch(options: Sequence[str], host: str | None,
           wait: Callable[[float], None], limit: float, until: float) -> None:
    """Start a service again whenever it falls before a moment.

    The parameters and the exceptions are those of ``start``, and one more.

    :param until: When nothing can stop it any more (time.monotonic). The last
        look begins after that.
    """
    def look() -> float:
        began = time.monotonic()
        try:
            wait(limit / _STARTS)
        except lib_exc.TimeoutException as error:
            LOG.warning('%s; a stop command took effect, so %s runs again',
                        error, ' and '.join(options))
            start(options, host, wait, limit)
        return began

    waiters.wait_until(look, lambda began: began >= until,
                       'a stop command cannot take effect any more', math.inf)


@spans.span(spans.HEARTBEATS)
def await_heartbeats(
        read: Callable[[], list[compute_services.Service]],
        hosts: list[str], whose: str, limit: float) -> None:
    """Wait until services show that their processes live.

    Nova shows a service as up for service_down_time after its last heartbeat,
    even if its process is dead. So heartbeats are counted, by the cloud's
    clock alone.

    :param read: Callable that reads the services of the hosts.
    :param hosts: Names of the hosts.
    :param whose: The services, in words for the failure message.
    :param limit: Seconds.
    :raises TimedOut: a service has sent too few heartbeats.
    """
    beats: dict[str, set[str | None]] = {host: set() for host in hosts}

    def count() -> dict[str, int]:
        for service in read():
            beats[service.host].add(service.updated_at)
        return {host: len(seen) for host, seen in beats.items()}

    waiters.wait_until(
        count, lambda counted: all(
            number > HEARTBEATS for number in counted.values()),
        '%s has sent %d heartbeats since its start' % (whose, HEARTBEATS),
        limit)
