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


"""Let something fail in the middle of an outage; the cloud must get well.

Services are killed and come back, the run is interrupted, its disk is full,
its tokens are over, a start command fails. A fault strikes when the journal's
last line is the intent of an outage, and some moments later. The run may pass
or fail, but must end, and with a message that tells. Then the cloud must be
what it was, at most after ``tempest local-delete recover``. The exit code is 1
unless it always is, and each run ended as its fault lets it. The full disk
takes root, since a tmpfs is mounted; --only can leave it out.
"""

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
import typing

from keystoneauth1 import exceptions as keystone_exceptions
import prettytable
import psutil

from allinone import api
from allinone import checks
from allinone import errors
from allinone import files
from allinone import lifecycle
from allinone import readiness
from local_delete_tempest_plugin import exceptions
from proof.trials import journals
from proof.trials import runs
from proof.trials import snapshot

_SCENARIOS = {
    'intend compute ForcedDown': 'test_allocations_removed_by_api',
    'intend compute Stopped': 'test_server_kept_when_placement_unavailable',
    'intend compute Disabled':
        'test_allocations_removed_when_service_disabled'}

_INTERRUPT = 'KeyboardInterrupt'

_POLL = 0.02
_LIMIT = 900
_SETTLE = 90
# With a journal left there is something to recover: no need to wait for more.
_SETTLE_WITH_JOURNAL = 5

# What these say is for who wrote the code, not for who runs it.
_UNCLEAR = re.compile(
    r'(Attribute|Type|Key|Index|Name|UnboundLocal|Value|Runtime)Error\b'
    r'|[\w.]+$')


class Struck:
    """A run that a fault strikes.

    :param process: what ``Workspace.running`` gave
    :ivar run_ids: of the runs whose journals were seen
    """

    def __init__(self, cloud, workspace, process, chance):
        self.cloud = cloud
        self.workspace = workspace
        self.process = process
        self.chance = chance
        self.run_ids = set()

    def wait_for(self, phase):
        """Wait until the journal ends in a phase; False: the run ended."""
        folder = self.workspace.journals

        def reached():
            self.run_ids |= journals.held(folder).keys()
            return (phase in journals.phases(folder)[-1:]
                    or runs.ended(self.process))

        readiness.wait(phase, reached, _LIMIT, _POLL)
        return not runs.ended(self.process, self.chance.uniform(0, 0.5))

    def processes(self):
        """Return all processes of the run."""
        leader = psutil.Process(self.process.pid)
        return [leader, *leader.children(recursive=True)]

    def worker(self):
        """Return the process that runs the scenarios: the journal's."""
        folder = str(self.workspace.journals)
        [worker] = [one for one in self.processes() if any(
            file.path.startswith(folder) for file in one.open_files())]
        return worker


def _nothing(struck):
    """The fault is there from the start."""


@contextlib.contextmanager
def _killed(cloud, name):
    """Kill a process; it is started again after the body, whatever happens."""
    try:
        lifecycle.kill(cloud, [name])
        yield
    finally:
        lifecycle.start(cloud, [name])


def _killing(name):
    def strike(struck):
        with _killed(struck.cloud, name):
            runs.ended(struck.process, struck.chance.uniform(2, 10))
    return strike


def _to_group(signum):
    return lambda struck: os.killpg(struck.process.pid, signum)


def _to_worker(signum):
    return lambda struck: struck.worker().send_signal(signum)


def _no_more_bytes(struck):
    [journal] = struck.workspace.journals.glob('*.journal')
    size = journal.stat().st_size
    resource.prlimit(struck.worker().pid, resource.RLIMIT_FSIZE, (size, size))


def _revoke(struck):
    """Revoke every token that the run has."""
    [run] = journals.held(struck.workspace.journals)
    identity = api.Admin(struck.cloud).identity
    for user in identity.get('/users').json()['users']:
        if run.lower() in user['name']:
            for enabled in (False, True):
                identity.patch(f'/users/{user["id"]}',
                               json={'user': {'enabled': enabled}})
    # They remember for minutes which tokens were valid.
    for name in ('nova-api', 'placement-api'):
        with _killed(struck.cloud, name):
            pass


@contextlib.contextmanager
def _quiet_log(cloud, workspace):
    """Send the run's own log where it never grows: see _no_more_bytes."""
    workspace.log.symlink_to(os.devnull)
    yield


@contextlib.contextmanager
def _full_disk(cloud, workspace):
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
def _short_tokens(cloud, workspace):
    """Tokens of 65 s: too short to use twice, so each request gets its own."""
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


# What comes back may have been away at a moment when nobody needed it.
_ANY = frozenset({'passed', 'failed', 'skipped'})
_PASSED = frozenset({'passed'})
_FAILED = frozenset({'failed'})
_ENDED = frozenset({'ended'})


