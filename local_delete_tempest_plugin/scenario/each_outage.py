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

"""One story under both outages, each a test with an id of its own.

The two outages find different bugs. A compute that is forced down still
answers RPC, and a stopped compute does not.
"""

from collections.abc import Callable
import functools

from local_delete_tempest_plugin.scenario import known_bug
from local_delete_tempest_plugin.scenario import needs

# testtools keeps here what decorators.attr and idempotent_id put.
_ATTRIBUTES = '__testtools_attrs'


def each_outage(stopped_id: str,
                stopped_bug: str | None = None) -> Callable:
    """Make two tests of one, which takes a way to take a compute away.

    ``test_x(self, outage)`` becomes ``test_x_forced_down``, which keeps the
    id of ``decorators.idempotent_id``, and ``test_x_stopped``.

    :param stopped_id: The idempotent id of the test with a dead process.
    :param stopped_bug: Name of the defect that only this test shows, if
        there is one; see ``known_bug``.
    :returns: A decorator of a test method of ``BaseLocalDeleteTest``, to be
        put below ``decorators.idempotent_id``.
    """
    def mark(test):
        test.stopped_id = stopped_id
        test.stopped_bug = stopped_bug
        return test
    return mark


def expand(cls: type) -> None:
    """Put both tests in the place of each test that is marked.

    :param cls: A class of scenarios.
    """
    for name, test in list(vars(cls).items()):
        if not hasattr(test, 'stopped_id'):
            continue
        delattr(cls, name)
        setattr(cls, name + '_forced_down', _variant(test, 'forced_down'))
        stopped = _variant(test, 'compute_stopped')
        if test.stopped_bug:
            stopped = known_bug.known_bug(test.stopped_bug)(stopped)
        stopped = needs.needs(needs.stopped_compute)(stopped)
        setattr(stopped, _ATTRIBUTES, {
            attribute for attribute in getattr(test, _ATTRIBUTES)
            if not attribute.startswith('id-')} | {'id-' + test.stopped_id})
        stopped.__doc__ = stopped.__doc__.replace(
            _id_of(test), test.stopped_id)
        setattr(cls, name + '_stopped', stopped)


def story_of(test: Callable) -> str:
    """Give the first line of the docstring of a test.

    :param test: A test method.
    """
    # decorators.idempotent_id puts the id above it.
    own_id = _id_of(test)
    lines = [line.strip() for line in (test.__doc__ or '').splitlines()
             if not own_id or own_id not in line]
    return next(filter(None, lines), '')


def _id_of(test):
    return next((attribute[len('id-'):]
                 for attribute in getattr(test, _ATTRIBUTES, ())
                 if attribute.startswith('id-')), None)


def _variant(test, outage):
    @functools.wraps(test)
    def variant(self):
        return test(self, getattr(self, outage))

    del variant.stopped_id, variant.stopped_bug
    return variant
