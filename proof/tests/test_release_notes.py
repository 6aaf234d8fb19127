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

"""The page of release notes names the release that is being prepared."""

import runpy

from docutils import nodes
import testtools

from tools import phases

_CONF = phases.ROOT / 'releasenotes' / 'source' / 'conf.py'


class ReleaseNotesTest(testtools.TestCase):

    def test_notes_without_a_tag_get_the_version_of_setup_cfg(self):
        version, = (line.removeprefix('version = ')
                    for line in (phases.ROOT / 'setup.cfg').open()
                    if line.startswith('version = '))
        name_release = runpy.run_path(str(_CONF))['_name_release']
        for title, expected in (
                ('0.0.0', version.strip()), ('1.0.0-5', version.strip()),
                ('working-copy', version.strip()),
                ('0.9.0', '0.9.0'), ('New Features', 'New Features')):
            page = nodes.document(None, None)
            page += nodes.section('', nodes.title(title, title))
            name_release(None, page)
            self.assertEqual(expected, page.astext())
