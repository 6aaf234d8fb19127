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

"""The samples of tempest.conf in the documents turn on what a cloud has."""

import configparser
import re
import textwrap

from tempest import config

from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import scenarios
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import test_documents

# A block of options, which begins with that of the microversion.
_SAMPLE = re.compile(r'^    \[compute\]\n(?:\n| {4}.*\n)+', re.MULTILINE)

_OPTION = re.compile(r'\[([\w-]+)\] (\w+)')


class SamplesTest(base.TestCase):

    def sample(self, path):
        found, = _SAMPLE.findall(path.read_text())
        return textwrap.dedent(found)

    def whole(self):
        return self.sample(test_documents.DOCUMENTS / 'your-own-cloud.rst')

    def use(self, text):
        """Set the options of a sample, as Tempest would read them."""
        parser = configparser.RawConfigParser()
        parser.read_string(text)
        for group in parser.sections():
            for name, value in parser[group].items():
                known = config._CONF[group]._group._opts[name]['opt']
                self.config(group, **{name: known.type(value)})
        self.config('compute', image_ref='i', flavor_ref='f')

    def skips(self, text):
        """Tell why scenarios skip, where the hosts are usable."""
        self.use(text)
        return {one.reason for cls in scenarios.find_classes()
                for one in scenarios.foresee(cls, usable_hosts=2)
                if one.plan is not finding.Plan.RUN}

    def test_no_scenario_skips_for_what_is_not_shown(self):
        text = self.whole()
        for reason in self.skips(text):
            options = _OPTION.findall(reason)
            self.assertNotEqual([], options, reason)
            for _, option in options:
                self.assertIn(option, text, 'the sample does not show what a '
                              'scenario needs: %s' % reason)

    def test_nothing_skips_where_all_of_it_is_turned_on(self):
        self.assertEqual(set(), self.skips(re.sub(
            r'^# (?=\w+ = )', '', self.whole(), flags=re.MULTILINE)))
