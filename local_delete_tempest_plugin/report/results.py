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

"""Judge the results of a run.

A known defect of Nova is neither a pass nor a failure.
"""

import collections
from collections.abc import Iterable
import dataclasses
import datetime
import enum
import functools
import itertools
import json
import re
from typing import Any

import jsonschema

from local_delete_tempest_plugin.common import attachments
from local_delete_tempest_plugin.common import timeline
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.report import stream

_TRACEBACK = 'Traceback (most recent call last):\n'

_TAGS = re.compile(r'\[[^][]*\]$')

_ID_TAG = re.compile(r'[\[,]id-([0-9a-f-]{36})[\],]')

# What unittest calls the part of a class that is no test.
_OF_CLASS = re.compile(r'\A(\w+) \((.+)\)$')

_PLUGIN = 'local_delete_tempest_plugin.'

_PACKAGE = _PLUGIN + 'scenario.'


class Outcome(enum.Enum):
    """How a test ended."""

    #: It passed.
    PASSED = 'passed'
    #: It failed by something that is no known defect.
    FAILED = 'failed'
    #: It showed a known defect of Nova.
    KNOWN_DEFECT = 'known-defect'
    #: It should have shown a known defect, which is not there any more.
    DEFECT_GONE = 'defect-gone'
    #: It did not run.
    SKIPPED = 'skipped'
    #: It began, and never ended.
    UNFINISHED = 'unfinished'


#: Outcomes that nobody knew of before the run.
NEW = (Outcome.FAILED, Outcome.DEFECT_GONE, Outcome.UNFINISHED)

_OUTCOMES = {'success': Outcome.PASSED, 'fail': Outcome.FAILED,
             'xfail': Outcome.KNOWN_DEFECT, 'uxsuccess': Outcome.DEFECT_GONE,
             'skip': Outcome.SKIPPED}


