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
unless it always is.
"""

import contextlib
import dataclasses
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
from allinone.trials import journals
from allinone.trials import runs
from allinone.trials import snapshot

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

    :param process: what ``Workspace.start`` returned
    """

    def __init__(self, cloud, workspace, process, chance):
        self.cloud = cloud
        self.workspace = workspace
        self.process = process
        self.chance = chance

    def wait_for(self, phase):
        """Wait until the journal ends in a phase; False: the run ended."""
        while phase not in journals.phases(self.workspace.journals)[-1:]:
            if self.ended(_POLL):
                return False
        return not self.ended(self.chance.uniform(0, 0.5))

    def ended(self, seconds):
        """Wait for the end of the run, but no longer than that."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
            return True
        return False

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


def _killing(name):
    def strike(struck):
        lifecycle.kill(struck.cloud, [name])
        struck.ended(struck.chance.uniform(2, 10))
        lifecycle.start(struck.cloud, [name])
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
        lifecycle.kill(struck.cloud, [name])
        lifecycle.start(struck.cloud, [name])


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
    """Tokens of 65 s; Tempest renews each in its last 60."""
    path = cloud.etc / 'keystone' / 'keystone.conf'
    text = path.read_text()

    def restart():
        lifecycle.kill(cloud, ['keystone'])
        lifecycle.start(cloud, ['keystone'])
    files.write(path, re.sub(r'(?m)^expiration = \d+$', 'expiration = 65',
                             text))
    restart()
    try:
        yield
    finally:
        files.write(path, text)
        restart()


@dataclasses.dataclass(frozen=True)
class Fault:
    """One kind of fault.

    :ivar strike: called with a ``Struck`` once a phase is reached
    :ivar around: context manager of the cloud and the workspace, around the
        run
    :ivar ends: whether it is meant to end the run
    """

    name: str
    strike: typing.Callable = _nothing
    around: typing.Callable = lambda cloud, workspace: contextlib.nullcontext()
    phases: tuple = tuple(_SCENARIOS)
    options: dict = dataclasses.field(default_factory=dict)
    environment: dict = dataclasses.field(default_factory=dict)
    ends: bool = False
    #: What the message of a run that fails must hold.
    says: str = ''


FAULTS = (
    Fault('keystone killed, and back', _killing('keystone')),
    Fault('nova-api killed, and back', _killing('nova-api')),
    Fault('placement-api killed, and back', _killing('placement-api')),
    Fault('rabbitmq killed, and back', _killing('rabbitmq')),
    Fault('mariadb killed, and back', _killing('mariadb')),
    Fault('Ctrl-C', _to_group(signal.SIGINT), ends=True, says=_INTERRUPT),
    Fault('SIGTERM to all', _to_group(signal.SIGTERM), ends=True,
          says=_INTERRUPT),
    Fault('SIGTERM to the worker', _to_worker(signal.SIGTERM), ends=True,
          says=_INTERRUPT),
    # The signal by which it strikes, at a moment that we choose.
    Fault('OS_TEST_TIMEOUT', _to_worker(signal.SIGALRM),
          environment={'OS_TEST_TIMEOUT': '900'}, says='TimeoutException'),
    Fault('disk of the journal full', around=_full_disk,
          says='cannot be written (No space left on device), so nothing is '
               'changed'),
    Fault('journal may not grow', _no_more_bytes, around=_quiet_log),
    Fault('tokens expire', around=_short_tokens),
    Fault('tokens revoked', _revoke),
    Fault('start command fails', phases=('intend compute Stopped',),
          options={'compute_start_command': 'false {host}',
                   'service_up_timeout': 30},
          says='To put it right: false compute'),
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


def add_arguments(parser):
    parser.add_argument('--count', type=int, default=3, metavar='N',
                        help='how often each fault strikes (default: 3)')
    parser.add_argument('--only', metavar='REGEX', default='',
                        help='faults to try (default: all)')
    parser.add_argument('--seed', type=int, default=1, metavar='N',
                        help='of the moments (default: 1)')


def run(cloud, arguments):
    # What a shell starts in the background ignores Ctrl-C, and hands that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = files.directory(cloud.state / 'trials' / 'faults')
    chance = random.Random(arguments.seed)
    outcomes = []
    before = snapshot.take(cloud)
    for shift, fault in enumerate(FAULTS):
        if not re.search(arguments.only, fault.name):
            continue
        for number in range(shift, shift + arguments.count):
            outcome = _try(cloud, folder, fault, number, chance, before)
            outcomes.append(outcome)
            print(f'{fault.name}: {outcome.phase}: {outcome.ending}, '
                  f'{"" if outcome.recover_needed else "no "}recover needed: '
                  f'{"; ".join(outcome.problems) or "good"}', flush=True)
            if outcome.problems:
                # What stays wrong is not the next fault's.
                before = snapshot.take(cloud)
    files.write(folder / 'faults.json', json.dumps(
        [dataclasses.asdict(outcome) for outcome in outcomes], indent=1))
    return _judge(outcomes)


def _try(cloud, folder, fault, number, chance, before):
    phase = fault.phases[number % len(fault.phases)]
    workspace = runs.another(
        cloud, folder / re.sub(r'\W+', '-', f'{fault.name}-{number}'),
        **fault.options)
    log = workspace.directory / 'run.log'
    with fault.around(cloud, workspace):
        struck = Struck(cloud, workspace, workspace.start(
            _SCENARIOS[phase], log, **fault.environment), chance)
        hit = struck.wait_for(phase)
        left = struck.processes() if hit else []
        if hit:
            fault.strike(struck)
        problems = _end(struck, left)
        ending = _ending(fault, log)
        messages = runs.failures(log)
        problems += unclear(fault, ending, messages)
        needed, wrong = _get_well(cloud, workspace, log, before)
    return Outcome(fault.name, phase, hit or fault.strike is _nothing,
                   ending, messages, needed, problems + wrong)


def _end(struck, processes):
    hangs = not struck.ended(_LIMIT)
    # Its worker may go on giving back after the leader has gone.
    _, alive = psutil.wait_procs(processes, timeout=_LIMIT)
    for process in alive:
        process.kill()
    return [f'hangs: {struck.workspace.directory}'] if hangs or alive else []


def _ending(fault, log):
    found = runs.counts(log)
    if found.get('failed', 1):
        return 'ended' if fault.ends else 'failed'
    return 'passed' if found['passed'] else 'skipped'


def unclear(fault, ending, messages):
    """Return a line for whatever a run did not say as it should.

    :param fault: a ``Fault``
    :param ending: as in ``Outcome``
    :param messages: what ``runs.failures`` found
    """
    # What Tempest itself says of a time-out and Ctrl-C is but a name.
    found = [f'says nothing that helps: {message}' for message in messages
             if _UNCLEAR.match(message)
             and not (fault.says and fault.says in message)]
    if ending == 'failed' and not messages:
        found.append('failed without a message')
    if ending == 'failed' and not any(
            fault.says in message for message in messages or ['']):
        found.append(f'does not say "{fault.says}": {messages}')
    return found


def _get_well(cloud, workspace, log, before):
    """Wait until the cloud is what it was, with recover where that is needed.

    :returns: Whether recover was needed, and a list of problems.
    """
    held = journals.held(workspace.journals)
    left = _settle(cloud, before, _SETTLE_WITH_JOURNAL if held else _SETTLE)
    if not left and not held:
        return False, []
    _mend(workspace)
    problems = []
    if workspace.command('recover', log=log):
        problems.append(f'recover failed: {log}')
    problems += _settle(cloud, before, _SETTLE)
    if journals.held(workspace.journals):
        problems.append(f'the journal is still there: {workspace.journals}')
    # A journal that outlived what it tells of is no work for recover.
    return bool(left), problems


def _mend(workspace):
    """Do as the message says where a start command failed."""
    text = workspace.configuration.read_text()
    files.write(workspace.configuration, text.replace(
        'compute_start_command = false {host}\n', ''))


def _settle(cloud, before, limit):
    """Return in what the cloud still differs from before after the limit."""
    differences = []

    def same():
        try:
            found = (before.differences(snapshot.take(cloud))
                     if checks.placement_known(api.Admin(cloud))
                     else ['nova-api does not know Placement'])
        except keystone_exceptions.ClientException as error:
            found = [f'an API is away: {error}']
        differences[:] = found
        return not found

    with contextlib.suppress(errors.StepFailed):
        readiness.wait('the cloud as it was', same, limit)
    return differences


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
        print(f'The run ended before the fault: {", ".join(missed)}')
    good = sum(not one.problems for one in outcomes)
    print(f'{good} of {len(outcomes)} faults survived')
    return 1 if missed or good < len(outcomes) else 0
