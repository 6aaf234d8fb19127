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

"""Write the results of a run for people: as one page of HTML.

The page has no scripts, and loads nothing. Names and messages come from the
cloud, so Jinja2 escapes all of them.

This module needs the extra ``report`` of the package.
"""

import datetime
import itertools

import jinja2
import markupsafe

from local_delete_tempest_plugin.report import charts
from local_delete_tempest_plugin.report import formats
from local_delete_tempest_plugin.report import results

# All logs of a page together, all messages, and all reasons of skips. A page
# stays below 2 MB.
_LOGS = 1 << 19
_MESSAGES = 1 << 19
_REASONS = 1 << 17

_ENVIRONMENT = jinja2.Environment(
    autoescape=True, loader=jinja2.PackageLoader(__package__),
    lstrip_blocks=True, trim_blocks=True, undefined=jinja2.StrictUndefined)

_HEADLINES = {
    results.Verdict.CLEAN: 'Nothing is left behind',
    results.Verdict.NEW: 'Something new was found',
    results.Verdict.KNOWN_DEFECTS: 'Only known defects of Nova were found',
    results.Verdict.NOTHING_RAN: 'Nothing ran, so nothing is proven',
}

_LABELS = {
    results.Outcome.PASSED: 'passed',
    results.Outcome.FAILED: 'failed',
    results.Outcome.KNOWN_DEFECT: 'known defect',
    results.Outcome.DEFECT_GONE: 'defect gone',
    results.Outcome.SKIPPED: 'skipped',
    results.Outcome.UNFINISHED: 'unfinished',
}


# {kind of a step: its name}. Outages tell themselves how they were made.
_STEPS = {'lease': 'lease of hosts', 'boot': 'create', 'delete': 'delete'}


def as_html(run: results.Run, fail_on_known: bool = False,
            findings: str | None = None) -> str:
    """Write a run as a page of HTML.

    :param run: The run.
    :param fail_on_known: Whether a known defect counts as a failure.
    :param findings: The address of the page of all findings, or None.
    """
    ran = [test for test in run.tests
           if test.outcome is not results.Outcome.SKIPPED]
    unlike = [test for test in ran
              if test.outcome is not results.Outcome.PASSED]
    messages = _Budget(_MESSAGES, len(unlike))
    logs = _Budget(_LOGS, len(unlike))
    skips = run.skips
    reasons = _Budget(_REASONS, len(skips))
    return _ENVIRONMENT.get_template('page.html').render(
        run=run, verdict=run.verdict, headline=_headline(run),
        exit_code=run.exit_code(fail_on_known), labels=_LABELS,
        outcomes=results.Outcome,
        new=[test for test in ran if test.outcome in results.NEW],
        defects=_by_defect(ran), families=_families(ran), findings=findings,
        sources=formats.FINDINGS, link=formats.link, duration=_duration,
        moment=_moment, draw=charts.draw, amounts=charts.amounts, steps=_steps,
        has_timelines=any(test.timeline for test in ran),
        hosts_out=charts.hosts_out(run.tests),
        message=lambda test: messages.ends(_message(test)),
        log=lambda test: logs.end(test.log),
        skips=[(reasons.ends(reason), tests)
               for reason, tests in skips.items()])


def _headline(run):
    if run.verdict is results.Verdict.NOTHING_RAN and run.has_others:
        return 'No scenario ran, so nothing is proven'
    return _HEADLINES[run.verdict]


def _steps(test):
    """Tell what a scenario did: [(seconds since its begin, words)]."""
    line = test.timeline
    begin = test.began.timestamp() if test.began else 0
    found = [(step['at'], '%s, %s' % (
        _STEPS[step['kind']], _duration(step['seconds'])))
        for step in line['steps'] if step['kind'] in _STEPS]
    for outage in line['outages']:
        words = '%s: %s' % (outage['where'], charts.kind_of(outage))
        if outage['is_out']:
            words += ', and nobody saw it come back' if (
                outage['back'] is None) else ', out for %s' % _duration(
                    outage['back'] - outage['begun'])
        found.append((outage['begun'], words))
    return [('%.1f s' % max(at - begin, 0), words)
            for at, words in sorted(found)]


def _by_defect(tests):
    """Group the tests with known defects: [(name or None, tests)]."""
    groups: dict[str | None, list[results.Test]] = {}
    for test in tests:
        if test.outcome is results.Outcome.KNOWN_DEFECT:
            groups.setdefault(test.defect, []).append(test)
    return sorted(groups.items(), key=lambda group: group[0] or '')


def _families(tests):
    """Group the tests by their modules: [(name of a module, tests)]."""
    def family(test):
        return test.name.partition('.')[0]

    return [(name, list(group)) for name, group in itertools.groupby(
        sorted(tests, key=lambda test: (family(test), test.name)), family)]


def _message(test: results.Test) -> str:
    return test.failure.message if test.failure else test.summary


class _Budget:
    """Shares out how much of some texts a page shows.

    :param whole: How many bytes of HTML all texts may have together.
    :param count: How many texts there are.
    """

    def __init__(self, whole: int, count: int) -> None:
        self._each = whole // max(count, 1)

    def _fit(self, text: str) -> int:
        """Tell how many characters of a text may be shown."""
        size = len(str(markupsafe.escape(text)).encode())
        return len(text) if size <= self._each else max(
            len(text) * self._each // size, 2)

    def end(self, text: str) -> str:
        """Give the end of a text."""
        return text[-self._fit(text):]

    def ends(self, text: str) -> str:
        """Give the begin and the end of a text."""
        fit = self._fit(text)
        if fit == len(text):
            return text
        half = fit // 2
        return '%s\n(%d characters are left out.)\n%s' % (
            text[:half], len(text) - 2 * half, text[-half:])


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return 'unknown'
    if seconds < 60:
        return '%.1f s' % seconds
    minutes, rest = divmod(round(seconds), 60)
    return '%d min %02d s' % (minutes, rest)


def _moment(moment: datetime.datetime | None) -> str:
    return moment.astimezone(datetime.timezone.utc).strftime(
        '%Y-%m-%d %H:%M:%S UTC') if moment else 'unknown'
