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

"""Doing the steps of a boot: side by side, as far as they allow."""

import collections.abc
import concurrent.futures
import dataclasses
import graphlib
import subprocess
import time

from keystoneauth1 import exceptions

from allinone import commands
from allinone import errors


#: Called with the name of a step, and its seconds. These are None as the step
#: begins.
Report = collections.abc.Callable[[str, float | None], object]


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing to do once the steps that ``after`` names are done."""

    name: str
    action: collections.abc.Callable[[], object]
    after: tuple[str, ...] = ()


def run(steps: collections.abc.Iterable[Step], report: Report,
        abort: collections.abc.Callable[[], object] = lambda: None) -> None:
    """Do the steps, side by side as far as they allow.

    After a failure no further step begins. The steps that have begun are
    waited for.

    :param report: called as each step begins, and as it ends
    :param abort: called at a failure, to end the steps that have begun
    :raises StepFailed: a step failed; the error names it, and its reason
    :raises graphlib.CycleError: steps wait for each other
    """
    by_name = {step.name: step for step in steps}
    order = graphlib.TopologicalSorter(
        {step.name: step.after for step in steps})
    order.prepare()
    with concurrent.futures.ThreadPoolExecutor(len(by_name)) as pool:
        try:
            _run(pool, by_name, order, report)
        except BaseException:
            abort()
            raise


def _run(pool, by_name, order, report):
    running = {}
    while order.is_active():
        for name in order.get_ready():
            report(name, None)
            running[pool.submit(_timed, by_name[name].action)] = name
        done, _ = concurrent.futures.wait(
            running, return_when=concurrent.futures.FIRST_COMPLETED)
        for future in done:
            name = running.pop(future)
            report(name, _result(name, future))
            order.done(name)


def _timed(action):
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


def _result(name, future):
    try:
        return future.result()
    except subprocess.CalledProcessError as error:
        raise errors.StepFailed(
            f'{name}: {commands.describe(error)}') from error
    except (errors.AllInOneError, exceptions.ClientException) as error:
        raise errors.StepFailed(f'{name}: {error}') from error
