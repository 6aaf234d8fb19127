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

"""``tempest local-delete report``: tell how the last run ended."""

import argparse
from collections.abc import Callable
import pathlib
import secrets
import sys

from cliff import command

from local_delete_tempest_plugin.cmd import output
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin import known_bugs
from local_delete_tempest_plugin.report import formats
from local_delete_tempest_plugin.report import results
from local_delete_tempest_plugin.report import stream

try:
    from local_delete_tempest_plugin.report import page
except ModuleNotFoundError as error:
    if error.name not in ('drawsvg', 'jinja2'):
        raise
    page = None  # type: ignore[assignment]

#: The exit code if there is no report.
NO_REPORT = 2

# Anything else is a defect of this command.
_EXPECTED = (exceptions.ReportFailed, OSError)

_WRITERS: dict[str, tuple[str, Callable[..., str]]] = {
    'json': ('report.json', formats.as_json),
    'junit': ('report.xml', formats.as_junit),
}
if page:
    _WRITERS['html'] = 'report.html', page.as_html

_FORMATS = ('html', 'json', 'junit')

_NO_PAGE = ('the HTML page needs more packages: pip install '
            "'local-delete-tempest-plugin[report]'")


class Report(command.Command):
    """Write how the last run ended, for people and for programs.

    A known defect of Nova is neither a pass nor a failure.

    The exit code is 0 if all tests passed, and 3 if all else passed and some
    showed known defects. It is 1 if anything new failed, and 4 if no scenario
    ran. It is 2 if there is no report, because the command line is wrong or
    the results cannot be read.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'stream', nargs='?', default='.', metavar='STREAM',
            help="a workspace of Tempest, of which the last run is read; or a "
            "file with a subunit stream; or '-', which is the standard input "
            '(default: the workspace in the current folder)')
        parser.add_argument(
            '--output', metavar='FOLDER', default='local-delete-report',
            type=pathlib.Path,
            help='where the files are written (default: %(default)s)')
        parser.add_argument(
            '--format', action='append', choices=_FORMATS,
            dest='formats',
            help='write only this format; may be given several times')
        parser.add_argument(
            '--findings', metavar='ADDRESS', type=exceptions.printable,
            help='where your copy of the page on known defects is, such as '
            'https://example.org/findings.html; each known defect then has a '
            'link (default: no links, and the command "%s")'
            % formats.FINDINGS)
        parser.add_argument(
            '--fail-on-known', action='store_true',
            help='end with 1 and not with 3 if there are known defects, which '
            'are failures in the JUnit XML then')
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        output.open_for(self.app)
        try:
            return self.take_action(parsed_args)
        except Exception as error:
            if self.app.options.debug:
                raise
            print('tempest %s: %s' % (
                self.cmd_name, exceptions.one_line(
                    error if isinstance(error, _EXPECTED) else '%s: %s' % (
                        type(error).__name__, error))), file=self.app.stderr)
            return NO_REPORT

    def take_action(self, args: argparse.Namespace) -> int:
        wanted = args.formats or _FORMATS
        if args.formats and not set(wanted) & _WRITERS.keys():
            raise exceptions.ReportFailed(problem=_NO_PAGE)
        run = results.judge(_read(args.stream))
        texts = {}
        for name in wanted:
            if name not in _WRITERS:
                print(_NO_PAGE, file=self.app.stderr)
                continue
            file, write = _WRITERS[name]
            texts[args.output / file] = write(
                run, args.fail_on_known, args.findings)
        args.output.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            _write(path, text)
        written = 'Written: ' + ', '.join(map(str, texts))
        with output.printing(self.app.stdout):
            for line in (*_lines(run), written):
                print(exceptions.one_line(line), file=self.app.stdout)
        return run.exit_code(args.fail_on_known)


def _write(path: pathlib.Path, text: str) -> None:
    """Write a file as a whole, or leave it as it was.

    A link is replaced, and not followed: anybody may have made it.
    """
    part = path.with_name('.%s.%s' % (path.name, secrets.token_hex(4)))
    try:
        with part.open('x', encoding='utf-8') as file:
            file.write(text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _read(name: str) -> list[stream.Result]:
    if name == '-':
        if sys.stdin is None:
            raise exceptions.ReportFailed(
                problem='the standard input is closed')
        return stream.read(sys.stdin.buffer.read(), 'the standard input')
    path = pathlib.Path(name)
    return (stream.read_last_run if path.is_dir() else stream.read_file)(path)


def _lines(run):
    """Say how a run ended, and what did not pass."""
    yield '%s: %s' % (run.verdict.label, ', '.join(
        '%d %s' % (count, outcome.value)
        for outcome, count in run.counts.items()
        if count or outcome in (results.Outcome.PASSED,
                                results.Outcome.FAILED)))
    if run.verdict is results.Verdict.NOTHING_RAN and run.has_others:
        yield 'No scenario of this plugin ran, only tests of others.'
    for outcome in (*results.NEW, results.Outcome.KNOWN_DEFECT):
        for test in run.tests:
            if test.outcome is outcome:
                yield '%s: %s' % (test.name, test.summary)
    if known_bugs.OPTION in run.versions:
        yield '%s: %s' % (known_bugs.OPTION, run.versions[known_bugs.OPTION])
