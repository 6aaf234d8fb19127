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

"""The verdicts of scenarios on a mutant, read from their subunit stream."""

import collections.abc
import dataclasses
import pathlib
import re
import typing

import subunit
import testtools
from testtools import matchers

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.report import results

KILLED = 'killed'
SURVIVED = 'survived'
SKIPPED = 'skipped'
#: The scenario failed, but by none of its own expectations.
ERROR = 'error'

# The exceptions of unittest, testtools and the plugin for an expectation, as a
# traceback names them.
_KINDS: tuple[type, ...] = (
    matchers.MismatchError, *exceptions.DefectShown.__subclasses__())
_EXPECTATIONS = {'AssertionError', *(
    f'{kind.__module__}.{kind.__qualname__}' for kind in _KINDS)}

# What the last look of a class raises, which is the only expectation of a
# tearDownClass.
_LAST_LOOK = f'{exceptions.__name__}.{exceptions.LeakFound.__name__}'

_SET_UP = re.compile(r'^  File .*, in (?:setUp|setUpClass|tearDownClass)$',
                     re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The verdict of one scenario on one mutant."""

    scenario: str
    outcome: str
    seconds: float
    #: The first line of the reason.
    message: str = ''


def read(path: pathlib.Path) -> list[Verdict]:
    """Read the verdicts from a file of subunit, which may be cut off."""
    found: list[Verdict | None] = []
    result = testtools.StreamToDict(
        lambda test: found.append(judge(test)))
    result.startTestRun()
    with path.open('rb') as stream:
        subunit.ByteStreamToStreamResult(
            stream, non_subunit_name='printed').run(result)
    result.stopTestRun()
    return [verdict for verdict in found if verdict]


def judge(test: collections.abc.Mapping[str, typing.Any]) -> Verdict | None:
    """Return the verdict of a test.

    :param test: the test as ``testtools.StreamToDict`` tells it
    :returns: None if the test did not run.
    """
    name = short(test['id'])
    begin, end = test['timestamps']
    seconds = (end - begin).total_seconds() if begin and end else 0.0
    status, details = test['status'], test['details']
    if status == 'success':
        return Verdict(name, SURVIVED, seconds)
    if status == 'xfail':
        return Verdict(name, SKIPPED, seconds, 'a known defect of Nova')
    if status == 'skip':
        reason = details.get('reason')
        return Verdict(name, SKIPPED, seconds,
                       first_line(reason.as_text() if reason else ''))
    if status in ('fail', 'uxsuccess', 'inprogress'):
        traceback = details.get('traceback')
        return Verdict(name, *_why(
            test['id'], traceback.as_text() if traceback else '', seconds))
    return None


def _why(test_id, traceback, seconds):
    raised = results.last_exception(traceback)
    kind = raised.partition(':')[0]
    if test_id.startswith(('setUpClass', 'tearDownClass')):
        killed = kind == _LAST_LOOK
    else:
        killed = kind in _EXPECTATIONS and not _SET_UP.search(
            results.last_traceback(traceback))
    return KILLED if killed else ERROR, seconds, first_line(
        raised.partition(': ')[2] if killed else raised or 'no traceback')


def first_line(text: str) -> str:
    """Return the first line of a text, and the next line after a colon."""
    first, *others = text.strip().splitlines() or ['']
    return f'{first} {others[0].strip()}' if (
        first.endswith(':') and others) else first


def short(test_id: str) -> str:
    """Return the name of a scenario without its package and tags."""
    return re.sub(r'^local_delete_tempest_plugin\.scenario\.', '',
                  test_id.partition('[')[0])
