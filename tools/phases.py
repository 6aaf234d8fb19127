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

"""Running phases side by side, and showing what they do.

Only the standard library is used here, because the first phase makes .venv.
"""

import collections
import collections.abc
import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import types
import typing

ROOT = pathlib.Path(__file__).parents[1]

# Signals that end a command, and the signal that tells of a child's end.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WAITED = (*_ENDING, signal.SIGCHLD)

# Seconds between two looks at what the phases print.
_TICK = 1

# Seconds in which a phase that is ended gives back all that it took. A start
# of nova-compute may take a minute on a busy machine.
_GRACE = 300

# Bytes at the end of a log that hold the last events.
_TAIL = 8192

# Lines of the log of a failed phase that are printed.
_LAST_LINES = 25

# What a test has sent, as Tempest's log tells it.
_REQUEST = re.compile(r' Request \((\w+:\w+)\): ')
# How a test has ended, as "tempest run" prints it.
_TEST = re.compile(r'^\{\d+\} .* \.\.\. (?:ok|FAILED|SKIPPED|expected)',
                   re.MULTILINE)


#: Gets the log of a phase whose command has passed. Returns a problem or None.
Check = collections.abc.Callable[[pathlib.Path], str | None]


def nothing(log: pathlib.Path) -> None:
    """Check nothing."""


@dataclasses.dataclass(frozen=True)
class Phase:
    """One command. All that it prints goes to the log ``name``.log."""

    name: str
    command: collections.abc.Sequence[str]
    #: Done once the lane of this phase has ended, or is ended.
    undo: 'Phase | None' = None
    #: Whether what it prints is also shown.
    echo: bool = False
    #: Tempest's log, which names the tests that run.
    tempest_log: pathlib.Path | None = None
    check: Check = nothing
    #: Whether the rest of its lane follows, even if this phase fails.
    goes_on: bool = False
    #: Variables, beside those of this process.
    environment: collections.abc.Mapping[str, str] = dataclasses.field(
        default_factory=dict)


class PhaseFailed(Exception):
    """A phase failed, and all phases were ended.

    :param code: the exit code of the phase
    """

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


class Interrupted(Exception):
    """A signal arrived.

    :param signum: the signal
    """

    def __init__(self, signum: int) -> None:
        super().__init__()
        self.signum = signum


class _Running:
    """A phase that has begun.

    :param log: gets what the phase prints
    """

    def __init__(self, phase: Phase, log: pathlib.Path) -> None:
        self.phase = phase
        self.log = log
        self.begin = time.monotonic()
        self._shown = 0
        self._requests = _size(phase.tempest_log)
        with log.open('wb') as output:
            # A group of its own, so that a signal reaches all of the phase,
            # and Ctrl-C reaches only us.
            self.process = subprocess.Popen(
                phase.command, cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, preexec_fn=_begin,
                env={**os.environ, **phase.environment})

    @property
    def seconds(self) -> int:
        """Seconds since the begin."""
        return round(time.monotonic() - self.begin)

    def lines(self) -> str:
        """Return the whole lines that were printed since the last call."""
        with self.log.open('rb') as log:
            log.seek(self._shown)
            text, end, _ = log.read().rpartition(b'\n')
        self._shown += len(text) + len(end)
        return (text + end).decode(errors='replace')

    def doing(self) -> str:
        """Say in a line what the phase does: its tests, or its last line."""
        tests = _requests(self.phase.tempest_log, self._requests)
        if tests:
            ended = len(_TEST.findall(self.log.read_text(errors='replace')))
            return f'{ended} ended; now {", ".join(tests)}'
        lines = [line for line in _tail(self.log).splitlines()
                 if line.strip()]
        return lines[-1].strip() if lines else ''


