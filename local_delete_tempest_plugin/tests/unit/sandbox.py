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

"""Run Tempest's commands in a process of their own, on a cloud in memory."""

import configparser
import dataclasses
import functools
import io
import json
import os
import pathlib
import sys
import traceback
import types
import unittest

import fixtures
from oslo_config import cfg
from tempest import config
from tempest.lib.services import clients

from local_delete_tempest_plugin.cmd import recover
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit import fake_edge

RUN = '0123456789AB'


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a command came to.

    :param code: Its exit code.
    :param lines: What the user sees, line by line.
    :param changes: What it sent to the cloud that is more than a question.
    """

    code: int
    lines: list
    changes: list


@functools.lru_cache
def _warm():
    """Let each child inherit what cliff looks up again in each process."""
    app = types.SimpleNamespace(stdout=None, stderr=None)
    recover.Recover(app, None).get_parser('').parse_args([])


class Sandbox(fixtures.Fixture):
    """A tempest.conf, folders, and a cloud, all good until they are spoilt.

    :ivar options: {group: {option: value}}; None leaves the option out.
    :ivar edge: The ``FakeEdge``.
    :ivar patches: Fixtures that are used in the child alone.
    """

    def _setUp(self):
        _warm()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.journals = self.folder / 'journals'
        self.conf = self.folder / 'tempest.conf'
        self.text = None
        self.environment = {}
        self.patches = []
        self.edge = fake_edge.FakeEdge()
        self.options = {
            'DEFAULT': {'log_dir': self.folder, 'log_file': 'tempest.log',
                        'debug': True},
            'oslo_concurrency': {'lock_path': self.folder / 'lock'},
            'auth': {'use_dynamic_credentials': True,
                     'admin_username': 'admin', 'admin_project_name': 'admin',
                     'admin_domain_name': 'Default',
                     'admin_password': fake_edge.PASSWORD},
            'identity': {'auth_version': 'v3', 'region': 'RegionOne',
                         'uri_v3': 'https://keystone.test/v3'},
            'service_available': {'neutron': False, 'cinder': False},
            'compute': {'image_ref': fake_edge.IMAGE,
                        'flavor_ref': fake_edge.FLAVOR,
                        'min_microversion': '2.1',
                        'max_microversion': '2.96'},
            'placement': {'min_microversion': '1.0',
                          'max_microversion': '1.39'},
            'local_delete': {
                'allow_outages': True, 'target_hosts': 'cmp1',
                'api_timeout': 1,
                'journal_dir': self.journals, 'request_timeout': 5,
                'service_down_timeout': 5, 'service_up_timeout': 5,
                'compute_stop_command': 'true {host}',
                'compute_start_command': 'true {host}'},
        }

    def set(self, group, **options):
        """Change options of tempest.conf; None leaves one out."""
        self.options[group] = dict(self.options.get(group, {}), **options)

    def leave_journal(self, *lines, run=RUN):
        """Write a journal as an abandoned run leaves it.

        :param lines: Its lines after the head, as data.
        :returns: Its path.
        """
        self.journals.mkdir(mode=0o700, exist_ok=True)
        path = self.journals / (run + '.journal')
        path.touch(mode=0o600)
        path.write_text(''.join(json.dumps(line) + '\n' for line in (
            {'version': 3, 'run': run, 'cloud': {
                'uri': self.options['identity']['uri_v3'],
                'region': 'RegionOne', 'ids': [fake_cloud.PROJECT]}},
            *lines)))
        return path

    def run(self, action):
        """Do something as a user does it, in a child.

        :param action: Callable without arguments; what it returns, or gives
            to ``sys.exit``, is the exit code.
        :returns: An ``Outcome``.
        """
        self._write_conf()
        report = self.folder / 'report.json'
        sys.stdout.flush()
        child = os.fork()
        if not child:
            # Nothing of the parent's test run may go on in here.
            try:
                # Where no tempest.conf says otherwise, the log goes there.
                os.chdir(self.folder)
                report.write_text(json.dumps(self._in_child(action)))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        return Outcome(**json.loads(report.read_text()))

    def _write_conf(self):
        if self.text is None:
            parser = configparser.RawConfigParser(default_section='none')
            parser.read_dict({group: {
                name: str(value) for name, value in options.items()
                if value is not None}
                for group, options in self.options.items()})
            text = io.StringIO()
            parser.write(text)
            self.text = text.getvalue()
        if self.conf.parent.is_dir() and not self.conf.exists():
            self.conf.write_text(self.text)

    def _in_child(self, action):
        # It limits the parent's test.
        os.environ.pop('OS_TEST_TIMEOUT', None)
        os.environ.update({
            'TEMPEST_CONFIG_DIR': str(self.conf.parent),
            'TEMPEST_CONFIG': self.conf.name, **self.environment})
        # Read once in the parent, and for another test.
        cfg.CONF.reset()
        config.CONF._config = None
        clients.ClientsRegistry()._service_clients.clear()
        sys.stdout = sys.stderr = said = io.StringIO()
        with self.edge:
            for patch in self.patches:
                patch.setUp()
            try:
                code = action()
            except SystemExit as end:
                code = end.code
            except BaseException:
                traceback.print_exc(file=said)
                code = 'a traceback'
        return {'code': code, 'lines': said.getvalue().splitlines(),
                'changes': self.edge.changes}


def run_command(command_class, name, *arguments, debug=False):
    """Run a command as ``tempest NAME`` does, without looking for all others.

    :returns: Its exit code.
    """
    app = types.SimpleNamespace(
        stdout=sys.stdout, stderr=sys.stderr,
        options=types.SimpleNamespace(
            debug=debug, verbose_level=1))
    command = command_class(app, None)
    command.cmd_name = name
    parser = command.get_parser('tempest ' + name)
    return command.run(parser.parse_args(list(arguments)))


def run_scenario(test):
    """Run one scenario, and print why it skipped or failed."""
    result = unittest.TestResult()
    unittest.TestSuite([test]).run(result)
    for _, reason in result.skipped:
        print(reason)
    for _, trace in result.errors + result.failures:
        print(trace.splitlines()[-1])
    return 0 if result.skipped else 1
