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

"""Write the results of a run for programs: as JSON and as JUnit XML."""

import datetime
import json
from typing import Any
from xml.etree import ElementTree

from local_delete_tempest_plugin.report import results

#: The version of the JSON, as schema.json beside this file describes it. A
#: field that is added leaves the version as it is.
VERSION = 1

#: The command that describes a known defect, without its name.
FINDINGS = 'tempest local-delete findings'

_KNOWN = results.Outcome.KNOWN_DEFECT


def link(findings: str | None, defect: str | None) -> str:
    """Tell where a known defect is described.

    :param findings: The address of the page of all findings; None for the
        command that has the same text.
    :param defect: The name of the defect, or None.
    """
    form = '%s#%s' if findings else '%s %s'
    findings = findings or FINDINGS
    return form % (findings, defect) if defect else findings


def as_json(run: results.Run, fail_on_known: bool = False,
            findings: str | None = None) -> str:
    """Write a run as JSON.

    :param run: The run.
    :param fail_on_known: Whether a known defect counts as a failure.
    :param findings: As for ``link``.
    """
    return json.dumps({
        'version': VERSION,
        'verdict': run.verdict.label,
        'exit_code': run.exit_code(fail_on_known),
        'began': _time(run.began),
        'ended': _time(run.ended),
        'counts': {outcome.value: count
                   for outcome, count in run.counts.items()},
        'versions': run.versions,
        'tests': [_test(test, findings) for test in run.tests],
    }, indent=1) + '\n'


def _test(test: results.Test, findings: str | None) -> dict[str, Any]:
    return {
        'id': test.id,
        'name': test.name,
        'uuid': test.uuid,
        'outcome': test.outcome.value,
        'began': _time(test.began),
        'seconds': test.seconds,
        'summary': test.summary,
        'failure': test.failure and {'kind': test.failure.kind,
                                     'message': test.failure.message},
        'known_defect': {'name': test.defect,
                         'findings': link(findings, test.defect)}
        if test.outcome is _KNOWN else None,
        'timeline': test.timeline,
    }


def as_junit(run: results.Run, fail_on_known: bool = False,
             findings: str | None = None) -> str:
    """Write a run as JUnit XML.

    JUnit knows no known defects. One is a skip with the type "known-defect",
    so that no reader counts it as a pass or as a failure.

    :param run: The run.
    :param fail_on_known: Whether a known defect is a failure instead.
    :param findings: As for ``link``.
    """
    counts = run.counts
    known = counts[_KNOWN]
    failures = sum(counts[outcome] for outcome in results.NEW)
    skips = counts[results.Outcome.SKIPPED]
    suite = ElementTree.Element('testsuite', {
        'name': 'local-delete', 'tests': str(len(run.tests)),
        'failures': str(failures + known * fail_on_known), 'errors': '0',
        'skipped': str(skips + known * (not fail_on_known)),
        'time': _seconds(run.seconds)})
    if run.began:
        suite.set('timestamp', run.began.replace(
            microsecond=0, tzinfo=None).isoformat())
    properties = ElementTree.SubElement(suite, 'properties')
    for name, value in (('verdict', run.verdict.label),
                        ('known-defects', str(known)),
                        *run.versions.items()):
        ElementTree.SubElement(properties, 'property', name=name, value=value)
    for test in run.tests:
        _add_case(suite, test, fail_on_known, findings)
    ElementTree.indent(suite, ' ')
    return ElementTree.tostring(
        suite, encoding='unicode', xml_declaration=True) + '\n'


def _add_case(suite: ElementTree.Element, test: results.Test,
              fail_on_known: bool, findings: str | None) -> None:
    class_name, _, name = test.name.rpartition('.')
    case = ElementTree.SubElement(
        suite, 'testcase', classname=class_name, name=name,
        time=_seconds(test.seconds))
    known = test.outcome is _KNOWN
    if test.outcome is results.Outcome.SKIPPED or (
            known and not fail_on_known):
        what = 'skipped'
    elif known or test.outcome in results.NEW:
        what = 'failure'
    else:
        return
    if known:
        properties = ElementTree.SubElement(case, 'properties')
        for key, value in (('known-defect', test.defect or ''),
                           ('findings', link(findings, test.defect))):
            ElementTree.SubElement(properties, 'property', name=key,
                                   value=value)
    told = ElementTree.SubElement(case, what, type=test.outcome.value,
                                  message=test.summary)
    if test.failure:
        told.text = test.failure.message


def _seconds(seconds: float | None) -> str:
    return '%.3f' % (seconds or 0)


def _time(moment: datetime.datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(
        datetime.timezone.utc).isoformat().replace('+00:00', 'Z')
