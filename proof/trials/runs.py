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

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess

import psutil

from allinone import files
from allinone import supervision

SCENARIOS = r'^local_delete_tempest_plugin\.'

# For giving back what is out: it may take the start of a service.
_GRACE = 120

# A traceback's last line, and what follows it of a message of several lines,
# which is not indented. Lines of code are indented as much, but have spaces.
_RAISED = re.compile(r'^    ((?:\w+\.)*[A-Z]\w*(?:: .*)?\n(?:\S.*\n)*)',
                     re.MULTILINE)


class Workspace:
    """A workspace of Tempest: the deployment's own, or a copy of it.

    :param directory: where it lies
    """

    def __init__(self, directory):
        self.directory = directory

    @property
    def configuration(self):
        return self.directory / 'etc' / 'tempest.conf'

    @property
    def log(self):
        """What the run itself writes, at the level of debug."""
        return self.directory / 'logs' / 'tempest.log'

    @property
    def journals(self):
        return self.directory / 'tempest_lock' / 'local-delete'

    def start(self, regex, log, **environment):
        """Start the scenarios; they have a process group of their own.

        :param log: file that gets what they print
        :returns: A ``subprocess.Popen``.
        """
        return self._start(log, environment, 'run', '--serial', '--regex',
                           regex)

    def running(self, regex, log, **environment):
        """Start the scenarios; none of them lives longer than the body.

        :param log: file that gets what they print
        :returns: A context manager that gives a ``subprocess.Popen``.
        """
        return _not_outlived(self.start(regex, log, **environment))

    @contextlib.contextmanager
    def recorded(self, regex, stream, log, **environment):
        """Start the scenarios, as ``running`` does, and record a stream.

        :param stream: file that gets their results as subunit has them
        :param log: file that gets what they print beside that
        :returns: A context manager that gives a ``subprocess.Popen``.
        """
        with stream.open('wb') as output, _not_outlived(self._start(
                log, environment, 'run', '--serial', '--subunit', '--regex',
                regex, stdout=output)) as process:
            yield process

    def command(self, *arguments, log, debug=False, **environment):
        """Run ``tempest local-delete ...`` to its end; return its code."""
        with _not_outlived(self._start(
                log, environment, *['--debug'] * debug, 'local-delete',
                *arguments)) as process:
            return process.wait()

    def wait(self, process, log, limit):
        """Wait until a run has ended; one that hangs is killed and undone.

        :param process: what ``start`` returned, or ``running`` gave
        :param log: file that gets what ``recover`` prints
        :param limit: seconds
        :returns: A list of problems.
        """
        if wait(process, limit):
            return []
        problems = [f'hangs: {log}']
        if self.command('recover', log=log):
            problems.append(f'recover failed: {log}')
        return problems

    def _start(self, log, environment, *arguments, stdout=None):
        tempest = supervision.tool('tempest')
        path = os.pathsep.join((str(tempest.parent), os.environ['PATH']))
        with log.open('a') as output:
            return subprocess.Popen(
                [tempest, *arguments], cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=stdout or output,
                stderr=output, start_new_session=True,
                env={**os.environ, 'PATH': path,
                     'TEMPEST_CONFIG_DIR': str(self.directory / 'etc'),
                     **environment})


def another(cloud, directory, **options):
    """Make a workspace as another machine would have it: no lock is shared.

    :param directory: where it will lie; what is there is removed
    :param options: of [local_delete], other than the deployment's
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
    if options:
        with copy.configuration.open('a') as configuration:
            # The last of several values counts.
            configuration.write('\n[local_delete]\n' + ''.join(
                f'{name} = {value}\n' for name, value in options.items()))
    return copy


def kill(process, signum=signal.SIGKILL):
    """Send a signal to all of a run, and wait until its leader is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signum)
    process.wait()


def ended(process, seconds=0):
    """Wait for the end of a run, but no longer than some seconds.

    :returns: Whether its leader has ended.
    """
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return True
    return False


def wait(process, limit):
    """Wait until nothing of a run is left; kill it where that takes too long.

    :param limit: seconds; for what outlives its leader, as many again
    :returns: Whether it ended by itself.
    """
    if not ended(process, limit):
        kill(process)
        return False
    # Its worker may go on giving back after the leader has gone.
    _, alive = psutil.wait_procs(_group(process), timeout=limit)
    if alive:
        kill(process)
    return not alive


@contextlib.contextmanager
def _not_outlived(process, grace=_GRACE):
    """End all of a run that still lives after the body, the gentle way first.

    :param grace: seconds that it has for giving back
    """
    try:
        yield process
    finally:
        alive = _group(process)
        if alive:
            try:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                psutil.wait_procs(alive, timeout=grace)
            finally:
                kill(process)


def _group(process):
    """Return the processes of a run that live."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            if (os.getpgid(one.pid) == process.pid
                    and one.status() != psutil.STATUS_ZOMBIE):
                found.append(one)
    return found


def counts(log):
    """Read off a run's log how many passed, failed and skipped."""
    return {name.lower(): int(count) for name, count in re.findall(
        r'^ - (Passed|Failed|Skipped): (\d+)', log.read_text(), re.MULTILINE)}


def skips(log):
    """Read off a run's log why scenarios were skipped.

    :returns: A list of reasons.
    """
    return re.findall(r' \.\.\. SKIPPED: (.+)$', log.read_text(),
                      re.MULTILINE)


def failures(log):
    """Read off a run's log what its tracebacks end in.

    :returns: A list of str, each "class of the exception: message".
    """
    parts = re.split(r'^Captured ', log.read_text(), flags=re.MULTILINE)
    # A run shows its failures twice: as they come, and all at the end.
    return list(dict.fromkeys(
        ' '.join(found[-1].split()) for part in parts
        if part.startswith('traceback')
        and (found := _RAISED.findall(part))))
