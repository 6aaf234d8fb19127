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

"""Tell stestr how long each scenario takes, so that its workers end together.

Without that, stestr deals the classes of scenarios to its workers in turns. A
run replaces what is told here by what it took itself. So tell it before each
run with "--concurrency". The cloud does not need to be up. With --update there
needs to be no cloud.
"""

import argparse
import collections.abc
import datetime
import json
import pathlib
import re

from stestr.repository import abstract
from stestr.repository import util

from allinone import deployment
from allinone import errors

_TABLE = pathlib.Path(__file__).parent / 'seconds.json'

_PACKAGE = 'local_delete_tempest_plugin.scenario.'

# What "tempest run" prints of a scenario. One that skips has no seconds.
_ENDED = re.compile(
    rf'^\{{\d+\}} {re.escape(_PACKAGE)}(\S+) (?:\[([\d.]+)s\] )?'
    r'\.\.\. (?:ok|SKIPPED|expected)', re.MULTILINE)

#: Modules whose classes run alone, after all that other workers do. They count
#: as 0 s. So they weigh nothing, and stestr deals all to one worker.
ALONE = 'test_without_'

_BEGIN = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb to a parser."""
    parser.add_argument(
        '--update', type=pathlib.Path, nargs='+', metavar='FILE',
        help='only write the scenarios of these files into the table; each '
             'file has what "tempest run" printed, and the fastest run counts')


def run(cloud: deployment.Deployment | None,
        arguments: argparse.Namespace) -> int:
    """Tell stestr or update the table, and return the exit code."""
    table = json.loads(_TABLE.read_text())
    if arguments.update:
        table.update(printed(arguments.update))
        _TABLE.write_text(
            json.dumps(table, indent=0, sort_keys=True) + '\n')
    else:
        assert cloud
        tell(cloud.tempest, table)
    print(f'{len(table)} scenarios take {sum(table.values()):.0f} s')
    return 0


def printed(logs: collections.abc.Iterable[pathlib.Path]) -> dict[str, float]:
    """Read the seconds of scenarios from what "tempest run" printed.

    :param logs: the files
    :returns: {name without package: seconds of the fastest run}
    :raises BadInput: a file is not there, or has no scenario
    """
    fastest: dict[str, float] = {}
    for log in logs:
        try:
            ended = _ENDED.findall(log.read_text(errors='replace'))
        except OSError as error:
            raise errors.BadInput(f'{log}: {error.strerror}')
        if not ended:
            raise errors.BadInput(f'{log}: no scenario has ended there')
        for name, text in ended:
            seconds = round(float(text or 0), 1)
            fastest[name] = min(seconds, fastest.get(name, seconds))
    return fastest


def tell(workspace: pathlib.Path,
         table: collections.abc.Mapping[str, float]) -> None:
    """Put durations into the repository of stestr in a workspace.

    :param workspace: Tempest's workspace
    :param table: {name of a scenario without package: seconds}
    """
    try:
        repository = util.get_repo_open(repo_url=str(workspace))
    except abstract.RepositoryNotFound:
        repository = util.get_repo_initialise(repo_url=str(workspace))
    # A partial run leaves the list of what failed last.
    inserter = repository.get_inserter(partial=True)
    inserter.startTestRun()
    for name, seconds in table.items():
        took = 0 if name.startswith(ALONE) else seconds
        for status, after in (('inprogress', 0), ('success', took)):
            inserter.status(
                test_id=_PACKAGE + name, test_status=status,
                timestamp=_BEGIN + datetime.timedelta(seconds=after))
    inserter.stopTestRun()
    # Only the durations stay, because nobody has run this.
    repository.remove_run_id(str(inserter.get_id()))
