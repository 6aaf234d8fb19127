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

"""What every unit test starts from."""

import os
import time

import fixtures
from oslo_config import cfg
from oslo_config import fixture as config_fixture
from tempest import config
from tempest.lib.common import jsonschema_validator
import testtools

from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cloud import transport


class _Defaults(config.TempestConfigPrivate):
    """Tempest's configuration with no file read, wherever one may lie."""

    def __init__(self):
        cfg.CONF([], default_config_files=[], default_config_dirs=[])
        config.register_opts()
        self._set_attrs()


class InstantWaits(fixtures.Fixture):
    """Waits that take no time, but move the clock as if they had.

    A wait reaches its limit after as many looks as on a cloud. Time that
    really passes counts too.
    """

    def _setUp(self):
        self._skipped = 0.0
        clock = time.monotonic
        self.useFixture(fixtures.MockPatch(
            'time.monotonic', lambda: clock() + self._skipped))
        # Only tenacity's sleep: threads and subprocess need the real one.
        self.useFixture(fixtures.MockPatch('tenacity.nap.time', self))

    def sleep(self, seconds):
        self._skipped += seconds


_check_schema = jsonschema_validator.JSONSCHEMA_VALIDATOR.check_schema
_checked: dict[int, object] = {}


def _check_schema_once(schema):
    """Check a schema once, and not with each answer as Tempest does.

    :raises jsonschema.SchemaError: the schema is not valid.
    """
    if id(schema) not in _checked:
        _check_schema(schema)
        # The schema is kept, so that no other one gets its id.
        _checked[id(schema)] = schema


#: Marks a test that takes half a second or more: "tox -e fast" omits it.
slow = testtools.testcase.attr('slow')


class TestCase(testtools.testcase.WithAttributes, testtools.TestCase):
    """A test with Tempest's options at their defaults, and instant waits.

    :cvar instant_waits: Whether waits take no time. Set it to False where a
        thread or a signal of the test has to come while a wait sleeps.
    """

    instant_waits = True

    def setUp(self):
        super().setUp()
        limit = int(os.environ.get('OS_TEST_TIMEOUT', 0))
        if limit:
            self.useFixture(fixtures.Timeout(limit, gentle=True))
        # It limits this test, and preflight must not take it for the user's.
        self.useFixture(fixtures.EnvironmentVariable('OS_TEST_TIMEOUT'))
        if self.instant_waits:
            self.useFixture(InstantWaits())
        # What one test left unanswered makes no other one wait.
        self.useFixture(fixtures.MockPatchObject(
            transport, '_unanswered_until', 0.0))
        self.useFixture(fixtures.MockPatchObject(
            jsonschema_validator.JSONSCHEMA_VALIDATOR, 'check_schema',
            _check_schema_once))
        self.useFixture(fixtures.FakeLogger(level=None))
        self.conf = self.useFixture(config_fixture.Config(cfg.CONF))
        self.useFixture(fixtures.MockPatchObject(
            config.CONF, '_config', _Defaults()))
        self.config(poll_interval_start=0.01, poll_interval_max=0.02,
                    api_timeout=1)

    def config(self, group='local_delete', **options):
        """Set options for this test alone."""
        self.conf.config(group=group, **options)

    def skip_reason(self, call, *arguments, **options):
        """Call what may skip, and return why it did, or 'no skip'."""
        # Caught by hand: a skip must not skip the test that looks for it.
        try:
            call(*arguments, **options)
        except self.skipException as reason:
            return str(reason)
        return 'no skip'

    def use_microversions(self):
        """Let clients speak the microversions that the scenarios pin."""
        self.useFixture(admin.microversions())