class Phases(contextlib.AbstractContextManager):
    """Runs phases, and ends at the end all that they began.

    :param results: directory of the logs
    :param output: where the phases are shown
    """

    def __init__(self, results: pathlib.Path,
                 output: typing.TextIO = sys.stdout) -> None:
        self.results = results
        #: (name, exit code, log) of each phase that ended by itself.
        self.ended: list[tuple[str, int, pathlib.Path]] = []
        self._running: dict[int, _Running] = {}
        self._undos: dict[int, list[Phase]] = {}
        self._screen = _Screen(output)
        self._waited = {*_WAITED}

    def __enter__(self) -> 'Phases':
        self.results.mkdir(parents=True, exist_ok=True)
        for signum in _ENDING:
            if signum == signal.SIGHUP and (
                    signal.getsignal(signum) == signal.SIG_IGN):
                # The user wants that, and says so with "nohup".
                self._waited.remove(signum)
            else:
                # A shell lets what it starts in the background ignore SIGINT.
                signal.signal(signum, signal.SIG_DFL)
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, self._waited)
        return self

    def __exit__(self, kind: type[BaseException] | None,
                 error: BaseException | None,
                 traceback: types.TracebackType | None) -> None:
        self._end(error.signum if isinstance(error, Interrupted)
                  else signal.SIGTERM)
        # Neither a signal nor a failure cuts the clean-up short.
        self._run({number: collections.deque() for number in self._undos},
                  interruptible=False)
        self._screen.draw(())
        while signal.sigtimedwait(self._waited, 0):
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def run(self, *lanes: collections.abc.Sequence[Phase],
            together: bool = True, at_once: int | None = None) -> None:
        """Run lanes side by side, and the phases of a lane in their order.

        :param together: whether the first failure ends all lanes; otherwise
            it ends its own lane
        :param at_once: how many lanes run at most; the next one begins when
            one of them has ended; None for all
        :raises PhaseFailed: a phase failed
        :raises Interrupted: SIGINT, SIGTERM or SIGHUP arrived
        """
        before = len(self.ended)
        self._run(dict(enumerate(map(collections.deque, lanes))), together,
                  at_once=at_once)
        self._screen.draw(())
        for _, code, _ in self.ended[before:]:
            if code:
                raise PhaseFailed(code)

    def show(self, text: str = '') -> None:
        """Print text beside the phases."""
        self._screen.show(text)

    def _run(self, waiting, together=False, interruptible=True, at_once=None):
        """Run lanes: {number: the phases that wait}."""
        while waiting or self._running:
            for number in [*waiting][:at_once]:
                if number not in self._running:
                    self._next(number, waiting)
            if not self._running:
                continue
            signum = self._wait()
            if signum and interruptible:
                raise Interrupted(signum)
            for number, one in [*self._running.items()]:
                if one.process.poll() is not None:
                    code = self._finish(number, one)
                    if code and together:
                        raise PhaseFailed(code)
                    if code and not one.phase.goes_on:
                        waiting[number].clear()

    def _next(self, number, waiting):
        """Begin the next phase of a lane."""
        if waiting[number]:
            phase = waiting[number].popleft()
            if phase.undo:
                self._undos.setdefault(number, []).append(phase.undo)
            self._screen.show(f'=== {phase.name}')
            self._running[number] = _Running(
                phase, self.results / f'{phase.name}.log')
        elif self._undos.get(number):
            waiting[number].append(self._undos[number].pop())
        else:
            del waiting[number]

    def _wait(self):
        """Wait for the end of a child, for a tick, or for another signal.

        :returns: The other signal, or None.
        """
        self._screen.draw(self._running.values())
        arrived = signal.sigtimedwait(self._waited, _TICK)
        self._echo()
        if arrived and arrived.si_signo != signal.SIGCHLD:
            return arrived.si_signo
        return None

    def _echo(self):
        for one in self._running.values():
            lines = one.lines() if one.phase.echo else ''
            if lines:
                self._screen.show(lines.rstrip('\n'))

    def _finish(self, number, one):
        """Judge a phase whose command has ended, and return its code."""
        self._echo()
        del self._running[number]
        code = one.process.returncode
        if code < 0:
            code = 128 - code
        problem = None if code else one.phase.check(one.log)
        code = code or int(bool(problem))
        self.ended.append((one.phase.name, code, one.log))
        if not code:
            self._screen.show(f'=== {one.phase.name}: {one.seconds} s')
            return 0
        end = _tail(one.log).splitlines()[-_LAST_LINES:]
        self._screen.show('\n'.join([
            *([] if one.phase.echo else end), *([problem] if problem else []),
            f'=== {one.phase.name} FAILED after {one.seconds} s; see '
            f'{one.log}']))
        return code

    def _end(self, signum):
        """End all phases that run, and wait until they have restored."""
        if not self._running:
            return
        self._screen.show('=== Ending ' + ', '.join(
            one.phase.name for one in self._running.values()))
        for each in (signum, signal.SIGKILL):
            groups = {one.process.pid for one in self._running.values()}
            for group in groups:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, each)
            limit = time.monotonic() + _GRACE
            while _alive(groups) and time.monotonic() < limit:
                self._wait()
                for one in self._running.values():
                    one.process.poll()
            if not _alive(groups):
                break
        self._running = {}


