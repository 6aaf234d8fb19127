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

"""Following a run by its journal, as far as anyone outside it can tell."""

import json


def phases(journals):
    """Read what the run in a folder of journals has come to.

    :param journals: directory of a workspace in which one run is under way
    :returns: A list of words, one a line of the journal: "intend" or
        "strike", and what.
    """
    found = []
    for path in sorted(journals.glob('*.journal')):
        kinds = {}
        for line in _lines(path):
            if 'intent' in line:
                kinds[line['intent']] = _name(line)
                found.append(f'intend {kinds[line["intent"]]}')
            elif 'struck' in line:
                found.append(f'strike {kinds[line["struck"]]}')
    return found


def _lines(path):
    try:
        # What follows the last newline is still being written.
        whole, _, _ = path.read_text().rpartition('\n')
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in whole.splitlines()]


def _name(line):
    what = line['what']
    return ' '.join([line['kind'], *(
        what[key] for key in ('outage', 'answer') if key in what)])
