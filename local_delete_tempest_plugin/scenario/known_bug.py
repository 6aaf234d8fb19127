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
import functools

from tempest import config

from local_delete_tempest_plugin import exceptions

CONF = config.CONF


def known_bug(name: str) -> Callable:
    """Expect a scenario to fail where the operator lists its defect.

    So a run stays green while the defect is there, and fails when the defect
    is gone. The type of a failure tells the defect, and its message never
    does: only a ``DefectShown`` is expected.

    :param name: Name of the defect, in ``[local_delete] known_bugs`` and in
        doc/source/findings.rst.
    :returns: A decorator of a test method.
    """
    def mark(test):
        @functools.wraps(test)
        def judged(self, *arguments):
            if name not in CONF.local_delete.known_bugs:
                return test(self, *arguments)
            failure = None
            try:
                test(self, *arguments)
            except exceptions.DefectShown as error:
                failure = error
            self.expectFailure(
                'defect %s of Nova is not there any more: take it off '
                '[local_delete] known_bugs' % name, _raise, failure)
        return judged
    return mark


def _raise(failure):
    if failure is not None:
        raise failure