class _Screen:
    """Shows lines, and below them on a terminal what runs now."""

    def __init__(self, output: typing.TextIO) -> None:
        self._output = output
        self._fancy = (output.isatty()
                       and os.environ.get('TERM', 'dumb') != 'dumb')
        self._drawn: list[str] = []

    def show(self, text: str) -> None:
        """Print lines that stay."""
        drawn = self._drawn
        self._replace([])
        self._write(text + '\n')
        self._replace(drawn)

    def draw(self, running: collections.abc.Iterable[_Running]) -> None:
        """Show what runs, a line for each phase."""
        if not self._fancy:
            return
        width = shutil.get_terminal_size().columns - 1
        self._replace([
            f'{one.phase.name} {one.seconds // 60}:{one.seconds % 60:02} '
            f'{one.doing()}'[:width] for one in running])

    def _replace(self, lines):
        if self._drawn:
            self._write(f'\x1b[{len(self._drawn)}F\x1b[J')
        if lines:
            self._write(''.join(f'{line}\n' for line in lines))
        self._drawn = lines

    def _write(self, text):
        # The terminal, or the other end of the pipe, may be gone. What was
        # begun is ended all the same.
        with contextlib.suppress(OSError):
            self._output.write(text)
            self._output.flush()


def main(run: Phases, do: collections.abc.Callable[[], int]) -> int:
    """Do what a command does, end all that it began, and return its exit code.

    :param run: runs the phases
    :param do: runs phases, and returns the exit code
    """
    try:
        with run:
            return do()
    except PhaseFailed as failed:
        return failed.code
    except Interrupted as interrupted:
        return 128 + interrupted.signum


def _begin():
    """Prepare a child: a group of its own, and no signal blocked."""
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED)


def _alive(groups: set[int]) -> bool:
    """Tell whether a process is left in one of the groups."""
    return any(group in groups for group in _groups())


def _groups() -> collections.abc.Iterator[int]:
    """Yield the group of each process of the machine that has not ended."""
    for path in pathlib.Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError):
            # The name before, in parentheses, may hold anything.
            state, _, group = path.read_text(
                errors='replace').rpartition(')')[2].split()[:3]
            if state != 'Z':
                yield int(group)


def _size(path: pathlib.Path | None) -> int:
    return path.stat().st_size if path and path.exists() else 0


def _tail(path: pathlib.Path, begin: int = 0) -> str:
    """Return the end of a log, which may be long."""
    with path.open('rb') as log:
        log.seek(max(begin, _size(path) - _TAIL))
        return log.read().decode(errors='replace')


def _requests(path: pathlib.Path | None, begin: int) -> list[str]:
    """Return the tests that last sent a request, "Class:test"."""
    if not path or _size(path) <= begin:
        return []
    return [*dict.fromkeys(_REQUEST.findall(_tail(path, begin)))][-3:]
