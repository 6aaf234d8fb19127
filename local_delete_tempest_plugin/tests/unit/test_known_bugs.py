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

"""Which defects are expected, of which cloud, and by which words."""

import re

import fixtures
from oslo_config import cfg

from local_delete_tempest_plugin import config
from local_delete_tempest_plugin import known_bugs
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import test_documents

OLD, NEW, BOTH = 'old-defect', 'new-defect', 'defect-of-both'

FOUND = {OLD: (True, False, False, False), NEW: (None, True, None, True),
         BOTH: (True, True, True, None)}

# A finding: its name, and the line that says where it was reproduced.
_RELEASES = re.compile(r'^\.\. _([\w-]+):\n\n.+\n=+\n\nRelease\n    (.+)$',
                       re.MULTILINE)

_NAMED = re.compile(r"(?:known_bug\.known_bug\(|stopped_bug=)'([\w-]+)'")


class ChooseTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.MockPatchObject(known_bugs, 'FOUND', FOUND))

    def assert_chosen(self, names, ceiling, *wanted):
        chosen = known_bugs.choose(wanted, ceiling)
        self.assertEqual(set(names), chosen.names)
        return chosen

    def test_the_release_of_the_ceiling(self):
        for ceiling, names in (('2.103', [BOTH]), ('2.104', [NEW]),
                               ('2.102', [BOTH])):
            self.assert_chosen(names, ceiling, 'auto')
        self.assertEqual(
            'auto takes the defects of 2026.1, because Nova offers '
            'microversions up to 2.103',
            known_bugs.choose(['auto'], '2.103').why)

    def test_two_releases_of_one_ceiling(self):
        chosen = self.assert_chosen([OLD, NEW, BOTH], '2.100', 'auto')
        self.assertTrue(chosen.is_tried)
        self.assertIn('2025.1 and 2025.2', chosen.why)

    def test_a_ceiling_of_no_release_that_was_tried(self):
        for ceiling, names, words in (
                ('2.105', [NEW], 'of 2026.2, .* up to 2.105, and no newer'),
                (None, [NEW], 'of 2026.2, .* is not known'),
                ('2.96', [OLD, NEW, BOTH],
                 'of 2025.1 and 2025.2, .* up to 2.96, and no older'),
                ('2.102', [BOTH], 'of 2026.1, .* up to 2.102$')):
            chosen = self.assert_chosen(names, ceiling, 'auto')
            self.assertIs(False, chosen.is_tried)
            self.assertRegex(chosen.why, words)

    def test_overridden_by_name(self):
        for names, *wanted in (
                ([OLD, BOTH], 'auto', OLD),
                ([], 'auto', '-' + BOTH),
                ([], '-' + BOTH),
                ([OLD], 'auto', '-' + BOTH, OLD),
                ([OLD, BOTH], '2025.1'),
                ([NEW, BOTH], '2025.2'),
                ([OLD], '2025.1', '-' + BOTH),
                ([NEW], NEW),
                ([],)):
            self.assert_chosen(names, '2.103', *wanted)

    def test_why_tells_each_override(self):
        self.assertEqual(
            'listed: 2025.1, new-defect; taken off: old-defect',
            known_bugs.choose(['2025.1', NEW, '-' + OLD], '2.103').why)
        self.assertEqual('no defect is listed',
                         known_bugs.choose([], '2.103').why)


class OptionTest(base.TestCase):

    def test_by_default_the_cloud_tells(self):
        self.assertEqual(['auto'], cfg.CONF.local_delete.known_bugs)

    def test_the_help_tells_each_release(self):
        option, = (one for one in config.LocalDeleteGroup
                   if one.name == known_bugs.OPTION)
        told = re.findall(r'(2\.\d+) is ((?:20\d\d\.\d(?: or )?)+)',
                          option.help)
        self.assertEqual(known_bugs.RELEASES, {
            release: ceiling for ceiling, releases in told
            for release in releases.split(' or ')})

    def test_a_list_of_an_earlier_release_is_an_override(self):
        names = ['api-new-to-placement', 'volume-left-in-build']
        self.config(known_bugs=','.join(names))
        self.assertEqual(
            set(names), known_bugs.choose(
                cfg.CONF.local_delete.known_bugs, '2.104').names)

    def test_a_misspelt_name_is_refused(self):
        for wrong in ('volume-left-in-bild', '-volume-left-in-bild', '2026.3',
                      'Auto', 'auto;-volume-left-in-build', '-2026.1', '-'):
            self.assertRaises(ValueError, self.config,
                              known_bugs=[wrong, 'simultaneous-deletes'])
        error = self.assertRaises(
            ValueError, self.config,
            known_bugs='volume-left-in-bild,simultaneous-deletes')
        self.assertEqual(
            "'volume-left-in-bild' is no known defect: write auto, a release "
            '(2025.1, 2025.2, 2026.1, 2026.2), or a name that "tempest '
            'local-delete findings" lists (volume-left-in-build?)', str(error))


class FoundTest(base.TestCase):
    """The table, the findings and the scenarios name the same defects."""

    def test_each_defect_tells_of_each_release(self):
        for name, found in known_bugs.FOUND.items():
            self.assertEqual(len(known_bugs.RELEASES), len(found), name)
            self.assertIn(True, found, name)

    def test_scenarios_name_defects_of_the_table(self):
        named = {name for path in (
            test_documents.PLUGIN / 'scenario').glob('test_*.py')
            for name in _NAMED.findall(path.read_text())}
        self.assertNotEqual(set(), named)
        self.assertEqual(set(), named - known_bugs.FOUND.keys())

    def test_findings_tell_what_the_table_has(self):
        path = test_documents.DOCUMENTS / 'findings.rst'
        if not path.exists():
            self.skipTest('no checkout: %s is not there' % path)
        told = dict(_RELEASES.findall(path.read_text()))
        self.assertEqual(
            {name: ', '.join(
                '%s %s' % (release, {True: 'yes', False: 'no',
                                     None: 'not tried'}[one])
                for release, one in zip(known_bugs.RELEASES, found,
                                        strict=True))
             for name, found in known_bugs.FOUND.items()},
            {name: line.partition('.\n')[0].rstrip('.')
             for name, line in told.items()})
