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

import json
import pathlib

import fixtures

from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit.upgrade import stage_case
from local_delete_tempest_plugin.upgrade import stage_file


class StageFileTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path) / 'stage.json'

    def test_what_is_written_is_read(self):
        stage = stage_case.stage(stage_case.server(
            1, before={'p': stage_case.PORT}))
        with open(self.path, 'x') as file:
            stage_file.write(file, stage)
        self.assertEqual(stage, stage_file.read(self.path))

    def test_names_of_kinds_may_have_spaces(self):
        data = stage_case.stage().as_json()
        data['servers'][0]['before']['resources'] = {
            'volume attachment 1': {'instance': 'x'}}
        self.path.write_text(json.dumps(data))
        self.assertEqual(
            {('volume attachment', '1'): {'instance': 'x'}},
            stage_file.read(self.path).servers[0].before.resources)

    def problem(self, text):
        self.path.write_bytes(
            text if isinstance(text, bytes) else text.encode())
        return str(self.assertRaises(
            exceptions.StageUnusable, stage_file.read, self.path)).replace(
                str(self.path), 'PATH')

    def test_another_file_is_refused(self):
        for text in ('', '{', '[]', '{"version": 1}', b'\xff\xfe', '[' * 9999,
                     stage_case.spoilt(format='subunit'),
                     stage_case.spoilt(until='\ud800')):
            self.assertEqual(
                'PATH is no file of "tempest local-delete stage", or it is '
                'damaged', self.problem(text))

    def test_a_file_without_an_end_is_refused(self):
        self.useFixture(fixtures.MockPatchObject(
            stage_file, '_MOST_BYTES', 999))
        self.assertIn('or it is damaged', self.problem(stage_case.spoilt()))

    def test_a_later_version_is_refused(self):
        self.assertEqual(
            'PATH is of version 2, and this plugin reads version 1',
            self.problem(stage_case.spoilt(version=2, servers=None)))

    def test_damage_is_named(self):
        first = ('servers', 0)
        for where, changes, place in (
                ((), {'run': 'x; rm'}, '$.run'),
                ((), {'run': stage_case.RUN.id + '\n'}, '$.run'),
                # Each of them becomes a part of a URL.
                ((), {'user': '../projects'}, '$.user'),
                ((), {'project': ''}, '$.project'),
                (first, {'id': '..'}, '$.servers[0].id'),
                (first, {'consumers': ['a/b']}, '$.servers[0].consumers[0]'),
                (('targets', 0), {'provider_id': 'a?b'},
                 '$.targets[0].provider_id'),
                ((*first, 'before'), {'resources': {'image ..': {}}},
                 '$.servers[0].before.resources'),
                ((), {'servers': []}, '$.servers'),
                (('cloud',), {'ids': None}, '$.cloud'),
                (first, {'outage': 'burnt'}, '$.servers[0].outage'),
                (first, {'password': 'x'}, '$.servers[0]'),
                # Verify would look for the wrong things.
                (first, {'host': 'elsewhere'}, '$.servers[0]'),
                (first, {'consumers': ['another']}, '$.servers[0]'),
                ((*first, 'during'), {'limits': {'x': 'many'}},
                 '$.servers[0].during.limits.x'),
                ((*first, 'before'), {'resources': {'port': {}}},
                 '$.servers[0].before.resources')):
            self.assertEqual('PATH is damaged: see ' + place, self.problem(
                stage_case.spoilt(where, **changes)))

    def test_of_which_cloud(self):
        """The spelling of its address does not tell that."""
        stage = stage_case.stage()
        here = {'uri': 'http://10.0.0.1/identity', 'region': 'RegionOne',
                'ids': stage.cloud.ids}
        self.assertIsNone(stage.why_not_of(identity.Cloud(**here)))
        for changes, why in (
                ({'ids': frozenset(['f' * 32])},
                 'it is of another cloud (https://keystone.test/v3)'),
                ({'region': 'RegionTwo'}, 'it is of region RegionOne, and '
                 'tempest.conf is of region RegionTwo')):
            self.assertEqual(why, stage.why_not_of(
                identity.Cloud(**dict(here, **changes))))

    def test_each_field_is_needed(self):
        for name in ('run', 'until', 'cloud', 'project', 'user', 'versions',
                     'left_out', 'targets', 'servers'):
            self.assertEqual('PATH is damaged: see $', self.problem(
                stage_case.spoilt(**{name: None})))
