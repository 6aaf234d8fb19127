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

"""Runs of the scenarios and commands, each in a process group of its own."""

import collections.abc
import contextlib
import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import psutil
import subunit
import testtools

from allinone import cache
from allinone import deployment
from allinone import files
from allinone import supervision
import local_delete_tempest_plugin

SCENARIOS = r'^local_delete_tempest_plugin\.'

# What a worker of "tempest run" runs, for the scenarios alone.
_PLUGIN = pathlib.Path(local_delete_tempest_plugin.__file__).parent
_RUNNER = (sys.executable, '-m', 'stestr.subunit_runner.run', 'discover',
           '-t', str(_PLUGIN.parent), str(_PLUGIN / 'scenario'))

# Seconds in which a run gives back a host, which may take a service's start.
_GRACE = 120

# The last line of a traceback, and further lines of its message, which are not
# indented. Lines of code are indented as much, and have spaces.
_RAISED = re.compile(r'^    ((?:\w+\.)*[A-Z]\w*(?:: .*)?\n(?:\S.*\n)*)',
                     re.MULTILINE)


class Workspace:
    """A workspace of Tempest: the deployment's own, or a copy.

    :param directory: directory of the workspace
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory

    @property
    def configuration(self) -> pathlib.Path:
        """The file tempest.conf."""
        return self.directory / 'etc' / 'tempest.conf'

    @property
    def log(self) -> pathlib.Path:
        """The log that a run itself writes, at the level of debug."""
        return self.directory / 'logs' / 'tempest.log'

    @property
    def journals(self) -> pathlib.Path:
        """Directory of the journals."""
        return self.directory / 'tempest_lock' / 'local-delete'

    def set(self, **options: object) -> None:
        """Set options of [local_delete], for what is started from now on."""
        if options:
            with self.configuration.open('a') as configuration:
                # The last of several values counts.
                configuration.write('\n[local_delete]\n' + ''.join(
                    f'{name} = {value}\n'
                    for name, value in options.items()))

    def start(self, regex: str, log: pathlib.Path, concurrency: int = 1,
              **environment: str) -> subprocess.Popen:
        """Start scenarios, in a process group of their own.

        :param regex: selects the scenarios
        :param log: file that gets what they print
        :param concurrency: how many processes run them
        :param environment: variables, beside those of this process
        """
        side_by_side = ('--concurrency', str(concurrency))
        return self._start(
            log, environment, 'run', *(side_by_side if concurrency > 1
                                       else ('--serial',)), '--regex', regex)

    def running(self, regex: str, log: pathlib.Path, concurrency: int = 1,
                **environment: str
                ) -> contextlib.AbstractContextManager[subprocess.Popen]:
        """Start scenarios, and end them after the body.

        The parameters are those of ``start``.

        :returns: A context manager that gives a ``subprocess.Popen``.
        """
        return _not_outlived(self.start(regex, log, concurrency,
                                        **environment))

    @functools.cached_property
    def scenarios(self) -> tuple[str, ...]:
        """The ids of all scenarios, with their tags."""
        with tempfile.TemporaryFile('w+b') as stream:
            subprocess.run([*_RUNNER, '--list'], cwd=self.directory,
                           env=self._environment({}), stdout=stream,
                           check=True)
            stream.seek(0)
            found: list[str] = []
            result = testtools.StreamToDict(
                lambda test: found.append(test['id']))
            result.startTestRun()
            subunit.ByteStreamToStreamResult(stream).run(result)
            result.stopTestRun()
        return tuple(found)

    @contextlib.contextmanager
    def recorded(self, regex: str, stream: pathlib.Path, log: pathlib.Path,
                 to_failure: bool = False, **environment: str
                 ) -> collections.abc.Generator[subprocess.Popen, None, None]:
        """Start scenarios, as ``running`` does, and record their results.

        This starts only the process in which "tempest run" runs the scenarios.
        "tempest run" itself and its list of all tests of Tempest need more of
        the processor than many a scenario.

        :param stream: file that gets the results, as subunit
        :param log: file that gets what the scenarios print beside the results
        :param to_failure: whether the first failure ends the run
        :returns: A context manager that gives a ``subprocess.Popen``.
        """
        chosen = stream.with_suffix('.ids')
        chosen.write_text('\n'.join(
            name for name in self.scenarios if re.search(regex, name)))
        with stream.open('wb') as output, log.open('a') as errors:
            process = subprocess.Popen(
                [*_RUNNER, '--load-list', chosen,
                 *['--failfast'] * to_failure], cwd=self.directory,
                env=self._environment(environment), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
            with _not_outlived(process):
                yield process

    def command(self, *arguments: str, log: pathlib.Path, debug: bool = False,
                **environment: str) -> int:
        """Run ``tempest local-delete ...`` to its end.

        The parameters are those of ``commanding``.

        :returns: The exit code.
        """
        with self.commanding(*arguments, log=log, debug=debug,
                             **environment) as process:
            return process.wait()

    def commanding(self, *arguments: str, log: pathlib.Path,
                   debug: bool = False, **environment: str
                   ) -> contextlib.AbstractContextManager[subprocess.Popen]:
        """Start ``tempest local-delete ...``, and end it after the body.

        :param arguments: of ``tempest local-delete``
        :param log: file that gets what the command prints
        :param debug: whether it gets Tempest's debug log, too
        :param environment: variables, beside those of this process
        :returns: A context manager that gives a ``subprocess.Popen``.
        """
        return _not_outlived(self._start(
            log, environment, *['--debug'] * debug, 'local-delete',
            *arguments))

    def python(self, module: str, log: pathlib.Path, *arguments: str
               ) -> contextlib.AbstractContextManager[subprocess.Popen]:
        """Start a module of this source tree, and end it after the body.

        :param module: name of a module that reads the workspace's tempest.conf
        :param log: file that gets what it prints
        :param arguments: its command line
        :returns: A context manager that gives a ``subprocess.Popen``.
        """
        return _not_outlived(self._start(
            log, {'PYTHONPATH': str(cache.HERE.parent)}, '-m', module,
            *arguments, program='python'))

    def wait(self, process: subprocess.Popen, log: pathlib.Path, limit: float
             ) -> list[str]:
        """Wait until a run has ended; kill and recover a run that hangs.

        :param process: what ``start`` returned, or ``running`` gave
        :param log: file that gets what ``recover`` prints
        :param limit: seconds
        :returns: A line for each problem.
        """
        if wait(process, limit):
            return []
        problems = [f'hangs: {log}']
        if self.command('recover', log=log):
            problems.append(f'recover failed: {log}')
        return problems

    def _start(self, log, environment, *arguments, program='tempest'):
        with log.open('a') as output:
            return subprocess.Popen(
                [supervision.tool(program), *arguments], cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, env=self._environment(environment))

    def _environment(self, variables):
        path = os.pathsep.join((str(supervision.tool('tempest').parent),
                                os.environ['PATH']))
        return {**os.environ, 'PATH': path,
                'TEMPEST_CONFIG_DIR': str(self.directory / 'etc'), **variables}


def another(cloud: deployment.Deployment, directory: pathlib.Path,
            **options: object) -> Workspace:
    """Make a workspace that shares no lock, as if on another machine.

    :param directory: directory of the workspace; old files there are removed
    :param options: options of [local_delete] that differ from the deployment's
    """
    shutil.rmtree(directory, ignore_errors=True)
    copy = Workspace(files.directory(directory))
    for name in ('etc', 'logs', 'tempest_lock'):
        files.directory(directory / name)
    for path in (pathlib.Path('etc', 'tempest.conf'),
                 pathlib.Path('etc', 'accounts.yaml'),
                 pathlib.Path('.stestr.conf')):
        text = (cloud.tempest / path).read_text()
        files.write(directory / path, text.replace(
            str(cloud.tempest), str(directory)))
    copy.set(**options)
    return copy


def kill(process: subprocess.Popen, signum: int = signal.SIGKILL) -> None:
    """Send a signal to all of a run, and wait until its leader is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signum)
    process.wait()


