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

"""Let something fail in the middle of an outage. The cloud has to recover.

These are the faults:

- services are killed and come back;
- the run is interrupted, its disk is full, or its tokens expire;
- a command fails or is cut off;
- a proxy in front of nova-api answers for some seconds as a limiter of rates,
  an ingress or a cell without its database does.

The trial injects a fault soon after the last line of the journal is the intent
of an outage. Otherwise it does so while the outage is given back.

The run may pass or fail. It has to end, and a failure needs a message that
helps. Then the cloud has to be as it was before, at the latest after ``tempest
local-delete recover``. What passes within seconds must keep no host out when
the run has ended. The exit code is 0 if all this is true, and if each run
ended as its fault allows. The full disk is a tmpfs, which only root can mount.
--only can leave it out.
"""

import argparse
import collections.abc
import contextlib
import dataclasses
import errno
import json
import os
import random
import re
import resource
import signal
import subprocess

from keystoneauth1 import exceptions as keystone_exceptions
import prettytable
import psutil

from allinone import api
from allinone import checks
from allinone import deployment
from allinone import errors
from allinone import files
from allinone import lifecycle
from allinone import readiness
from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin import exceptions
from proof.trials import journals
from proof.trials import progress
from proof.trials import recording_proxy
from proof.trials import runs
from proof.trials import seeds
from proof.trials import slow
from proof.trials import snapshot

_SCENARIOS = {
    'compute forced-down': 'test_allocations_removed_by_api',
    'compute stopped': 'test_server_kept_when_placement_unavailable',
    'compute disabled': 'test_allocations_removed_when_service_disabled'}
_OUT = tuple(f'intend {outage}' for outage in _SCENARIOS)
_BACK = tuple(f'{outage}{progress.OF}{progress.BACK}'
              for outage in _SCENARIOS)

_INTERRUPT = 'KeyboardInterrupt'

_POLL = 0.02
_LIMIT = 900
_SETTLE = 90
# If a journal is left, recover has to run, and a long wait is of no use.
_SETTLE_WITH_JOURNAL = 5

# Seconds. What passes passes within the first two. The slow stop command takes
# longer than command_timeout, and stops its host before the watch ends.
_PASSES = (5, 20)
_COMMAND_TIMEOUT, _SLOW_STOP, _STOP_SETTLE, _WATCH = 5, 20, 30, 35

# The messages of these help only the author of the code.
_UNCLEAR = re.compile(
    r'(Attribute|Type|Key|Index|Name|UnboundLocal|Value|Runtime)Error\b'
    r'|[\w.]+$')


class FaultedRun:
    """A run into which the trial injects a fault.

    :param workspace: the workspace of the run
    :param process: what ``Workspace.running`` gave
    :param chance: decides the moments
    :ivar run_ids: ids of the runs whose journals were seen
    """

    def __init__(self, cloud: deployment.Deployment, workspace: runs.Workspace,
                 process: subprocess.Popen, chance: random.Random) -> None:
        self.cloud = cloud
        self.workspace = workspace
        self.process = process
        self.chance = chance
        self.run_ids: set[str] = set()

    def wait_for(self, phase: str) -> bool:
        """Wait until the journal ends in a phase, and some moments more.

        :returns: Whether the run is still there.
        :raises StepFailed: the run hangs before the phase
        """
        folder = self.workspace.journals
        seen = progress.Progress(folder, self.workspace.log)

        def reached():
            self.run_ids |= journals.held(folder).keys()
            # A step may have begun with a step within it.
            return (phase in journals.phases(folder)[-1:]
                    or seen.now().startswith(phase)
                    or runs.ended(self.process))

        readiness.wait(phase, reached, _LIMIT, _POLL)
        return not runs.ended(self.process, self.chance.uniform(0, 0.5))

    def worker(self) -> psutil.Process:
        """Return the process that runs the scenarios, and has the journal."""
        folder = str(self.workspace.journals)
        [worker] = [one for one in runs.group(self.process) if any(
            file.path.startswith(folder) for file in one.open_files())]
        return worker


def _nothing(faulted):
    """The fault is there from the start."""


@contextlib.contextmanager
def _killed(cloud: deployment.Deployment, name):
    """Kill a process, and always start it again after the body."""
    try:
        lifecycle.kill(cloud, [name])
        yield
    finally:
        lifecycle.start(cloud, [name])


