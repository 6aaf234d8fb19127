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

"""A run's journal, as another process reads it."""

import json
import pathlib
import typing

#: Kinds of change that take a service away.
OUTAGES = ('compute', 'placement', 'scheduler', 'conductor')


def phases(journals: pathlib.Path) -> list[str]:
    """Read how far the run in a folder of journals has come.

    :param journals: directory of a workspace in which one run is under way
    :returns: A list of words, one a line of the journal: "intend" or
        "complete", and the change.
    """
    found = []
    for path in sorted(journals.glob('*.journal')):
        kinds = {}
        for line in _lines(path):
            if 'intent' in line:
                kinds[line['intent']] = _name(line)
                found.append(f'intend {kinds[line["intent"]]}')
            elif 'complete' in line:
                found.append(f'complete {kinds[line["complete"]]}')
    return found


def held(journals: pathlib.Path
         ) -> dict[str, list[tuple[str, dict[str, typing.Any]]]]:
    """Read which changes the runs in a folder of journals still have to undo.

    :param journals: directory of a workspace
    :returns: {run id: [(kind, what)]}.
    """
    return {path.stem: _open_intents(_lines(path))
            for path in sorted(journals.glob('*.journal'))}


def hosts_out(journals: pathlib.Path) -> set[tuple[str, str]]:
    """Read which hosts the runs in a folder of journals have taken down.

    :param journals: directory of a workspace
    :returns: A set of (run id, host).
    """
    return {(run, what['target']['host'])
            for run, intents in held(journals).items()
            for kind, what in intents if kind == 'compute'}


def outages(journals: pathlib.Path) -> list[str]:
    """Read which outages the runs in a folder of journals have begun.

    :param journals: directory of a workspace
    :returns: The outages that are not complete, such as "compute stopped", in
        their order.
    """
    return [_name({'kind': kind, 'what': what})
            for intents in held(journals).values() for kind, what in intents
            if kind in OUTAGES]


def _open_intents(lines):
    intents = {}
    for line in lines:
        if 'intent' in line:
            intents[line['intent']] = (line['kind'], line['what'])
        elif 'complete' in line:
            intents.pop(line['complete'], None)
    return list(intents.values())


def _lines(path):
    try:
        # What follows the last newline is still being written.
        whole, _, _ = path.read_text().rpartition('\n')
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in whole.splitlines()]


def _name(line):
    what = line['what']
    more = [what[key] for key in ('outage', 'answer') if key in what]
    return ' '.join([line['kind'], *more])
