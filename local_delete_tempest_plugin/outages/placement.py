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

"""Placement is taken away from everyone."""

import dataclasses

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import run

CONF = config.CONF

# Seconds. It only asks for the root, which Placement answers by itself.
_PROBE_LIMIT = 10


class PlacementStopped(outage_base.Outage):
    """Placement is out of reach for everyone.

    :param answer: ``REFUSED`` or ``UNAVAILABLE``: what its clients are to see.
    :param stop: As for ``Outage``.
    """

    REFUSED = 'connections are refused'
    UNAVAILABLE = 'a proxy answers 503'
    ANSWERS = 'it answers'

    name = 'stopped'
    where = 'Placement'

    def __init__(self, admin: cloud_admin.Admin,
                 journal: safety_change.Journal | None, answer: str,
                 stop: commands.Underway | None = None) -> None:
        super().__init__(admin, journal, stop)
        self._placement = admin.placement
        self._answer = answer
        self._stop_option, self._start_option = self.needs(answer)

    def _change(self) -> safety_change.Change:
        return PlacementChange(_NAMES[self._answer])

    def begin(self) -> None:
        """Stop Placement, if that is allowed and it can be started again.

        :raises OutageRefused: the operator does not allow it, or clients see
            something else than ``answer``.
        :raises CommandFailed: a command is not set, or cannot be used.
        """
        guard.check_placement()
        for option in (self._stop_option, self._start_option):
            commands.arguments(option)
        super().begin()

    @staticmethod
    def needs(answer: str) -> tuple[str, str]:
        """Name the options of the commands that bring the answer about.

        :param answer: ``REFUSED`` or ``UNAVAILABLE``.
        :returns: The names of the stop and of the start command's options.
        """
        behind_proxy = CONF.local_delete.placement_proxy_stop_command
        if answer == PlacementStopped.REFUSED and behind_proxy:
            return ('placement_proxy_stop_command',
                    'placement_proxy_start_command')
        return 'placement_stop_command', 'placement_start_command'

    def probe(self) -> str:
        """Tell what a client of Placement sees at this moment.

        :returns: ``ANSWERS``, ``REFUSED``, ``UNAVAILABLE``, or words for
            anything else.
        """
        try:
            # The client's own request takes no limit. Then one look would
            # last as long as a slow request may, if Placement hangs.
            resp, _ = self._placement.http_obj.request(
                self._placement.base_url.rstrip('/') + '/', 'GET',
                headers=self._placement.get_headers(), timeout=_PROBE_LIMIT)
        except exceptions.Unreachable:
            return self.REFUSED
        except (exceptions.RequestFailed,
                exceptions.InvalidAnswer) as error:
            return 'requests fail: %s' % error
        if resp.status in (502, 503, 504):
            return self.UNAVAILABLE
        # An ingress, or a limiter of rates, may answer the others.
        if resp.status >= 500 or resp.status in (404, 408, 429):
            return 'it answers %d' % resp.status
        return self.ANSWERS

    def _take_away(self) -> None:
        self._stop_service(self._stop_option)
        seen = waiters.wait_until(
            self.probe, lambda seen: seen != self.ANSWERS,
            'Placement is out of reach', CONF.local_delete.placement_timeout)
        self._note_stopped()
        if seen != self._answer:
            raise exceptions.OutageRefused(
                exceptions.Refusal.OTHER_OUTAGE,
                'after [local_delete] %s clients of Placement see: %s; this '
                'scenario needs: %s' % (
                    self._stop_option, seen, self._answer))

    def _give_back(self) -> None:
        try:
            self._start_service([self._start_option], None, self._await_answer,
                                CONF.local_delete.placement_timeout)
        except lib_exc.TempestException as error:
            raise self._failed(str(error))

    def _failed(self, problem: str) -> exceptions.RestoreFailed:
        return exceptions.RestoreFailed(
            what='Placement', problem=problem, remedy=outage_base.words_of(
                self._start_option, 'start Placement'))

    def _await_answer(self, limit: float) -> None:
        waiters.wait_until(self.probe, lambda seen: seen == self.ANSWERS,
                           'Placement answers', limit)

    def require(self) -> None:
        """Refuse to go on without Placement.

        :raises RestoreFailed: Placement does not answer.
        """
        seen = self.probe()
        if seen != self.ANSWERS:
            raise self._failed(seen)


# Names in journals, which stay as they are.
_NAMES = {PlacementStopped.REFUSED: 'connection-refused',
          PlacementStopped.UNAVAILABLE: 'http-503'}


@dataclasses.dataclass(frozen=True)
class PlacementChange(safety_change.Change):
    """Placement was stopped."""

    kind = 'placement'

    answer: str = dataclasses.field(metadata={'enum': [*_NAMES.values()]})
    stop: commands.Underway | None = None

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> list['PlacementChange']:
        # Nothing tells who stopped Placement. Without it nothing that the run
        # left there is found.
        PlacementStopped(admin, None, PlacementStopped.REFUSED).require()
        return []

    def undo(self, admin: cloud_admin.Admin) -> None:
        answer, = (seen for seen, name in _NAMES.items()
                   if name == self.answer)
        PlacementStopped(admin, None, answer, self.stop).restore()