def _killing(name):
    def inject(faulted):
        with _killed(faulted.cloud, name):
            runs.ended(faulted.process, faulted.chance.uniform(2, 10))
    return inject


def _to_group(signum):
    return lambda faulted: os.killpg(faulted.process.pid, signum)


def _to_worker(signum):
    return lambda faulted: faulted.worker().send_signal(signum)


def _no_more_bytes(faulted):
    [journal] = faulted.workspace.journals.glob('*.journal')
    size = journal.stat().st_size
    resource.prlimit(faulted.worker().pid, resource.RLIMIT_FSIZE, (size, size))


def _revoke(faulted):
    """Revoke every token that the run has."""
    [run] = journals.held(faulted.workspace.journals)
    identity = api.Admin(faulted.cloud).identity
    for user in identity.get('/users').json()['users']:
        if run.lower() in user['name']:
            for enabled in (False, True):
                identity.patch(f'/users/{user["id"]}',
                               json={'user': {'enabled': enabled}})
    # They cache for minutes which tokens are valid.
    for name in ('nova-api', 'placement-api'):
        with _killed(faulted.cloud, name):
            pass


@contextlib.contextmanager
def _quiet_log(cloud: deployment.Deployment, workspace):
    """Discard the run's own log, which _no_more_bytes would limit, too."""
    workspace.log.symlink_to(os.devnull)
    yield


@contextlib.contextmanager
def _full_disk(cloud: deployment.Deployment, workspace):
    folder = files.directory(workspace.journals)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=16k,mode=0700',
                    'tmpfs', folder], check=True)
    try:
        with contextlib.suppress(OSError):
            (folder / 'filler').write_bytes(bytes(1024 * 1024))
        yield
    finally:
        subprocess.run(['umount', folder], check=True)


@contextlib.contextmanager
def _short_tokens(cloud: deployment.Deployment, workspace):
    """Let tokens expire after 65 s, so that each request gets its own."""
    path = cloud.etc / 'keystone' / 'keystone.conf'
    text = path.read_text()
    try:
        with _killed(cloud, 'keystone'):
            files.write(path, re.sub(r'(?m)^expiration = \d+$',
                                     'expiration = 65', text))
        yield
    finally:
        with _killed(cloud, 'keystone'):
            files.write(path, text)


class _Proxy:
    """A proxy in front of nova-api, which answers itself for some seconds.

    :param answer: the answer
    :param path: answers only requests with this in their URL
    """

    def __init__(self, answer: recording_proxy.Answer, path: str = ''
                 ) -> None:
        self._instead = answer
        self._path = path
        self._is_on = False

    @contextlib.contextmanager
    def around(self, cloud: deployment.Deployment, workspace):
        """Let the requests of a run go through the proxy."""
        recording_proxy.refuse_tls(cloud)
        nova = api.endpoint(cloud, 'compute')

        def answer(method, url):
            return self._instead if (
                self._is_on and url.startswith(nova) and self._path in url
            ) else None

        with recording_proxy.recording(answer) as (url, _):
            recording_proxy.send_through(workspace, url)
            yield

    def inject(self, faulted):
        """Answer in the place of nova-api."""
        self._is_on = True
        try:
            runs.ended(faulted.process, faulted.chance.uniform(*_PASSES))
        finally:
            self._is_on = False


@contextlib.contextmanager
def _slow_stop(cloud: deployment.Deployment, workspace):
    """Cut a stop command off, and let its far side go on."""
    workspace.set(command_timeout=_COMMAND_TIMEOUT,
                  stop_settle_time=_STOP_SETTLE, **slow.options(
                      workspace, _SLOW_STOP, slow.Kind.FAR_SIDE))
    yield


# A service may have been away at a moment when nobody needed it.
_ANY = frozenset({'passed', 'failed', 'skipped'})
_PASSED = frozenset({'passed'})
_FAILED = frozenset({'failed'})
_ENDED = frozenset({'ended'})