@dataclasses.dataclass(frozen=True)
class Fault:
    """One kind of fault.

    :ivar strike: called with a ``Struck`` once a phase is reached
    :ivar around: context manager of the cloud and the workspace, around the
        run
    :ivar endings: how a run that it strikes may end, as in ``Outcome``
    :ivar needs_root: whether only root can make it
    """

    name: str
    strike: typing.Callable = _nothing
    around: typing.Callable = lambda cloud, workspace: contextlib.nullcontext()
    phases: tuple = tuple(_SCENARIOS)
    options: dict = dataclasses.field(default_factory=dict)
    environment: dict = dataclasses.field(default_factory=dict)
    endings: frozenset = _ANY
    needs_root: bool = False
    #: What a message of a run that fails must hold: the name of a class, or
    #: what an operator has to know.
    says: tuple[str, ...] = ()


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
    # The signal by which it strikes, at a moment that we choose.
    Fault('OS_TEST_TIMEOUT', _to_worker(signal.SIGALRM), endings=_FAILED,
          environment={'OS_TEST_TIMEOUT': '900'}, says=('TimeoutException',)),
    Fault('disk of the journal full', around=_full_disk, endings=_FAILED,
          needs_root=True,
          says=(exceptions.JournalUnusable.__name__,
                os.strerror(errno.ENOSPC))),
    Fault('journal may not grow', _no_more_bytes, around=_quiet_log,
          endings=_FAILED),
    Fault('tokens of a minute', around=_short_tokens, endings=_PASSED),
    Fault('tokens revoked', _revoke),
    Fault('start command fails', phases=('intend compute Stopped',),
          options={'compute_start_command': 'false {host}',
                   'service_up_timeout': 30}, endings=_FAILED,
          says=(_remedy('false compute'),)),
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One fault, and what became of run and cloud."""

    fault: str
    phase: str
    hit: bool
    #: "passed", "failed", "skipped" since the guard saw the fault, or
    #: "ended" by the fault, as it was meant to.
    ending: str
    messages: list[str]
    recover_needed: bool
    problems: list[str]
    #: Traits of earlier runs that Nova brought back.
    ghosts: list[str]


def add_arguments(parser):
    parser.add_argument('--count', type=int, default=3, metavar='N',
                        help='how often each fault strikes (default: 3)')
    parser.add_argument('--only', metavar='REGEX', default='',
                        help='faults to try (default: all)')
    parser.add_argument('--seed', type=int, default=1, metavar='N',
                        help='of the moments (default: 1)')


def run(cloud, arguments):
    selected = select(arguments.only)
    folder = files.directory(cloud.state / 'trials' / 'faults')
    outcomes = []
    try:
        _try_all(cloud, folder, selected, arguments, outcomes)
    finally:
        files.write(folder / 'faults.json', json.dumps(
            [dataclasses.asdict(outcome) for outcome in outcomes], indent=1))
    return _judge(outcomes)


def select(only):
    """Return the faults to try.

    :param only: regular expression; their names match
    :returns: A list of (place in ``FAULTS``, ``Fault``).
    :raises BadInput: there is none, or one of them takes root
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
                f'The fault "{fault.name}" takes root: be root, or leave it '
                f'out with --only \'^(?!{fault.name})\'')
    return selected


def _try_all(cloud, folder, selected, arguments, outcomes):
    chance = random.Random(arguments.seed)
    before = snapshot.take(cloud)
    for place, fault in selected:
        for number in range(place, place + arguments.count):
            outcome = _try(cloud, folder, fault, number, chance, before)
            outcomes.append(outcome)
            print(f'{fault.name}: {outcome.phase}: {outcome.ending}, '
                  f'{"" if outcome.recover_needed else "no "}recover needed: '
                  f'{"; ".join(outcome.problems) or "good"}', flush=True)
            if outcome.problems:
                # What stays wrong is not the next fault's.
                before = snapshot.take(cloud)


def _try(cloud, folder, fault, number, chance, before):
    phase = fault.phases[number % len(fault.phases)]
    workspace = runs.another(
        cloud, folder / re.sub(r'\W+', '-', f'{fault.name}-{number}'),
        **fault.options)
    log = workspace.directory / 'run.log'
    with fault.around(cloud, workspace):
        with workspace.running(_SCENARIOS[phase], log,
                               **fault.environment) as process:
            struck = Struck(cloud, workspace, process, chance)
            reached = struck.wait_for(phase)
            if reached:
                fault.strike(struck)
            problems = [] if runs.wait(process, _LIMIT) else [
                f'hangs: {workspace.directory}']
        ending = _ending(fault, log)
        hit = is_hit(fault, reached, ending)
        if hit:
            problems += unexpected(fault, ending)
        messages = runs.failures(log)
        problems += unclear(fault, ending, messages)
        well = _Well(cloud, before, struck.run_ids)
        needed, wrong = _get_well(well, workspace, log)
    return Outcome(fault.name, phase, hit, ending, messages, needed,
                   problems + wrong, well.ghosts)


def _ending(fault, log):
    found = runs.counts(log)
    if found.get('failed', 1):
        return 'ended' if fault.endings == _ENDED else 'failed'
    return 'passed' if found['passed'] else 'skipped'


def is_hit(fault, reached, ending):
    """Tell whether a run met its fault.

    :param reached: whether the phase came in which it strikes
    :param ending: as in ``Outcome``
    """
    # What is there from the start is met by whatever does not skip.
    return ending != 'skipped' if fault.strike is _nothing else reached


def unexpected(fault, ending):
    """Return a line where a run ended as its fault cannot make it end."""
    return [] if ending in fault.endings else [
        f'{ending}, but this fault lets a run end only as '
        f'{" or ".join(sorted(fault.endings))}']


def unclear(fault, ending, messages):
    """Return a line for whatever a run did not say as it should.

    :param fault: a ``Fault``
    :param ending: as in ``Outcome``
    :param messages: what ``runs.failures`` found
    """
    # What Tempest itself says of a time-out and Ctrl-C is but a name.
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
    """Wait until the cloud is what it was, with recover where that is needed.

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
    # A journal that outlived what it tells of is no work for recover.
    return bool(left), problems


def _mend(workspace):
    """Do as the message says where a start command failed."""
    text = workspace.configuration.read_text()
    files.write(workspace.configuration, text.replace(
        'compute_start_command = false {host}\n', ''))


class _Well:
    """The cloud as it was before a run.

    :param before: a ``Snapshot``
    :param run_ids: as for ``snapshot.split``
    :ivar ghosts: traits of earlier runs, which differ when it was last read
    """

    def __init__(self, cloud, before, run_ids):
        self.ghosts = []
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
