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

"""Run the playbooks of the Zuul jobs on the cloud, as Zuul's user tempest.

The trial makes the Unix user "tempest". It writes a script with the name of
that of the DevStack plugin, which acts on the computes of the cloud. Then
playbooks/pre.yaml gives the user its rights, with connection=local. The user
runs Tempest in these ways, and playbooks/post.yaml judges each run:

- Scenarios pass under both outages. The playbook passes.
- The run is killed while a compute is stopped. The playbook recovers, keeps
  the journal, fails, and names the compute.
- Every scenario skips. The playbook fails.

The user may do nothing else by sudo. At the end the user, the sudo rule and
the script are removed, and the cloud has to be as before. The trial needs
root, sudo (PROFILES=zuul tools/setup.sh) and ansible-playbook (tox -e
ansible-lint --notest).
"""

import argparse
import collections.abc
import configparser
import contextlib
import json
import os
import pathlib
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile

import tempest

from allinone import cache
from allinone import deployment
from allinone import errors
from allinone import files
from allinone import readiness
from allinone import release
from allinone import supervision
from proof.trials import journals
from proof.trials import runs
from proof.trials import snapshot

USER = 'tempest'

# The environment of this process may be closed to other users.
_PYTHON = '/usr/bin/python3'

_SCRIPT = pathlib.Path('/usr/local/bin/local-delete-host')
_RULE = pathlib.Path('/etc/sudoers.d/59_local_delete')

#: The actions of the script, by the options that use them.
ACTIONS = {'compute_stop_command': 'stop', 'compute_start_command': 'start',
           'compute_freeze_command': 'freeze', 'compute_thaw_command': 'thaw'}

_PASS = r'test_local_delete\..*removed_by_api|port_of_nova_deleted_stopped'
_KILLED = 'port_of_nova_deleted_stopped'

# Seconds.
_LIMIT = 600
_SETTLE = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the trial."""
    parser.add_argument(
        '--ansible', type=pathlib.Path, metavar='FILE',
        default=cache.HERE.parent / '.tox/ansible-lint/bin/ansible-playbook',
        help='the program ansible-playbook (default: %(default)s)')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Run the trial, print its figures, and return the exit code."""
    refuse(arguments.ansible)
    folder = files.directory(cloud.state / 'trials' / 'zuul')
    before = snapshot.take(cloud)
    with _node(cloud, arguments.ansible, folder) as node:
        problems = node.problems()
    problems += snapshot.settle(
        lambda: before.differences(snapshot.take(cloud)), _SETTLE)
    print('\n'.join(problems) or 'The playbooks did what they should')
    return 1 if problems else 0


def refuse(ansible: pathlib.Path) -> None:
    """Refuse a machine on which the trial cannot run, or would harm.

    :param ansible: the program ansible-playbook
    :raises BadInput: it cannot
    """
    if os.geteuid():
        raise errors.BadInput('Only root may make the user: run it as root')
    for program in ('sudo', 'visudo', 'useradd'):
        if not shutil.which(program):
            raise errors.BadInput(
                f'There is no {program}: run "PROFILES=zuul tools/setup.sh"')
    if not ansible.is_file():
        raise errors.BadInput(
            f'There is no {ansible}: run "tox -e ansible-lint --notest", '
            'or name the program with --ansible')
    there = [str(path) for path in (_SCRIPT, _RULE) if path.exists()]
    with contextlib.suppress(KeyError):
        there.append(f'the user {pwd.getpwnam(USER).pw_name}')
    if there:
        raise errors.BadInput(
            f'The trial makes and removes {", ".join(there)}, and that is '
            'there already: remove it, or use another machine')