@dataclasses.dataclass(frozen=True)
class Fault:
    """One kind of fault.

    :ivar inject: called with a ``FaultedRun`` when a phase is reached
    :ivar around: context manager of the cloud and the workspace, around the
        run
    :ivar phases: phases in which it is injected, one in each try
    :ivar options: options of [local_delete] that the run needs
    :ivar environment: variables that the run needs
    :ivar endings: how a run that it meets may end, as in ``Outcome``
    :ivar needs_root: whether only root can make it
    """

    name: str
    inject: collections.abc.Callable[[FaultedRun], object] = _nothing
    around: collections.abc.Callable[
        [deployment.Deployment, runs.Workspace],
        contextlib.AbstractContextManager] = (
            lambda cloud, workspace: contextlib.nullcontext())
    phases: tuple[str, ...] = _OUT
    options: dict[str, object] = dataclasses.field(default_factory=dict)
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    endings: frozenset[str] = _ANY
    needs_root: bool = False
    #: Whether it passes so soon that the run itself gives every host back.
    passes: bool = False
    #: Seconds in which the services have to stay up after all is well.
    watch: float = 0
    #: What a message of a run that fails must hold: the name of a class, or
    #: words that an operator needs.
    says: tuple[str, ...] = ()


def _answering(name, answer, path=''):
    """Return a fault that a proxy in front of nova-api makes."""
    proxy = _Proxy(answer, path)
    return Fault(f'nova-api answers {name}', proxy.inject, proxy.around,
                 phases=_OUT + _BACK, passes=True)


def _error(status, code, message, **headers):
    """Return an answer in Nova's form."""
    return recording_proxy.Answer(
        status, json.dumps({code: {'code': status, 'message': message}}),
        headers=headers)


def _remedy(command):
    """Return how a message tells the command that puts a host right."""
    _, _, end = exceptions.RestoreFailed.message.partition('%(problem)s')
    return end % {'remedy': command}


