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

import fixtures
from oslo_config import cfg
from oslo_config import fixture as config_fixture
from tempest import config
import testtools

from local_delete_tempest_plugin.cloud import admin


class _Defaults(config.TempestConfigPrivate):
    """Tempest's configuration with no file read, wherever one may lie."""

    def __init__(self):
        cfg.CONF([], default_config_files=[], default_config_dirs=[])
        config.register_opts()
        self._set_attrs()


class TestCase(testtools.TestCase):
    """A test with Tempest's options at their defaults, and quick waits."""

    def setUp(self):
        super().setUp()
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
