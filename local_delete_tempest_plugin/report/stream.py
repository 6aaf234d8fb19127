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

"""Read the results of tests from a stream of subunit.

There are two versions of subunit. Runners write version 2. The repository of
stestr, which Tempest uses, has version 1 on disk.
"""

from collections.abc import Mapping
import dataclasses
import datetime
import io
import pathlib
import re
from typing import Any

from oslo_utils import strutils
from stestr.repository import util as repositories
import subunit
from subunit import v2
import testtools

from local_delete_tempest_plugin.common import attachments
from local_delete_tempest_plugin import exceptions

# A test that stestr adds if a process of its runner has failed.
PROCESS = 'process-returncode'

# What subunit says of bytes that it cannot read.
_UNREADABLE = 'subunit.parser'

_LISTED = 'exists'

# Bytes of a detail. A reader needs its end.
_LONGEST = 1 << 20

# The password in a URL, which mask_password leaves there.
_LOGIN = re.compile(r'(://[^\s/:@]*:)[^\s/@]+@')

# Bytes at the begin of a stream, where a runner may have printed.
_BEGIN = 1 << 16


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of a test, as its runner told it.

    :param id: The id of the test, with its tags.
    :param status: A status of subunit: success, skip, fail, xfail, uxsuccess
        or inprogress.
    :param details: {name: text} of what is attached to it, without passwords
        and tokens. Of a long text, only its end. The log is there only if the
        test did not pass.
    """

    id: str
    status: str
    began: datetime.datetime | None
    ended: datetime.datetime | None
    details: Mapping[str, str]


def read_file(path: pathlib.Path) -> list[Result]:
    """Read the results from a file.

    :param path: The file.
    :returns: A list of ``Result``, in the order in which the tests ended.
    :raises ReportFailed: the file has no results that can be read.
    :raises OSError: the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise exceptions.ReportFailed(
            problem='there is no file or folder %s' % path) from None
    return read(data, str(path))


def read_last_run(folder: pathlib.Path) -> list[Result]:
    """Read the results of the last run in a workspace of Tempest.

    :param folder: The folder of the workspace, which has ``.stestr``.
    :returns: As ``read_file``.
    :raises ReportFailed: there was no run, or it has no results that can be
        read, or a later run has not ended.
    :raises OSError: the repository of stestr cannot be read.
    """
    try:
        run = repositories.get_repo_open(repo_url=str(folder)).get_latest_run()
    except OSError:
        raise
    except Exception:
        # stestr raises KeyError, ValueError, and exceptions of its own.
        raise exceptions.ReportFailed(
            problem='%s has no results of a run of Tempest (.stestr): name '
            'the workspace, or a file with a subunit stream' % folder)
    if _is_later_run(folder / '.stestr', str(run.get_id())):
        raise exceptions.ReportFailed(
            problem='the last run in %s was killed, or has not ended yet: run '
            'Tempest again. "stestr last --subunit" gives the results of the '
            'run before' % folder)
    return read(run.get_subunit_stream().getvalue(), str(folder))


def _is_later_run(repository, run_id):
    # stestr writes the results to such a file, and gives it the id of the run
    # at the end.
    ended = (repository / run_id).stat().st_mtime_ns
    return any(path.stat().st_mtime_ns > ended
               for path in repository.glob('tmp*'))


def read(data: bytes, origin: str) -> list[Result]:
    """Read the results from a stream, which may be cut off.

    :param data: The stream.
    :param origin: Where it is from, for the words of a failure.
    :returns: As ``read_file``.
    :raises ReportFailed: the stream has bytes, and no result of a test.
    """
    parsers = [_parse_version_1, _parse_version_2]
    if v2.SIGNATURE in data[:_BEGIN]:
        # What the runner prints at its start may come before.
        parsers.reverse()
    for parse in parsers:
        found, is_damaged = _collect(data, parse)
        if found:
            break
    else:
        if data:
            raise exceptions.ReportFailed(
                problem='%s is no subunit stream with results of tests'
                % origin)
    if is_damaged:
        found.append(Result(_UNREADABLE, 'fail', None, None, {
            'traceback': 'The stream is damaged: more results may be lost.'}))
    return found


def _collect(data, parse):
    """Parse a stream; return the results, and whether it is damaged."""
    found: list[Result] = []
    unreadable: list[object] = []

    def add(test: Mapping[str, Any]) -> None:
        if test['id'] == _UNREADABLE:
            unreadable.append(test)
        elif test['status'] != _LISTED:
            found.append(_result_of(test))

    results = testtools.StreamToDict(add)
    results.startTestRun()
    try:
        parse(io.BytesIO(data), results)
    except Exception as error:
        # The parsers of subunit raise whatever a broken stream makes them.
        unreadable.append(error)
    results.stopTestRun()
    return found, bool(unreadable)


def _parse_version_2(stream, results):
    subunit.ByteStreamToStreamResult(
        stream, non_subunit_name='printed').run(results)


def _parse_version_1(stream, results):
    decorated = testtools.ExtendedToStreamDecorator(results)
    # Otherwise it begins with the first test, and drops the time.
    decorated.startTestRun()
    subunit.ProtocolTestCase(
        stream, passthrough=subunit.DiscardStream()).run(decorated)


def _result_of(test: Mapping[str, Any]) -> Result:
    began, ended = map(_in_utc, test['timestamps'])
    return Result(
        exceptions.printable(test['id']), str(test['status']), began, ended, {
            name: _text_of(name, detail)
            for name, detail in test['details'].items()
            if test['status'] != 'success' or not attachments.is_log(name)})


def _in_utc(moment: datetime.datetime | None) -> datetime.datetime | None:
    try:
        return moment and moment.astimezone(datetime.timezone.utc)
    except OverflowError:
        # Nobody knows a time before the year 1.
        return None


def _text_of(name: str, detail: Any) -> str:
    data = b''.join(detail.iter_bytes())
    if attachments.is_log(name):
        data = attachments.end_of_log(name, data)
    text = data[-_LONGEST:].decode(errors='replace')
    if len(data) > _LONGEST:
        text = '(%d bytes are left out.)\n%s' % (len(data) - _LONGEST, text)
    # Tests of other plugins log passwords, and a report is given to others.
    return exceptions.printable(_LOGIN.sub(
        r'\1***@', strutils.mask_password(text)))
