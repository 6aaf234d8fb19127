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

"""Try the scenarios on a cloud that is broken on purpose.

Each mutant is loaded into one service. The scenarios that could kill it run,
and then the mutant is taken out again. A scenario kills a mutant when one of
the scenario's own expectations fails. The exit code is 0 if every harmful
mutant was killed, and no benign mutant. The cloud should have no other user.
"""

import argparse
import pathlib
import time

from keystoneauth1 import exceptions

from allinone import deployment
from allinone import errors
from allinone import files
from allinone import workspace
from proof.mutation import definition
from proof.mutation import matrix
from proof.mutation import service
from proof.mutation import tidy
from proof.mutation import verdicts
from proof.trials import runs
from proof.trials import snapshot

_CONFIGURATION = 'tempest-mutants.conf'

# Limits in seconds. They are long enough here. They are short because a mutant
# often prevents the event that is waited for.
_LIMITS = {'service_down_timeout': 30, 'service_up_timeout': 90,
           'delete_timeout': 30, 'cleanup_timeout': 30, 'heal_timeout': 75,
           # A trait may come back with one audit, and go with the next.
           'api_timeout': 40, 'trait_timeout': 75, 'action_timeout': 15,
           'request_timeout': 75}

# Seconds for one run of Tempest. A run that takes longer hangs.
_LONGEST_RUN = 3600

# Seconds in which Nova's own clean-up has ended.
_REST = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of "mutate"."""
    parser.add_argument(
        '--mutants', type=pathlib.Path, metavar='DIR',
        default=definition.DIRECTORY,
        help='directory of the mutants (default: proof/mutants)')
    parser.add_argument(
        '--all', action='store_true',
        help='run every scenario on each mutant (default: the scenarios that '
             'could kill it, until one does)')
    parser.add_argument(
        '--table', type=pathlib.Path, metavar='FILE',
        help='also write the table for the documentation into this file')
    parser.add_argument(
        '--share', action='store_true',
        help='try only mutants that no other "mutate --share" with the same '
             '--results has taken, so that several clouds share the work')
    parser.add_argument(
        '--results', type=pathlib.Path, metavar='DIR',
        help='directory of the matrix, which several clouds may share '
             '(default: mutants in the state directory)')
    parser.add_argument('names', nargs='*', metavar='NAME',
                        help='a mutant (default: all of them)')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Try the mutants, print the matrix, and return the exit code."""
    mutants = definition.find(arguments.mutants, arguments.names)
    for mutant in mutants:
        service.processes(cloud, mutant)
    mutants = _that_fit(cloud, mutants, arguments.names)
    # By service, so that one restart removes a mutant and brings the next. The
    # benign mutants are first, because they take the longest. So no cloud is
    # left alone with one of them at the end.
    mutants = sorted(mutants, key=lambda one: (not one.benign, one.service))
    results = matrix.Results(
        files.directory(arguments.results or cloud.state / 'mutants'),
        definition.find(arguments.mutants, []))
    with service.alone(cloud):
        _clear(cloud)
        rows = _Mutation(cloud, results, arguments.all).run(
            filter(results.take, mutants) if arguments.share else mutants)
    matrix.show(rows)
    print(f'Written: {results.folder}/matrix.json and matrix.rst there')
    if arguments.table:
        arguments.table.write_text(
            (results.folder / 'matrix.rst').read_text())
    return 0 if all(row.is_right for row in rows) else 1


def _that_fit(cloud: deployment.Deployment, mutants, names):
    """Leave out the mutants that need another cloud, unless they are named.

    :raises BadInput: such a mutant is named, or no mutant is left
    """
    fit = [one for one in mutants if (
        cloud.qemu if one.qemu else one.reclaim == cloud.reclaim)]
    rest = [one.name for one in mutants if one not in fit]
    if not rest:
        return fit
    words = f'made for another cloud: {", ".join(rest)}'
    if names or not fit:
        raise errors.BadInput(words)
    print(f'Left out, because {words}', flush=True)
    return fit


