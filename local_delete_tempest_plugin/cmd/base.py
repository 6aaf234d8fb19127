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

"""What the commands have in common."""

import argparse
from collections.abc import Iterable
from collections.abc import Sequence
import logging
import os
import shutil
import textwrap
import traceback
from typing import Any
from typing import ClassVar
from typing import TextIO

from cliff import lister
from oslo_config import cfg
from tempest import config
from tempest.lib import exceptions as lib_exc
import yaml

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cloud import clouds_yaml
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin.cmd import output
from local_delete_tempest_plugin import exceptions

CONF = config.CONF

#: The most columns of a line on a terminal.
WIDTH = 100

# In fewer columns nobody could read a line.
_LEAST_WIDTH = 20


class _WrongLine(Exception):
    """The command line names something that is not there."""


# cfg.Error comes from a wrong value in tempest.conf, OSError from a file that
# tempest.conf names.
_EXPECTED = (_WrongLine, lib_exc.TempestException, cfg.Error, OSError)

#: The exit code after Ctrl-C, as a shell gives it, and what is said then.
CTRL_C, INTERRUPTED = 130, 'interrupted, so call it again'

# The exit code of argparse.
_WRONG_LINE = 2

_ERASE_LINE = '\r\x1b[K'


class Command(lister.Lister):
    """A command that prints a table, or one line that says why it cannot."""

    #: The names of the columns of the table.
    columns: ClassVar[tuple[str, ...]]

    #: What is said below the table.
    _last_lines: Sequence[str] = ()

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        group = parser.add_argument_group('cloud')
        group.add_argument(
            '--config-file', metavar='FILE',
            help='the tempest.conf (default: as "tempest run" finds it)')
        group.add_argument(
            '--workspace', metavar='WORKSPACE',
            help="the workspace whose etc/tempest.conf is read: its name, as "
            "'tempest workspace list' has it, or its directory")
        group.add_argument(
            '--workspace-path', metavar='FILE',
            help='the list of the workspaces (default: '
            '~/.tempest/workspace.yaml)')
        group.add_argument(
            '--os-cloud', metavar='NAME',
            help='log in as the account of this cloud in clouds.yaml, and not '
            'as the admin of tempest.conf')
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        output.open_for(self.app)
        # cliff would notice these only after the work is done, and then show
        # nothing of it.
        unknown = [name for name in parsed_args.columns
                   if _key(name) not in map(_key, self.columns)]
        unknown += [name for name in parsed_args.sort_columns
                    if name not in self.columns]
        if unknown:
            self._say('there is no column %r, only %s' % (
                unknown[0], ', '.join(self.columns)))
            return _WRONG_LINE
        # What cliff says of an error goes nowhere, because Tempest has set up
        # the logging so.
        try:
            _choose_conf(parsed_args)
            _read_conf()
            _choose_admin(parsed_args)
            with transport.BoundedFixture():
                return super().run(parsed_args)
        except KeyboardInterrupt:
            self._say(INTERRUPTED)
            return CTRL_C
        except Exception as error:
            if self.app.options.debug:
                traceback.print_exc(file=self.app.stderr)
            self._say(error if isinstance(error, _EXPECTED) else '%s: %s' % (
                type(error).__name__, error))
            return _WRONG_LINE if isinstance(error, _WrongLine) else 1

    def progress(self, doing: str) -> 'Progress':
        """Show on the terminal what the command does, in the place of a log.

        :param doing: The word before each step, such as 'Checking'.
        :returns: What shows it. It shows nothing if a log is wanted.
        """
        is_quiet = self.app.options.verbose_level < 2
        if is_quiet:
            for handler in logging.getLogger().handlers:
                if getattr(handler, 'stream', None) is self.app.stderr:
                    handler.addFilter(_is_no_request)
        return Progress(doing, self.app.stderr if is_quiet else None)

    def _say(self, words: object) -> None:
        print('tempest %s: %s' % (self.cmd_name, exceptions.one_line(words)),
              file=self.app.stderr)

    def produce_output(self, parsed_args: argparse.Namespace,
                       column_names: Sequence[str],
                       data: Iterable[Sequence[Any]]) -> int:
        with output.printing(self.app.stdout):
            self.show(parsed_args, column_names, data)
        return 0

    def show(self, parsed_args: argparse.Namespace,
             column_names: Sequence[str],
             data: Iterable[Sequence[Any]]) -> None:
        """Print what the command came to, as ``produce_output`` of cliff."""
        if (parsed_args.formatter == 'table' and self.app.stdout.isatty()
                and not parsed_args.max_width):
            parsed_args.max_width = columns_of(self.app.stdout)
        # The cells quote names and reasons that others have given.
        super().produce_output(parsed_args, column_names, [
            tuple(map(exceptions.one_line, row)) for row in data])
        for line in (self._last_lines if parsed_args.formatter == 'table'
                     else ()):
            print(textwrap.fill(
                exceptions.one_line(line), columns_of(self.app.stdout),
                break_long_words=False, break_on_hyphens=False),
                file=self.app.stdout)