class Node:
    """The machine, as a job of Zuul sees its controller.

    :param base: the directory that DevStack's is in a job
    :param folder: the directory of the logs
    """

    def __init__(self, cloud: deployment.Deployment, ansible: pathlib.Path,
                 base: pathlib.Path, folder: pathlib.Path) -> None:
        self._cloud = cloud
        self._ansible = ansible
        self._base = base
        self._folder = folder
        self._uid = pwd.getpwnam(USER).pw_uid
        self._workspace = runs.another(cloud, base / 'tempest')

    def problems(self) -> list[str]:
        """Play and run everything; return a line for each problem."""
        code, said = self._play('pre', 'pre')
        if code:
            return [f'pre.yaml failed: {said}']
        self._write()
        return [*self._rights(), *self._passes(), *self._killed(),
                *self._skips()]

    def recover(self) -> None:
        """Undo what a trial that broke off has left."""
        if self._tempest.exists() and journals.held(self._workspace.journals):
            subprocess.run([self._tempest, 'local-delete', 'recover'],
                           user=self._uid, group=self._uid, extra_groups=[],
                           env=self._environment(), check=False)

    def _rights(self):
        """Try what the user may do by sudo."""
        for words, may in ((('-n', '-u', 'root', str(_SCRIPT)), True),
                           (('-n', 'id'), False),
                           (('-n', '-u', 'root', 'id'), False)):
            ended = self._as_user('sudo', *words)
            # The script itself refuses to be called without a host.
            refused = 'password is required' in ended.stderr
            if refused == may:
                yield (f'"sudo {shlex.join(words)}" is '
                       f'{"refused" if may else "allowed"}: {ended.stderr}')

    def _passes(self):
        counts, log = self._scenarios(_PASS, 'passes')
        if counts != {'passed': 2, 'failed': 0, 'skipped': 0}:
            yield f'not both scenarios passed: {log}'
        code, said = self._play('post', 'passes')
        if code:
            yield f'post.yaml failed after a clean run: {said}'
        report = self._base / 'output' / 'report' / 'report.json'
        if not report.is_file() or not json.loads(report.read_text())['tests']:
            yield f'there is no report: {report}'

    def _killed(self):
        log = self._folder / 'killed.log'
        with log.open('w') as output:
            process = self._start(_KILLED, output)
            try:
                readiness.wait('a compute that is out', lambda: (
                    runs.ended(process)
                    or self._stopped()), _LIMIT)
            finally:
                runs.kill(process)
        hosts = {host for _, host in journals.hosts_out(
            self._workspace.journals)}
        if not hosts:
            yield f'no compute was out: {log}'
        code, said = self._play('post', 'killed', zuul_success=False)
        if not code:
            yield 'post.yaml passed, and the run had left a compute down'
        for host in hosts:
            if f'down or disabled: {host}. After recover all are back' not in (
                    said):
                yield f'post.yaml did not name {host}: {said}'
        if not list((self._base / 'output' / 'journals').glob('*.journal')):
            yield 'the journal was not kept'
        if journals.held(self._workspace.journals):
            yield 'a journal is left, so recover did not run'

    def _skips(self):
        self._workspace.set(allow_outages=False)
        counts, log = self._scenarios(_PASS, 'skips')
        if counts.get('failed') or counts.get('passed'):
            yield f'not all skipped: {log}'
        code, said = self._play('post', 'skips')
        if not code or 'No scenario ran' not in said:
            yield f'post.yaml did not fail because all skipped: {said}'

    def _stopped(self):
        """Tell whether a run has stopped a compute."""
        return any(host and supervision.info(self._cloud.state)[
            f'nova-compute-{host}']['statename'] == 'STOPPED'
            for _, host in journals.hosts_out(self._workspace.journals))

    def _scenarios(self, regex, name):
        log = self._folder / f'{name}.log'
        with log.open('w') as output:
            runs.wait(self._start(regex, output), _LIMIT)
        return runs.counts(log), log

    def _start(self, regex, output):
        """Start scenarios, as the role run-tempest of Tempest does."""
        return subprocess.Popen(
            [self._tempest, 'run', '--concurrency=1', '--regex', regex],
            cwd=self._workspace.directory, stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, start_new_session=True,
            user=self._uid, group=self._uid, extra_groups=[],
            env=self._environment())

    def _as_user(self, *command):
        return subprocess.run(
            command, user=self._uid, group=self._uid, extra_groups=[],
            env=self._environment(), cwd='/', stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False)

    def _environment(self):
        return {'HOME': pwd.getpwnam(USER).pw_dir, 'USER': USER,
                'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8'}

    @property
    def _tempest(self):
        return (self._workspace.directory / '.tox' / 'tempest' / 'bin'
                / 'tempest')

    def _write(self):
        """Write the workspace as DevStack would, and the script."""
        options = configparser.RawConfigParser(strict=False)
        options.read(self._workspace.configuration)
        _SCRIPT.write_text(script({
            action: options['local_delete'][option]
            for option, action in ACTIONS.items()}))
        _SCRIPT.chmod(0o755)
        self._workspace.set(**{
            option: f'sudo -n -u root {_SCRIPT} {action} {{host}}'
            for option, action in ACTIONS.items()})
        self._install()
        files.give(self._workspace.directory, self._uid)

    def _install(self):
        """Install Tempest and the plugin, as DevStack does."""
        environment = self._tempest.parents[1]
        uv = supervision.tool('uv')
        subprocess.run([uv, 'venv', '--quiet', '--python', _PYTHON,
                        environment], check=True)
        subprocess.run(
            [uv, 'pip', 'install', '--quiet', '--python', environment,
             '--constraint', release.get(release.DEFAULT).lock, 'tempest',
             cache.HERE.parent], check=True)
        # DevStack's Tempest is a checkout, and finds its etc beside its code.
        [packages] = environment.glob('lib/python3*/site-packages')
        (packages / 'etc').symlink_to(self._workspace.directory / 'etc')
        runner = self._workspace.directory / '.stestr.conf'
        files.write(runner, runner.read_text().replace(
            str(pathlib.Path(tempest.__file__).parents[1]), str(packages)))

    def _play(self, playbook, name, zuul_success=True):
        """Play a playbook; return its exit code, and what it printed."""
        inventory = self._folder / 'inventory.json'
        files.write(inventory, json.dumps(
            {'tempest': {'hosts': {'controller': {
                'ansible_connection': 'local',
                'ansible_python_interpreter': _PYTHON,
                'nodepool': {'private_ipv4': '127.0.0.1'},
                'local_delete_runas': 'root',
                'local_delete_base_dir': str(self._base),
                'local_delete_output': str(self._base / 'output'),
                'local_delete_list_computes': shlex.join([
                    'env', f'PYTHONPATH={cache.HERE.parent}', sys.executable,
                    '-m', 'proof.trials.compute_list',
                    str(self._cloud.state)]),
                'zuul_success': zuul_success}}}}))
        ended = subprocess.run(
            [self._ansible, '-i', inventory,
             cache.HERE.parent / 'playbooks' / f'{playbook}.yaml'],
            env={**os.environ, 'ANSIBLE_PIPELINING': 'True',
                 'ANSIBLE_ROLES_PATH': str(cache.HERE.parent / 'roles'),
                 'ANSIBLE_NOCOLOR': 'True', 'LC_ALL': 'C.UTF-8'},
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False)
        said = ended.stdout + ended.stderr
        (self._folder / f'{playbook}-{name}.log').write_text(said)
        print(f'{playbook}.yaml, {name}: {ended.returncode}', flush=True)
        return ended.returncode, said