FAULTS = (
    Fault('keystone killed, and back', _killing('keystone')),
    Fault('nova-api killed, and back', _killing('nova-api')),
    Fault('placement-api killed, and back', _killing('placement-api')),
    Fault('rabbitmq killed, and back', _killing('rabbitmq')),
    Fault('mariadb killed, and back', _killing('mariadb')),
    Fault('Ctrl-C', _to_group(signal.SIGINT), endings=_ENDED,
          says=(_INTERRUPT,)),
    Fault('SIGTERM to all', _to_group(signal.SIGTERM), endings=_ENDED,
          says=(_INTERRUPT,)),
    Fault('SIGTERM to the worker', _to_worker(signal.SIGTERM), endings=_ENDED,
          says=(_INTERRUPT,)),
    # Its signal, at a moment of the trial's choice.
    Fault('OS_TEST_TIMEOUT', _to_worker(signal.SIGALRM), endings=_FAILED,
          environment={'OS_TEST_TIMEOUT': '900'}, says=('TimeoutException',)),
    Fault('disk of the journal full', around=_full_disk, endings=_FAILED,
          needs_root=True,
          says=(exceptions.JournalUnusable.__name__,
                os.strerror(errno.ENOSPC))),
    # Only an outage with a stop command has more to write than what is undone.
    Fault('journal may not grow', _no_more_bytes, around=_quiet_log,
          endings=_PASSED | _FAILED),
    Fault('tokens of a minute', around=_short_tokens, endings=_PASSED),
    Fault('tokens revoked', _revoke),
    Fault('start command fails', phases=('intend compute stopped',),
          options={'compute_start_command': 'false {host}',
                   'service_up_timeout': 30}, endings=_FAILED,
          says=(_remedy('false compute'),)),
    Fault('stop command cut off, and its far side goes on',
          around=_slow_stop, phases=('intend compute stopped',),
          endings=_FAILED, watch=_WATCH, says=('command_timeout',)),
    _answering('429', _error(429, 'overLimit', 'Too many requests',
                             **{'Retry-After': '2'})),
    _answering('408', recording_proxy.Answer(408, '<h1>408 Request Time-out'
                                             '</h1>', 'text/html')),
    _answering('404 of an ingress', recording_proxy.Answer(
        404, 'default backend - 404', 'text/plain')),
    _answering('401', _error(401, 'error', 'The request you have made '
                             'requires authentication.')),
    _answering('403', _error(403, 'forbidden', 'Policy does not allow this '
                             'request to be performed.')),
    _answering('409', _error(409, 'conflictingRequest', 'Conflict')),
    # Tempest refuses an answer of Nova that tells no microversion.
    _answering('200 for a cell that is down', recording_proxy.Answer(
        200, '{"services": []}', headers={
            'OpenStack-API-Version': f'compute {admin.COMPUTE_MICROVERSION}',
            'X-OpenStack-Nova-API-Version': admin.COMPUTE_MICROVERSION}),
        '/os-services'),
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One try of a fault: the end of the run, and of the cloud."""

    fault: str
    phase: str
    hit: bool
    #: "passed"; "failed"; "skipped" because the guard saw the fault; or
    #: "ended" by a fault that ends runs.
    ending: str
    messages: list[str]
    recover_needed: bool
    problems: list[str]
    #: Traits of earlier runs that Nova brought back.
    ghosts: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the trial."""
    parser.add_argument('--count', type=int, default=1, metavar='N',
                        help='how often each fault is injected (default: 1)')
    parser.add_argument('--only', metavar='REGEX', default='',
                        help='try only faults whose names match (default: '
                             'all)')
    seeds.add_argument(parser, 'the moments')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Run the trial, print its figures, and return the exit code."""
    selected = select(arguments.only)
    folder = files.directory(cloud.state / 'trials' / 'faults')
    outcomes: list[Outcome] = []
    try:
        _try_all(cloud, folder, selected, arguments, outcomes)
    finally:
        files.write(folder / 'faults.json', json.dumps(
            [dataclasses.asdict(outcome) for outcome in outcomes], indent=1))
    return _judge(outcomes)


def select(only: str) -> list[tuple[int, Fault]]:
    """Return the faults whose names match a regular expression.

    :returns: A list of (place in ``FAULTS``, fault).
    :raises BadInput: no fault matches, or one needs root
    """
    try:
        selected = [(place, fault) for place, fault in enumerate(FAULTS)
                    if re.search(only, fault.name)]
    except re.error as error:
        raise errors.BadInput(
            f'--only {only} is no regular expression: {error}') from None
    if not selected:
        raise errors.BadInput(
            f'--only {only} matches no fault; there are: '
            f'{", ".join(fault.name for fault in FAULTS)}')
    for _, fault in selected:
        if fault.needs_root and os.geteuid():
            raise errors.BadInput(
                f'The fault "{fault.name}" needs root: be root, or leave it '
                f"out with --only '^(?!{fault.name})'")
    return selected


def _try_all(cloud: deployment.Deployment, folder, selected, arguments,
             outcomes):
    first = seeds.chosen(arguments)
    before = snapshot.take(cloud)
    for place, fault in selected:
        for seed in range(first, first + arguments.count):
            outcome = _try(cloud, folder, fault, place, seed, before)
            outcomes.append(outcome)
            print(f'{fault.name}: {outcome.phase}: {outcome.ending}, '
                  f'{"" if outcome.recover_needed else "no "}recover needed: '
                  f'{"; ".join(outcome.problems) or "good"}', flush=True)
            if outcome.problems:
                again = seeds.repeat('faults', seed, f"--only '{fault.name}'")
                print(f'     {again}', flush=True)
                # The next fault is not to blame for what stays wrong.
                before = snapshot.take(cloud)


def _try(cloud: deployment.Deployment, folder, fault, place, seed, before):
    # With one seed not all faults come in the same phase.
    phase = fault.phases[(place + seed) % len(fault.phases)]
    workspace = runs.another(
        cloud, folder / re.sub(r'\W+', '-', f'{fault.name}-{seed}'),
        **fault.options)
    log = workspace.directory / 'run.log'
    with fault.around(cloud, workspace):
        with workspace.running(scenario_of(phase), log,
                               **fault.environment) as process:
            faulted = FaultedRun(cloud, workspace, process,
                                 random.Random(seed))
            reached = faulted.wait_for(phase)
            if reached:
                fault.inject(faulted)
            problems = [] if runs.wait(process, _LIMIT) else [
                f'hangs: {workspace.directory}']
        ending = _ending(fault, log)
        hit = is_hit(fault, reached, ending)
        if hit:
            problems += unexpected(fault, ending)
        messages = runs.failures(log)
        if fault.passes:
            problems += [
                f'{host} was out when the run had ended'
                for _, host in sorted(journals.hosts_out(workspace.journals))]
        problems += unclear(fault, ending, messages)
        well = _Well(cloud, before, faulted.run_ids)
        needed, wrong = _get_well(well, workspace, log)
        wrong += before.fallen(cloud, fault.watch) if fault.watch else []
    return Outcome(fault.name, phase, hit, ending, messages, needed,
                   problems + wrong, well.ghosts)


def scenario_of(phase: str) -> str:
    """Return the scenario that comes to a phase."""
    return next(scenario for outage, scenario in _SCENARIOS.items()
                if outage in phase)


def _ending(fault, log):
    found = runs.counts(log)
    if found.get('failed', 1):
        return 'ended' if fault.endings == _ENDED else 'failed'
    return 'passed' if found['passed'] else 'skipped'


def is_hit(fault: Fault, reached: bool, ending: str) -> bool:
    """Tell whether a run met its fault.

    :param reached: whether the run came to the phase of the fault
    :param ending: as in ``Outcome``
    """
    # A run that does not skip meets a fault that is there from the start.
    return ending != 'skipped' if fault.inject is _nothing else reached


def unexpected(fault: Fault, ending: str) -> list[str]:
    """Return a line if a run did not end as its fault allows.

    :param ending: as in ``Outcome``
    """
    return [] if ending in fault.endings else [
        f'{ending}, but this fault lets a run end only as '
        f'{" or ".join(sorted(fault.endings))}']


def unclear(fault: Fault, ending: str,
            messages: collections.abc.Collection[str]) -> list[str]:
    """Return a line for each message that is missing, or helps nobody.

    :param ending: as in ``Outcome``
    :param messages: what ``runs.failures`` found
    """
    # Tempest's own message of a time-out or Ctrl-C is only a name.
    found = [f'says nothing that helps: {message}' for message in messages
             if _UNCLEAR.match(message)
             and not (fault.says and _says(fault, message))]
    if ending == 'failed' and not messages:
        found.append('failed without a message')
    if ending == 'failed' and not any(
            _says(fault, message) for message in messages or ['']):
        found.append(f'does not say {", ".join(fault.says)}: {messages}')
    return found


def _says(fault, message):
    return all(part in message for part in fault.says)


def _get_well(well, workspace, log):
    """Wait until the cloud is as before, and run recover if it is needed.

    :returns: Whether recover was needed, and a list of problems.
    """
    held = journals.held(workspace.journals)
    left = well.settle(_SETTLE_WITH_JOURNAL if held else _SETTLE)
    if not left and not held:
        return False, []
    _mend(workspace)
    problems = []
    if workspace.command('recover', log=log):
        problems.append(f'recover failed: {log}')
    problems += well.settle(_SETTLE)
    if journals.held(workspace.journals):
        problems.append(f'the journal is still there: {workspace.journals}')
    # A journal may be left when the cloud has nothing to undo any more.
    return bool(left), problems


def _mend(workspace):
    """Do as the message of a failed start command says."""
    text = workspace.configuration.read_text()
    files.write(workspace.configuration, text.replace(
        'compute_start_command = false {host}\n', ''))


class _Well:
    """The cloud as it was before a run.

    :param before: a ``Snapshot``
    :param run_ids: as for ``snapshot.split``
    :ivar ghosts: traits of earlier runs that differed in the last reading
    """

    def __init__(self, cloud: deployment.Deployment, before, run_ids) -> None:
        self.ghosts: list[str] = []
        self._cloud = cloud
        self._before = before
        self._run_ids = run_ids

    def settle(self, limit):
        """Return in what the cloud still differs after a limit in seconds."""
        return snapshot.settle(self._differences, limit)

    def _differences(self):
        try:
            if not checks.placement_known(api.Admin(self._cloud)):
                return ['nova-api does not know Placement']
            differences = self._before.differences(
                snapshot.take(self._cloud))
        except keystone_exceptions.ClientException as error:
            return [f'an API is away: {error}']
        left, self.ghosts = snapshot.split(differences, self._run_ids)
        return left


def _judge(outcomes):
    table = prettytable.PrettyTable(
        ('Fault', 'Tried', 'Passed', 'Skipped', 'Failed', 'Ended',
         'Well by itself', 'Well with recover', 'Good'), align='l')
    for name in dict.fromkeys(one.fault for one in outcomes):
        some = [one for one in outcomes if one.fault == name]
        well = [one for one in some if not one.problems]
        table.add_row((
            name, len(some),
            *(sum(one.ending == ending for one in some)
              for ending in ('passed', 'skipped', 'failed', 'ended')),
            sum(not one.recover_needed for one in well),
            sum(one.recover_needed for one in well), len(well)))
    print(table)
    missed = [one.fault for one in outcomes if not one.hit]
    if missed:
        print(f'The run did not meet the fault: {", ".join(missed)}')
    good = sum(not one.problems for one in outcomes)
    print(f'{good} of {len(outcomes)} faults survived')
    return 1 if missed or good < len(outcomes) else 0
