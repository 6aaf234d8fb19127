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

"""What a check says."""

import dataclasses

from oslo_log import log as logging
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import exceptions

LOG = logging.getLogger(__name__)

#: What a check can end with that is no defect of ours.
FAILURES = (lib_exc.TempestException, OSError)

PASS, WARN, FAIL = 'pass', 'warn', 'fail'


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one check found, and what to do about it."""

    check: str
    outcome: str
    found: str
    to_do: str = ''


def judge(check, good, found, to_do, bad=FAIL):
    """Make the finding of something that is good or is not.

    :param bad: The outcome where it is not.
    :returns: A ``Finding``.
    """
    return (Finding(check, PASS, found) if good
            else Finding(check, bad, found, to_do))


def collect(name, check, to_do='see tempest.log'):
    """Do a check; one that cannot be done is a failed one.

    :param check: Callable that returns an iterable of ``Finding``.
    :param to_do: What to do should it fail in that way.
    :returns: A generator of ``Finding``.
    """
    try:
        yield from check()
    except FAILURES as error:
        LOG.debug('Checking %s', name, exc_info=True)
        yield Finding(name, FAIL, exceptions.one_line(error), to_do)
    except (LookupError, TypeError, ValueError) as error:
        # Not each answer has a schema: what is looked at here alone has
        # none, and no decision of a run rests on it.
        LOG.debug('Checking %s', name, exc_info=True)
        yield Finding(name, FAIL, 'an answer cannot be used: %r' % error,
                      to_do)
