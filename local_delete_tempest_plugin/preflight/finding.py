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

"""What a check found."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import enum

from oslo_log import log as logging
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import exceptions

LOG = logging.getLogger(__name__)

#: What a check may raise. Anything else is a defect of the plugin.
FAILURES = (lib_exc.TempestException, OSError)

# Statuses of HTTP.
_TOO_MANY, _FAULT = 429, 500

_AGAIN = ('call preflight again; if the answer stays, look into the log of '
          'the service')

PASS, WARN, FAIL = 'pass', 'warn', 'fail'

#: The kind of a finding that a person reads although it passes.
NOTE = 'note'

#: The kind of an address to which passwords and tokens go over plain http.
PLAIN = 'plain-http'


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a check found, and what the operator has to do.

    :ivar outcome: ``PASS``, ``WARN`` or ``FAIL``.
    :ivar kind: The same for findings that say the same of several things; ''
        for a finding that is alone.
    """

    check: str
    outcome: str
    found: str
    to_do: str = ''
    kind: str = ''


class Plan(enum.Enum):
    """What a scenario would do."""

    RUN = 'run'
    SKIP = 'skip'
    FAIL = 'fail'
    #: Checks that failed leave that open.
    UNKNOWN = 'cannot be foreseen'


@dataclasses.dataclass(frozen=True)
class Forecast(Finding):
    """What one scenario would do.

    :ivar family: Name of the topic that the scenario belongs to.
    :ivar plan: A ``Plan``.
    :ivar reason: Why the scenario would not run, in words.
    :ivar unless: What would make the scenario skip all the same, and only the
        run itself can show; '' if there is nothing.
    :ivar seconds: About how long the scenario would take.
    :ivar host_out: About how many seconds a host would be out at most.
    """

    family: str = ''
    plan: Plan = Plan.RUN
    reason: str = ''
    unless: str = ''
    seconds: float = 0
    host_out: float = 0


@dataclasses.dataclass(frozen=True)
class Hosts(Finding):
    """Which hosts the scenarios may take down.

    :ivar names: Names of the hosts.
    """

    names: tuple[str, ...] = ()


def judge(check: str, good: object, found: str, to_do: str,
          bad: str = FAIL, kind: str = '') -> Finding:
    """Make a finding that passes if something is good.

    :param check: Name of the check.
    :param good: Whether the check passes; a value that is true or false.
    :param found: What was found, in words.
    :param to_do: What to do if the check does not pass.
    :param bad: The outcome if the check does not pass.
    :param kind: The ``kind`` of the finding if the check does not pass.
    :returns: A ``Finding``.
    """
    return (Finding(check, PASS, found) if good
            else Finding(check, bad, found, to_do, kind))


def collect(name: str, check: Callable[[], Iterable[Finding]],
            to_do: str = 'see tempest.log') -> Iterator[Finding]:
    """Do a check. A check that cannot be done has failed.

    :param name: Name of the check where it cannot be done.
    :param check: Callable without arguments.
    :param to_do: What to do if the check cannot be done.
    :returns: An iterator of the ``Finding`` of the check.
    """
    try:
        yield from check()
    except FAILURES as error:
        LOG.debug('Checking %s', name, exc_info=True)
        yield Finding(name, FAIL, _words(error),
                      _AGAIN if _may_pass(error) else to_do)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # Some answers are used only here. They have no schema, because no
        # decision of a run depends on them.
        LOG.debug('Checking %s', name, exc_info=True)
        yield Finding(name, FAIL, 'an answer cannot be used: %r' % error,
                      to_do)


def _may_pass(error: Exception) -> bool:
    """Tell whether a service was too busy, or is broken."""
    status = getattr(getattr(error, 'resp', None), 'status', 0)
    return status == _TOO_MANY or status >= _FAULT


def _words(error: Exception) -> str:
    """Name the request that a service has refused; Tempest does not."""
    call = getattr(getattr(error, 'resp', None), 'call', None)
    return exceptions.one_line('%s: %s' % (
        call.partition('?')[0], error) if call else error)