def script(commands: collections.abc.Mapping[str, str]) -> str:
    """Return a script that is called as local-delete-host ACTION HOST.

    :param commands: {action: a command of tempest.conf with {host}}
    """
    return '\n'.join([
        '#!/bin/sh', '# "python -m proof trial zuul" removes this file.',
        '[ $# = 2 ] || { echo "usage: $0 ACTION HOST" >&2; exit 2; }',
        'case $1 in', *(
            '    %s) exec %s ;;' % (action, command.replace('{host}', '"$2"'))
            for action, command in commands.items()),
        '    *) exit 2 ;;', 'esac', ''])


@contextlib.contextmanager
def _node(cloud: deployment.Deployment, ansible, folder):
    """Make the user, and remove all that the trial has made."""
    subprocess.run(['useradd', '--create-home', '--user-group', '--shell',
                    '/bin/bash', USER], check=True)
    base = pathlib.Path(tempfile.mkdtemp(prefix='local-delete-zuul-'))
    try:
        base.chmod(0o755)
        node = Node(cloud, ansible, base, folder)
        try:
            yield node
        finally:
            node.recover()
    finally:
        shutil.rmtree(base)
        _RULE.unlink(missing_ok=True)
        _SCRIPT.unlink(missing_ok=True)
        subprocess.run(['userdel', '--remove', USER], check=True,
                       capture_output=True)
