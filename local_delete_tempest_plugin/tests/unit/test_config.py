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

"""The options, and the sample that is made of them."""

import io
import pathlib

from oslo_config import cfg
from oslo_config import generator
import testtools

ETC = pathlib.Path(__file__).parents[3] / 'etc'


class SampleTest(testtools.TestCase):

    def test_sample_is_fresh(self):
        sample = ETC / 'local-delete.conf.sample'
        if not sample.exists():
            self.skipTest('no checkout: %s is not there' % sample)
        conf = cfg.ConfigOpts()
        generator.register_cli_opts(conf)
        conf(['--config-file', str(ETC / 'oslo-config-generator.conf')])
        fresh = io.StringIO()
        generator.generate(conf, output_file=fresh)
        if fresh.getvalue() != sample.read_text():
            self.fail('%s is stale; run: tox -e genconfig' % sample)
