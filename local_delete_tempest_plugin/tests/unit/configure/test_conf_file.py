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

"""How options get into a tempest.conf, and that nothing of it is lost."""

import os
import pathlib
import stat

import fixtures
from oslo_config import cfg
import testtools

from local_delete_tempest_plugin.configure import conf_file
from local_delete_tempest_plugin.configure import settings

BEFORE = """\
[DEFAULT]
log_file = tempest.log

[compute]
# Mine.
image_ref = old
flavor_ref: 1
  of two lines

[Identity]
region=One
"""


def choice(group, option, value, **fields):
    return settings.Choice(group, option, value, 'because', **fields)


class MergeTest(testtools.TestCase):

    def read(self, text, group, option):
        """Read an option as Tempest does."""
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'conf')
        path.write_text(text)
        conf = cfg.ConfigOpts()
        conf.register_opt(cfg.StrOpt(option), group=group)
        conf([], default_config_files=[str(path)], default_config_dirs=[])
        return conf[group][option]

    def test_options_go_into_their_section(self):
        merged = conf_file.merge(BEFORE, [
            choice('compute', 'region', 'Two'),
            choice('local_delete', 'allow_outages', 'False')])
        self.assertEqual(1, merged.count('[compute]'))
        self.assertEqual('Two', self.read(merged, 'compute', 'region'))
        self.assertEqual('old', self.read(merged, 'compute', 'image_ref'))
        self.assertTrue(merged.endswith(
            '\n\n[local_delete]\n# because\nallow_outages = False\n'), merged)
        self.assertEqual(
            BEFORE.splitlines(),
            [line for line in merged.splitlines() if line not in (
                '# because', 'region = Two', '[local_delete]',
                'allow_outages = False')][:-1],
            'a line of the file is lost')

    def test_old_lines_become_comments(self):
        merged = conf_file.merge(BEFORE, [
            choice('compute', 'flavor_ref', '2'),
            choice('identity', 'region', 'Two')])
        self.assertIn('\n# flavor_ref: 1\n#   of two lines\n', merged)
        self.assertIn('\n# region=One\n', merged)
        self.assertEqual('2', self.read(merged, 'compute', 'flavor_ref'))
        self.assertEqual('Two', self.read(merged, 'identity', 'region'))

    def test_a_section_that_is_there_twice(self):
        merged = conf_file.merge('[a]\nb = 1\n[a]\nb = 2\n',
                                 [choice('a', 'b', '3')])
        self.assertEqual('3', self.read(merged, 'a', 'b'), merged)

    def test_a_comment_replaces_nothing(self):
        merged = conf_file.merge(BEFORE, [
            choice('compute', 'image_ref', 'new', is_comment=True,
                   replaces=False)])
        self.assertIn('\n# image_ref = new\n', merged)
        self.assertEqual('old', self.read(merged, 'compute', 'image_ref'))

    def test_an_empty_file(self):
        self.assertEqual(
            '[compute]\n# because\nimage_ref = x\n',
            conf_file.merge('', [choice('compute', 'image_ref', 'x')]))

    def test_names_of_others_add_no_option(self):
        merged = conf_file.merge('', [settings.Choice(
            'compute', 'image_ref', 'x', 'cirros\nflavor_ref = 7\r\x1b[2J')])
        self.assertIsNone(self.read(merged, 'compute', 'flavor_ref'))
        self.assertNotIn('\x1b', merged)

    def test_any_value_is_read_as_it_was(self):
        for value in ('plain', 'a b', ' blank ', '"quoted"', "'", '"',
                      'a$b', '$$', r'\$x', '${x}', '100%', '#no', 'a=b:c',
                      "it's", 'é'):
            merged = conf_file.merge('', [choice('auth', 'word', value)])
            self.assertEqual(value, self.read(merged, 'auth', 'word'), merged)


class WriteTest(testtools.TestCase):

    def setUp(self):
        super().setUp()
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.path = folder / 'tempest.conf'
        self.path.write_text('old')
        self.path.chmod(0o640)

    def mode(self):
        return stat.S_IMODE(self.path.stat().st_mode)

    def test_mode(self):
        conf_file.write(self.path, 'new', False)
        self.assertEqual(('new', 0o640), (self.path.read_text(), self.mode()))
        conf_file.write(self.path, 'secret', True)
        self.assertEqual(('secret', 0o600),
                         (self.path.read_text(), self.mode()))

    def test_a_link_stays_a_link(self):
        link = self.path.with_name('link')
        link.symlink_to(self.path)
        conf_file.write(link, 'new', False)
        self.assertTrue(link.is_symlink())
        self.assertEqual('new', self.path.read_text())

    def test_all_or_nothing(self):
        self.useFixture(fixtures.MockPatch('os.fsync', side_effect=OSError))
        self.assertRaises(OSError, conf_file.write, self.path, 'new', False)
        self.assertEqual('old', self.path.read_text())
        self.assertEqual(['tempest.conf'], os.listdir(self.path.parent))