class Verdict(enum.Enum):
    """How a run ended, with the exit code of the command."""

    CLEAN = 'clean', 0
    NEW = 'new-failures', 1
    KNOWN_DEFECTS = 'known-defects', 3
    NOTHING_RAN = 'nothing-ran', 4

    def __init__(self, label: str, code: int) -> None:
        self.label = label
        self.code = code


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a test failed.

    :param kind: The name of the class of the exception; empty if there was no
        exception.
    :param message: Its words, in one or several lines.
    """

    kind: str
    message: str


@dataclasses.dataclass(frozen=True)
class Test:
    """A test, judged.

    :param name: Its name without the package of the scenarios and without
        tags.
    :param uuid: Its idempotent id, or None.
    :param failure: Why it failed; None unless it did.
    :param reason: Why it skipped; empty unless it did.
    :param defect: The name of the known defect that it showed, or should have
        shown; None if it names none.
    :param log: What it logged.
    :param timeline: What it did and saw, as ``timeline.SCHEMA`` has it; None
        if it attached nothing of the kind.
    """

    id: str
    name: str
    uuid: str | None
    outcome: Outcome
    began: datetime.datetime | None
    ended: datetime.datetime | None
    failure: Failure | None
    reason: str
    defect: str | None
    log: str
    timeline: dict[str, Any] | None

    @property
    def is_scenario(self) -> bool:
        """Whether it is a test of this plugin."""
        return self.id.startswith(_PLUGIN)

    @property
    def seconds(self) -> float | None:
        """How long it took, if that is known."""
        return _seconds(self.began, self.ended)

    @functools.cached_property
    def summary(self) -> str:
        """Why it did not pass, in one line; empty if it passed."""
        why = self.left or exceptions.one_line(
            self.failure.message if self.failure else self.reason)
        if self.outcome in (Outcome.FAILED, Outcome.SKIPPED):
            return why or 'no reason is told'
        if self.outcome is Outcome.KNOWN_DEFECT:
            return ': '.join(filter(None, (
                ' '.join(filter(None, ('known defect', self.defect))), why)))
        if self.outcome is Outcome.DEFECT_GONE:
            return ('the known defect %(name)s is not there any more: take it '
                    'off [local_delete] known_bugs, as in auto,-%(name)s' % {
                        'name': self.defect or ''})
        if self.outcome is Outcome.UNFINISHED:
            return 'began, and never ended'
        return why

    @property
    def left(self) -> str:
        """What is left behind, in one line; empty if that is not known."""
        if not self.timeline or not self.failure:
            return ''
        places: dict[tuple[str, str], list[str]] = {}
        for one in self.timeline['left']:
            places.setdefault((one['where'], one['of']), []).append(
                one['what'])
        return exceptions.one_line('; '.join(
            '%s left%s%s' % (', '.join(amounts), where and ' on %s' % where,
                             of and ' by %s' % of)
            for (where, of), amounts in places.items()))


@dataclasses.dataclass(frozen=True)
class Run:
    """All tests of a run, in the order in which they ended."""

    tests: tuple[Test, ...]

    @property
    def counts(self) -> dict[Outcome, int]:
        """{outcome: number of tests} of every outcome."""
        counted = collections.Counter(test.outcome for test in self.tests)
        return {outcome: counted[outcome] for outcome in Outcome}

    @property
    def verdict(self) -> Verdict:
        """How the run ended."""
        counts = self.counts
        if any(counts[outcome] for outcome in NEW):
            return Verdict.NEW
        if counts[Outcome.KNOWN_DEFECT]:
            return Verdict.KNOWN_DEFECTS
        if any(test.outcome is Outcome.PASSED and test.is_scenario
               for test in self.tests):
            return Verdict.CLEAN
        return Verdict.NOTHING_RAN

    @property
    def has_others(self) -> bool:
        """Whether a test passed that is not of this plugin."""
        return any(test.outcome is Outcome.PASSED and not test.is_scenario
                   for test in self.tests)

    @property
    def began(self) -> datetime.datetime | None:
        """When the first test began."""
        return min((test.began for test in self.tests if test.began),
                   default=None)

    @property
    def ended(self) -> datetime.datetime | None:
        """When the last test ended."""
        return max((test.ended for test in self.tests if test.ended),
                   default=None)

    @property
    def versions(self) -> dict[str, str]:
        """{name: version} of the cloud and its tests; usually one each."""
        found: dict[str, set[str]] = {}
        for test in self.tests:
            for name, version in (test.timeline or {}).get(
                    'versions', {}).items():
                found.setdefault(name, set()).add(version)
        return {name: ', '.join(sorted(versions))
                for name, versions in sorted(found.items())}

    @property
    def skips(self) -> dict[str, list[Test]]:
        """{reason: tests that skipped for it}, the most frequent first."""
        groups: dict[str, list[Test]] = {}
        for test in self.tests:
            if test.outcome is Outcome.SKIPPED:
                groups.setdefault(test.reason, []).append(test)
        return dict(sorted(groups.items(), key=lambda one: -len(one[1])))

    @property
    def seconds(self) -> float | None:
        """How long it took, if that is known."""
        return _seconds(self.began, self.ended)

    def exit_code(self, fail_on_known: bool = False) -> int:
        """Give the exit code of the command.

        :param fail_on_known: Whether a known defect counts as a failure.
        """
        if fail_on_known and self.verdict is Verdict.KNOWN_DEFECTS:
            return Verdict.NEW.code
        return self.verdict.code


def _seconds(began, ended):
    # A clock that was set back does not tell it.
    return ((ended - began).total_seconds()
            if began and ended and began <= ended else None)


def judge(found: Iterable[stream.Result]) -> Run:
    """Judge the results of a run.

    :param found: The results.
    :returns: A ``Run``.
    """
    tests = [_judge(one) for one in found]
    if any(test.outcome in NEW and test.id != stream.PROCESS
           for test in tests):
        # stestr repeats as a test of its own that a process failed.
        tests = [test for test in tests if test.id != stream.PROCESS]
    return Run(tuple(tests))


def _judge(result):
    details = result.details
    outcome = _OUTCOMES.get(result.status, Outcome.UNFINISHED)
    defect = details.get(attachments.KNOWN_DEFECT)
    if outcome is Outcome.SKIPPED and defect:
        # Chance decides whether a scenario meets some of the defects.
        outcome = Outcome.KNOWN_DEFECT
    failure = None
    if outcome in (Outcome.FAILED, Outcome.KNOWN_DEFECT):
        failure = failure_of(details.get('traceback', ''))
    tag = _ID_TAG.search(result.id)
    return Test(
        result.id, short_name(result.id), tag and tag[1], outcome,
        result.began, result.ended, failure,
        details.get('reason', '') if result.status == 'skip' else '', defect,
        '\n'.join(text for name, text in details.items()
                  if attachments.is_log(name)),
        _read_timeline(details.get(timeline.DETAIL)))


def _read_timeline(text):
    """Read what a scenario attached; None if it cannot be shown."""
    try:
        found = json.loads(text or '', parse_constant=_refuse)
        jsonschema.validate(found, timeline.SCHEMA)
    except (ValueError, RecursionError, jsonschema.ValidationError):
        return None
    return _printable(found)


def _refuse(constant):
    raise ValueError('%s is no number' % constant)


def _printable(data):
    if isinstance(data, dict):
        return {exceptions.printable(name): _printable(value)
                for name, value in data.items()}
    if isinstance(data, list):
        return [_printable(value) for value in data]
    return exceptions.printable(data) if isinstance(data, str) else data


def short_name(test_id: str) -> str:
    """Give the name of a test without the scenarios' package and its tags.

    :param test_id: The id of the test, or of a part of its class, such as
        'tearDownClass (module.Class)'.
    :returns: The name, such as 'module.Class.tearDownClass'.
    """
    return _OF_CLASS.sub(r'\2.\1', _TAGS.sub('', test_id)).replace(
        _PACKAGE, '')


def last_traceback(traceback: str) -> str:
    """Return the last traceback of a chain, without its first line.

    :param traceback: The text of a traceback.
    """
    return traceback.rpartition(_TRACEBACK)[2]


def last_exception(traceback: str) -> str:
    """Return the end of a traceback: "class: message".

    The end of a chain of exceptions is the last exception.

    :param traceback: The text of a traceback.
    """
    lines = itertools.dropwhile(
        lambda line: not line.strip() or line.startswith(' '),
        last_traceback(traceback).splitlines())
    return '\n'.join(lines).strip()


def failure_of(traceback: str) -> Failure | None:
    """Read why a test failed off its traceback.

    :param traceback: The text of a traceback.
    :returns: A ``Failure``, or None if there is no traceback.
    """
    raised = last_exception(traceback)
    if not raised:
        return None
    found = re.match(r'([A-Za-z_][\w.]*)(?:: |\Z|\n)', raised)
    if not found:
        return Failure('', raised)
    return Failure(found[1].rpartition('.')[2], raised[found.end():].strip())
