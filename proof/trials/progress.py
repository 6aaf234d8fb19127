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

"""Which phase a run has come to, as another process sees it.

The journal tells what the run has changed. The spans of Tempest's debug log
tell which step of an outage is under way.
"""

import collections.abc
import json
import pathlib

from local_delete_tempest_plugin.common import spans
from proof.trials import journals

#: How a step is told from the outage that it is a step of.
OF = ': '

#: Steps of an outage. A step within a step follows a slash.
TAKE = spans.AWAY
STOP = f'{spans.AWAY}/{spans.COMMAND}'
SEEN_DOWN = f'{spans.AWAY}/{spans.SEEN_DOWN}'
START = f'{spans.BACK}/{spans.COMMAND}'
HEARTBEATS = f'{spans.BACK}/{spans.HEARTBEATS}'
BACK = spans.BACK

NOTHING = 'nothing in the journal'
_NO_OUTAGE = 'no outage'
_FROZEN = 'compute frozen'

_STEPS = (spans.AWAY, spans.COMMAND, spans.SEEN_DOWN, spans.BACK,
          spans.HEARTBEATS)


class Steps:
    """The steps that are under way, by a log that grows.

    :param log: the log, at the level of debug; it may not be there yet
    :param from_now: whether its lines of before are another process's
    """

    def __init__(self, log: pathlib.Path, from_now: bool = False) -> None:
        self._log = log
        self._place = log.stat().st_size if from_now else 0
        self._open: list[str] = []

    def now(self) -> str:
        """Return the steps, the outermost first, or '' if there is none."""
        for line in self._news():
            self._read(line)
        # A step that calls its own kind is one step.
        return '/'.join(dict.fromkeys(self._open))

    def _news(self) -> collections.abc.Iterable[str]:
        try:
            with self._log.open('rb') as log:
                log.seek(self._place)
                # What follows the last newline is still being written.
                whole, newline, _ = log.read().rpartition(b'\n')
        except FileNotFoundError:
            return []
        self._place += len(whole + newline)
        return whole.decode(errors='replace').splitlines()

    def _read(self, line):
        if spans.BEGUN in line:
            kind = _fields(line, spans.BEGUN)['kind']
            if kind in _STEPS:
                self._open.append(kind)
        elif spans.MARK in line:
            kind = _fields(line, spans.MARK)['kind']
            if kind in self._open:
                del self._open[len(self._open) - 1
                               - self._open[::-1].index(kind):]


class Progress:
    """How far a run has come.

    :param folder: directory of its journals
    :param log: its debug log
    """

    def __init__(self, folder: pathlib.Path, log: pathlib.Path) -> None:
        self._folder = folder
        self._steps = Steps(log)

    def now(self) -> str:
        """Return the phase.

        :returns: "OUTAGE: STEP" while a step of an outage is under way;
            otherwise the last line of the journal, in words.
        """
        steps = self._steps.now()
        if steps:
            outages = journals.outages(self._folder)
            if steps.startswith(BACK) and _FROZEN in outages:
                # It is thawed while another host is out.
                outages = [_FROZEN]
            return f'{outages[-1] if outages else _NO_OUTAGE}{OF}{steps}'
        return (journals.phases(self._folder) or [NOTHING])[-1]


def _fields(line, mark):
    # oslo.log puts the place in the code after the message.
    return json.JSONDecoder().raw_decode(line.partition(f'{mark} ')[2])[0]
