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

"""A scenario that shows a defect of Nova as it is today."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import functools
from typing import Any

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import versions
from local_delete_tempest_plugin.common import attachments
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin import known_bugs

CONF = config.CONF

_NEW_TO_PLACEMENT = 'api-new-to-placement'

# What Nova's 500 names, if its client of Placement was never made.
_NOT_SUPPORTED = 'openstack.exceptions.NotSupported'


def choose(found: Mapping[str, str]) -> known_bugs.Chosen:
    """Choose the defects that scenarios are expected to show on the cloud.

    :param found: What ``versions.read`` returned.
    """
    return known_bugs.choose(CONF.local_delete.known_bugs,
                             found.get(versions.COMPUTE))


def is_known(name: str, test: Any) -> bool:
    """Tell whether a defect is known of the cloud.

    :param name: Name of the defect.
    :param test: A test, which has the ``versions`` of the cloud.
    """
    return name in choose(test.versions).names


def known_bug(name: str) -> Callable:
    """Expect a scenario to fail where its defect is known.

    So a run stays green while the defect is there, and fails when the defect
    is gone. The type of a failure tells the defect, and its message never
    does: only a ``DefectShown`` is expected.

    :param name: Name of the defect, in known_bugs.py and in
        doc/source/findings.rst.
    :returns: A decorator of a test method.
    """
    def mark(test):
        @functools.wraps(test)
        def judged(self, *arguments):
            if not is_known(name, self):
                return test(self, *arguments)
            failure = None
            try:
                test(self, *arguments)
            except exceptions.DefectShown as error:
                failure = error
            attachments.attach_known_defect(self.addDetail, name)
            self.expectFailure(
                'defect %s of Nova is not there any more: take it off '
                '[local_delete] known_bugs, as in auto,-%s' % (name, name),
                _raise, failure)
        # The page of the scenario's family reads it.
        judged.known_bug = name
        return judged
    return mark


@contextlib.contextmanager
def new_to_placement(test: Any) -> Iterator[None]:
    """Tell a nova-api that never spoke to Placement from a failed story.

    It answers a local delete with 500 while Placement is away. Chance decides
    which worker of nova-api gets the delete. So nobody can expect the defect,
    and the test skips where it is known.

    :param test: The test.
    :returns: A context manager for what is done while Placement is away.
    """
    try:
        yield
    except (exceptions.DeleteNotAccepted, lib_exc.ServerFault) as error:
        if _NOT_SUPPORTED not in str(error):
            raise
        told = ('a worker of nova-api that has not spoken to Placement since '
                'it started answered 500 (defect %s of Nova). A local delete '
                'while Placement answers makes a worker speak to it: %s' % (
                    _NEW_TO_PLACEMENT, exceptions.one_line(error)))
        if is_known(_NEW_TO_PLACEMENT, test):
            attachments.attach_known_defect(test.addDetail, _NEW_TO_PLACEMENT)
            test.skipTest(told)
        test.fail(told)


def _raise(failure):
    if failure is not None:
        raise failure
