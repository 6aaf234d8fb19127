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

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.safety import guard

CONF = config.CONF

# Seconds. It only asks for the root, which Placement answers by itself.
_PROBE_LIMIT = 10


class PlacementStopped(outage_base.Outage):
    """Placement is out of reach for everyone.

    :param answer: ``REFUSED`` or ``UNAVAILABLE``: what its clients are to see.
    """

    REFUSED = 'connections are refused'
    UNAVAILABLE = 'a proxy answers 503'
    ANSWERS = 'it answers'

    kind = 'placement'

    def __init__(self, admin, journal, answer):
        super().__init__(admin, journal)
        self._placement = admin.placement
        self._answer = answer
        self._stop, self._start = self.needs(answer)

    @classmethod
    def resume(cls, admin, answer):
        """Take up the outage of a dead run, to give Placement back.

        :returns: An outage that only needs ``restore``.
        """
        resumed = cls(admin, None, answer)
        resumed._begun = True
        return resumed

    def _what(self):
        return {'answer': self._answer}

    def begin(self):
        """Stop it, if that is allowed and there is a way to start it again.

        :raises OutageRefused: the operator does not allow it.
        """
        guard.check_placement()
        for option in (self._stop, self._start):
            commands.arguments(option)
        super().begin()

    @staticmethod
    def needs(answer):
        """Name the options of the commands that bring the answer about.

        :param answer: ``REFUSED`` or ``UNAVAILABLE``.
        :returns: The names of the stop and of the start command's options.
        """
        behind_proxy = CONF.local_delete.placement_proxy_stop_command
        if answer == PlacementStopped.REFUSED and behind_proxy:
            return ('placement_proxy_stop_command',
                    'placement_proxy_start_command')
        return 'placement_stop_command', 'placement_start_command'

    def probe(self):
        """Tell what a client of Placement sees at this moment.

        :returns: ``ANSWERS``, ``REFUSED``, ``UNAVAILABLE``, or words for
            anything else.
        """
        try:
            # Not the client's own way, which takes no limit: a Placement that
            # hangs must not make one look last as long as a slow request may.
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
        if resp.status >= 500:
            return 'it answers %d' % resp.status
        return self.ANSWERS

    def _take_away(self):
        commands.run(self._stop)
        seen = waiters.wait_until(
            self.probe, lambda seen: seen != self.ANSWERS,
            'Placement is out of reach', CONF.local_delete.placement_timeout)
        if seen != self._answer:
            raise exceptions.OutageRefused(
                exceptions.Refusal.OTHER_OUTAGE,
                'after [local_delete] %s %s; this scenario is the '
                'story of a Placement of which %s' % (
                    self._stop, seen, self._answer))

    def _give_back(self):
        try:
            outage_base.start(self._start, None, self._await_answer,
                              CONF.local_delete.placement_timeout)
        except lib_exc.TempestException as error:
            raise exceptions.RestoreFailed(
                what='Placement', problem=str(error), remedy=self.remedy())

    def _await_answer(self, limit):
        waiters.wait_until(self.probe, lambda seen: seen == self.ANSWERS,
                           'Placement answers', limit)

    def remedy(self):
        """Give the command line that starts Placement."""
        return outage_base.words_of(self._start, 'start Placement')