class Progress:
    """Shows on a terminal which step is under way.

    :param doing: The word before each step, such as 'Checking'.
    :param stream: Where to show it; None, or what is no terminal, shows
        nothing.
    """

    def __init__(self, doing: str, stream: TextIO | None) -> None:
        self._doing = doing
        self._stream = stream if stream and stream.isatty() else None

    def show(self, words: str) -> None:
        """Show words in the place of those before."""
        if self._stream:
            columns = shutil.get_terminal_size().columns
            self._write(_ERASE_LINE + exceptions.one_line(
                '%s: %s' % (self._doing, words))[:columns - 1])

    def end(self) -> None:
        """Leave an empty line for what comes next."""
        if self._stream:
            self._write(_ERASE_LINE)

    def _write(self, words):
        self._stream.write(words)
        self._stream.flush()


def _is_no_request(record: logging.LogRecord) -> bool:
    """Keep the log of requests off the terminal."""
    return not record.name.startswith(('tempest.lib.', 'urllib3.'))


def _key(column: str) -> str:
    """Give what cliff compares of the name of a column."""
    return column.lower().strip().replace(' ', '_')


def columns_of(stream: TextIO) -> int:
    """Tell how wide the lines may be that a person reads.

    :param stream: Where the lines go, a terminal or another.
    :returns: A number of columns.
    """
    if not stream.isatty():
        return WIDTH
    return min(WIDTH, max(_LEAST_WIDTH, shutil.get_terminal_size().columns))


def find_admin() -> admin.Admin:
    """Authenticate as the admin of tempest.conf.

    :returns: An ``admin.Admin``.
    :raises InvalidConfiguration: there is no tempest.conf, or it does not
        tell who the admin is.
    :raises Unauthorized: Keystone refuses the admin of tempest.conf.
    """
    _check_conf()
    try:
        return admin.Admin.of(accounts.log_in_admin())
    except lib_exc.Unauthorized as error:
        raise lib_exc.Unauthorized('Keystone refuses %s: %s' % (
            'the account of clouds.yaml (--os-cloud)'
            if accounts.has_other_admin() else 'the admin of tempest.conf '
            '([auth] admin_username and the options beside it, or '
            'test_accounts_file)', error.resp_body))


def _choose_conf(args):
    """Let Tempest read the file that the command line names."""
    # A variable of a shell that is empty must not choose another cloud.
    path = args.config_file
    if path is not None:
        path = os.path.abspath(path)
    if args.workspace is not None:
        workspace = _find_workspace(args.workspace, args.workspace_path)
        path = path or os.path.join(workspace, 'etc', 'tempest.conf')
        # Paths in tempest.conf may be relative to it.
        os.chdir(workspace)
    if path:
        if not os.path.isfile(path):
            # Tempest would read another file.
            raise _WrongLine('there is no file %s' % path)
        CONF.set_config_path(path)


def _find_workspace(name, path):
    # Tempest's own reader reads tempest.conf before it can be chosen.
    path = os.path.expanduser(path or '~/.tempest/workspace.yaml')
    try:
        with open(path) as listed:
            found = yaml.safe_load(listed)
    except FileNotFoundError:
        found = None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise _WrongLine('%s is not YAML' % path) from None
    workspace = found.get(name) if isinstance(found, dict) else None
    if not isinstance(workspace, str):
        if name and os.path.isdir(os.path.join(name, 'etc')):
            return os.path.abspath(name)
        raise _WrongLine('there is no workspace %s in %s' % (name, path))
    return workspace


def _choose_admin(args):
    """Let the commands log in as the account that the command line names."""
    if args.os_cloud is None:
        return
    try:
        account = clouds_yaml.read(args.os_cloud, CONF.identity.uri_v3)
    except lib_exc.InvalidConfiguration as error:
        raise _WrongLine(error) from error
    accounts.use_admin(account.credentials)
    if not CONF.identity.uri_v3:
        cfg.CONF.set_override('uri_v3', account.uri_v3, group='identity')


def _read_conf():
    try:
        # Tempest reads the file when an option is first read.
        _ = CONF.local_delete
    except UnicodeDecodeError as error:
        raise lib_exc.InvalidConfiguration(
            'tempest.conf is not a text file: %s' % error)


def _check_conf():
    if not CONF.config_file:
        raise lib_exc.InvalidConfiguration(
            'there is no tempest.conf: give --config-file or --workspace, or '
            'set TEMPEST_CONFIG_DIR to where it is')
