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

"""Put the findings so that a person reads them to the end.

What fails comes first, because it has to be changed. The last line tells what
a run would do.
"""

import collections
from collections.abc import Iterable
from collections.abc import Iterator
import itertools
import math
import textwrap

from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.preflight import finding

# How many findings of one kind are shown one by one.
_FEW = 3

# How many of the hosts are named that scenarios may take down.
_MANY_HOSTS = 20

_SECONDS_PER_MINUTE = 60

# {kind: the words for several findings of it, which have one to-do}.
_TOGETHER = {finding.PLAIN: 'plain http'}

# Columns of the word before a finding.
_MARK = 6

_FINDINGS = ((finding.FAIL, 'FAIL'), (finding.WARN, 'WARN'),
             (finding.PASS, 'NOTE'))


def lines(findings: Iterable[finding.Finding],
          width: int) -> Iterator[str]:
    """Tell the findings in lines, the most important ones first.

    :param findings: All findings of one preflight.
    :param width: Columns of a line.
    :returns: An iterator of lines without control characters.
    """
    findings = list(findings)
    checks = [one for one in findings
              if not isinstance(one, finding.Forecast)
              and (one.outcome != finding.PASS or one.kind == finding.NOTE)]
    forecasts = [one for one in findings if isinstance(one, finding.Forecast)]
    for outcome, mark in _FINDINGS:
        for block in itertools.chain(
                _of_checks(checks, outcome),
                _of_plans(forecasts, outcome)):
            yield from _wrap(mark.ljust(_MARK), block, width)
    if checks or any(one.outcome != finding.PASS for one in forecasts):
        yield ''
    yield from _families(forecasts, width)
    yield from _skips(forecasts, width)
    if any(one.plan is finding.Plan.RUN for one in forecasts):
        yield from _hosts(findings, width)
    yield from _wrap('', [last_line(findings)], width)


def every_line(findings: Iterable[finding.Finding],
               width: int) -> Iterator[str]:
    """Tell each finding, in the order of the checks.

    A table would break the names of scenarios.

    :param findings: All findings of one preflight.
    :param width: Columns of a line.
    :returns: An iterator of lines without control characters.
    """
    findings = list(findings)
    for one in findings:
        yield from _wrap(one.outcome.upper().ljust(_MARK), [
            _named(one.check, one.found), *_to_do([one.to_do])], width)
    yield from _wrap('', [last_line(findings)], width)


def last_line(findings: Iterable[finding.Finding]) -> str:
    """Tell in one line what a run would do.

    :param findings: All findings of one preflight.
    """
    findings = list(findings)
    forecasts = [one for one in findings if isinstance(one, finding.Forecast)]
    failed = sum(one.outcome == finding.FAIL for one in findings
                 if not isinstance(one, finding.Forecast))
    plans = collections.Counter(one.plan for one in forecasts)
    words = ['%d %s' % (plans[plan], plan.value) for plan in finding.Plan
             if plans[plan] or plan is not finding.Plan.UNKNOWN]
    if plans[finding.Plan.RUN]:
        words += [_minutes(sum(one.seconds for one in forecasts)),
                  'hosts out for up to %d s each' % max(
                      one.host_out for one in forecasts)]
    return '%s%s' % ('%s failed. ' % _count(failed, 'check') if failed
                     else '', ', '.join(words))


def _of_checks(checks, outcome):
    """Give the words of each finding of an outcome, and what to do."""
    found = [one for one in checks if one.outcome == outcome]
    kinds = collections.Counter(one.kind for one in found)
    seen = collections.Counter()
    # One cause, such as an API that does not answer, fails several checks.
    blocks = {}
    for one in found:
        seen[one.kind] += 1
        more = kinds[one.kind] - _FEW if one.kind else 0
        if one.kind in _TOGETHER and kinds[one.kind] > 1:
            blocks.setdefault(_TOGETHER[one.kind], []).append(one)
        elif more <= 0 or seen[one.kind] <= _FEW:
            blocks.setdefault(one.found, []).append(one)
        elif seen[one.kind] == _FEW + 1:
            words = '%d more of this kind: %s' % (more, one.kind)
            blocks[words] = [finding.Finding(
                '', outcome, words, 'see all of them with --all')]
    for words, members in blocks.items():
        names = ', '.join(one.check for one in members)
        yield [_named(names, words), *_to_do(one.to_do for one in members)]


def _named(names, words):
    if not names or words.startswith(names + ' '):
        return words
    return '%s: %s' % (names, words)


def _of_plans(forecasts, outcome):
    """Give the words of scenarios that fail, or cannot be foreseen."""
    for plan, bad in ((finding.Plan.FAIL, finding.FAIL),
                      (finding.Plan.UNKNOWN, finding.WARN)):
        reasons = collections.Counter(
            one.reason for one in forecasts if one.plan is plan)
        for reason, count in reasons.items() if bad == outcome else ():
            yield [_count(count, 'scenario') + (
                ': ' + reason if reason else ' cannot be foreseen'),
                *_to_do(['change that' if reason
                         else 'see the checks that failed'])]


def _to_do(words):
    return ['To do: ' + one for one in dict.fromkeys(words) if one]


def _families(forecasts, width):
    families = {}
    for one in forecasts:
        families.setdefault(one.family, []).append(one)
    column = max(map(len, families), default=0) + 2
    for family, members in families.items():
        plans = collections.Counter(one.plan for one in members)
        yield from _wrap(family.ljust(column), [', '.join(
            '%d %s' % (plans[plan], plan.value) for plan in finding.Plan
            if plans[plan])], width)
    if families:
        yield ''


def _skips(forecasts, width):
    reasons = {}
    for one in forecasts:
        if one.plan is finding.Plan.SKIP:
            reasons.setdefault(one.reason, []).append(one.family)
    for reason, families in sorted(
            reasons.items(), key=lambda item: -len(item[1])):
        yield from _wrap('%4d skip: ' % len(families), [reason, ', '.join(
            '%s %d' % counted for counted
            in collections.Counter(families).items())], width)
    doubts = collections.Counter(
        one.unless for one in forecasts if one.unless)
    for doubt, count in doubts.items():
        yield from _wrap('%4d may skip: ' % count, [doubt], width)
    if reasons or doubts:
        yield ''


def _hosts(findings, width):
    for one in findings:
        if isinstance(one, finding.Hosts) and one.names:
            more = len(one.names) - _MANY_HOSTS
            names = ', '.join(one.names[:_MANY_HOSTS]) + (
                ' and %d more' % more if more > 0 else '')
            yield from _wrap('Hosts that scenarios may take down: ', [names],
                             width)


def _minutes(seconds):
    minutes = math.ceil(seconds / _SECONDS_PER_MINUTE)
    return 'about %s' % _count(minutes, 'minute')


def _count(number, noun):
    return '%d %s%s' % (number, noun, '' if number == 1 else 's')


def _wrap(mark, paragraphs, width):
    """Break paragraphs into lines behind a mark."""
    indent = ' ' * len(mark)
    for number, paragraph in enumerate(paragraphs):
        if paragraph or not number:
            yield from textwrap.wrap(
                exceptions.one_line(paragraph), width, break_on_hyphens=False,
                initial_indent=indent if number else mark,
                subsequent_indent=indent) or [mark.rstrip()]