def _clear(cloud: deployment.Deployment, mutated=()):
    names = sorted({*mutated, *service.take_out(cloud)})
    if names:
        print(f'Taking mutants out of {", ".join(names)}', flush=True)
        tidy.undo(cloud, cloud.logs / 'mutants.log')
        service.restart(cloud, names)


class _Mutation:
    """One "mutate": the cloud, and which of its processes are mutated."""

    def __init__(self, cloud: deployment.Deployment, results,
                 everything) -> None:
        self._cloud = cloud
        self._results = results
        self._folder = results.folder
        self._everything = everything
        self._workspace = runs.Workspace(cloud.tempest)
        self._mutated: list[str] = []
        self._before: snapshot.Snapshot | None = None

    def run(self, mutants):
        """Try the mutants, and return a row for each."""
        rows = []
        service.restart(self._cloud, [])
        self._before = snapshot.take(self._cloud)
        try:
            for mutant in mutants:
                row = self._try(mutant)
                rows.append(row)
                self._results.write(rows)
                print(f'{mutant.name}: {row.outcome} after '
                      f'{row.seconds:.0f} s: {row.words}', flush=True)
        finally:
            _clear(self._cloud, self._mutated)
        return rows

    def _try(self, mutant):
        begin = time.monotonic()
        found, problem = {}, None
        names = service.processes(self._cloud, mutant)
        try:
            service.put(self._cloud, mutant, names)
            # The same restart frees processes of the mutant before.
            restarted = sorted({*self._mutated, *names})
            self._mutated = restarted
            service.restart(self._cloud, restarted)
            self._mutated = names
            service.forget_reach(self._cloud, names)
            for regex in self._regexes(mutant):
                for verdict in self._run(mutant, names, regex):
                    found[verdict.scenario] = verdict
                if not self._everything and any(
                        one.outcome == verdicts.KILLED
                        for one in found.values()):
                    break
            if not found:
                problem = 'no scenario has such a name'
            elif any(one.outcome != verdicts.SKIPPED
                     for one in found.values()):
                problem = service.problem(self._cloud, names)
        except errors.StepFailed as error:
            problem = f'the cloud did not come up with it: {error}'
        finally:
            service.take_out(self._cloud)
        left = self._tidy(self._folder / f'{mutant.name}.log')
        return matrix.Row(mutant, tuple(found.values()),
                          time.monotonic() - begin, problem or left)

    def _regexes(self, mutant):
        if self._everything:
            return [runs.SCENARIOS]
        # Without the package, "port" would select tests of Tempest itself.
        return [f'{runs.SCENARIOS}.*(?:{regex})' for regex in mutant.scenarios]

    def _run(self, mutant, names, regex):
        """Run scenarios, and return their verdicts.

        They end with the first that fails, because that one nearly always
        kills the mutant. Otherwise all of them run.
        """
        options = {**_LIMITS, **mutant.options}
        if mutant.service == 'nova-compute' and not mutant.everywhere:
            options['target_hosts'] = names[0].removeprefix('nova-compute-')
        workspace.derive(self._cloud, _CONFIGURATION, options)
        stream = self._folder / f'{mutant.name}.subunit'
        for to_failure in (not self._everything, False):
            with self._workspace.recorded(
                    regex, stream, self._folder / f'{mutant.name}.log',
                    to_failure, TEMPEST_CONFIG=_CONFIGURATION) as process:
                runs.wait(process, _LONGEST_RUN)
            found = verdicts.read(stream)
            outcomes = {verdict.outcome for verdict in found}
            if not to_failure or verdicts.KILLED in outcomes or (
                    verdicts.ERROR not in outcomes):
                break
        return found

    def _tidy(self, log):
        """Clean up after a mutant, and say what is left."""
        try:
            tidy.undo(self._cloud, log)
            left = self._left()
        except (errors.StepFailed, exceptions.ClientException) as error:
            return str(error)
        return f'left in the cloud: {"; ".join(left)}' if left else None

    def _left(self):
        """Return a line for each difference from the cloud before."""
        before = self._before

        def differences():
            self._before = snapshot.take(self._cloud)
            left, _ = snapshot.split(before.differences(self._before), ())
            return left

        return snapshot.settle(differences, _REST)