def ended(process: subprocess.Popen, seconds: float = 0) -> bool:
    """Wait for the end of a run, but no longer than some seconds.

    :returns: Whether the leader of the run has ended.
    """
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return True
    return False


def wait(process: subprocess.Popen, limit: float) -> bool:
    """Wait until all of a run has ended, and kill it after a limit.

    :param limit: seconds for the leader, and as many again for its workers
    :returns: Whether the run ended by itself.
    """
    if not ended(process, limit):
        kill(process)
        return False
    # A worker may still give hosts back when the leader has gone.
    _, alive = psutil.wait_procs(group(process), timeout=limit)
    if alive:
        kill(process)
    return not alive


@contextlib.contextmanager
def _not_outlived(process, grace=_GRACE):
    """End all of a run that is left after the body, first by SIGTERM.

    :param grace: seconds in which it gives hosts back before SIGKILL
    """
    try:
        yield process
    finally:
        alive = group(process)
        if alive:
            try:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                psutil.wait_procs(alive, timeout=grace)
            finally:
                kill(process)


def group(process: subprocess.Popen) -> list[psutil.Process]:
    """Return the processes of a run that have not ended."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            if (os.getpgid(one.pid) == process.pid
                    and one.status() != psutil.STATUS_ZOMBIE):
                found.append(one)
    return found


def counts(log: pathlib.Path) -> dict[str, int]:
    """Read from what a run printed how many tests passed, failed and skipped.

    :returns: {'passed', 'failed' or 'skipped': count}; {} if the run did not
        come to its end.
    """
    return {name.lower(): int(count) for name, count in re.findall(
        r'^ - (Passed|Failed|Skipped): (\d+)', log.read_text(), re.MULTILINE)}


def skips(log: pathlib.Path) -> list[str]:
    """Read from what a run printed the reason of each skip."""
    return re.findall(r' \.\.\. SKIPPED: (.+)$', log.read_text(),
                      re.MULTILINE)


def failures(log: pathlib.Path) -> list[str]:
    """Read from what a run printed the end of each traceback.

    :returns: A list of "class of the exception: message".
    """
    parts = re.split(r'^Captured ', log.read_text(), flags=re.MULTILINE)
    # A run prints each failure twice: at once, and again at its end.
    return list(dict.fromkeys(
        ' '.join(found[-1].split()) for part in parts
        if part.startswith('traceback')
        and (found := _RAISED.findall(part))))
