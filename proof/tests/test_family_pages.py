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

"""The pages of the scenarios tell what the code says."""

import importlib.util
import pathlib

from local_delete_tempest_plugin.preflight import scenarios
from local_delete_tempest_plugin.scenario import test_local_delete
from local_delete_tempest_plugin.scenario import test_moves
from local_delete_tempest_plugin.scenario import test_no_host
from local_delete_tempest_plugin.scenario import test_ports
from local_delete_tempest_plugin.scenario import test_without_placement
from local_delete_tempest_plugin.tests.unit import base
from proof.mutation import definition

_FILE = (pathlib.Path(__file__).parents[2] / 'doc' / 'ext'
         / 'family_pages.py')

# A row of the matrix, and what begins the next one.
_ROW = """   * - ``%s``
     - A defect. (nova-api)
     - **killed** after 9 s; killed by
       ``%s``
       (5 s): words
"""


class FamilyPagesTest(base.TestCase):

    def setUp(self):
        super().setUp()
        if not _FILE.exists():
            self.skipTest('no checkout: %s is not there' % _FILE)
        spec = importlib.util.spec_from_file_location('family_pages', _FILE)
        self.pages = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.pages)

    def story(self, cls, name):
        """Find a story by the name that its scenarios have in common."""
        story, = (one for one in self.pages.stories_of(cls)
                  if one.name == name)
        return story

    def outages(self, cls, name):
        return [outage.__name__ for outage in self.pages.outages_of(
            self.story(cls, name))]

    def mutant(self, name, *regexes):
        return definition.Mutant(
            name, pathlib.Path(name), 'A defect.', 'Seen.', 'nova-api', 'm',
            regexes)

    def page(self, family, matrix='', mutants=()):
        return self.pages.Pages(matrix, mutants).texts()[family]

    def test_each_scenario_is_on_a_page(self):
        texts = '\n'.join(self.pages.Pages('', ()).texts().values())
        for cls in scenarios.find_classes():
            for name in dir(cls):
                if name.startswith('test_'):
                    self.assertIn('``%s``' % name, texts)

    def test_both_variants_are_one_story(self):
        story = self.story(test_moves.ResizedTest,
                           'test_deleted_with_source_out')
        self.assertEqual(
            ['test_deleted_with_source_out_forced_down',
             'test_deleted_with_source_out_stopped'], list(story.tests))
        # It has this ending, and no partner.
        self.story(test_moves.RevertTest,
                   'test_deleted_in_revert_with_source_stopped')

    def test_outages_are_those_of_the_steps(self):
        for wanted, cls, name in (
                (['ForcedDown'], test_local_delete.LocalDeleteTest,
                 'test_allocations_removed_by_api'),
                (['Disabled'], test_local_delete.LocalDeleteTest,
                 'test_allocations_removed_when_service_disabled'),
                (['ForcedDown', 'Stopped'], test_moves.ResizedTest,
                 'test_deleted_with_source_out'),
                (['Frozen', 'Unnoticed'], test_moves.CaughtMoveTest,
                 'test_deleted_before_finished'),
                (['Stopped', 'PlacementStopped'],
                 test_without_placement.NoPlacementTest,
                 'test_server_kept_when_placement_unavailable'),
                ([], test_no_host.NoHostTest,
                 'test_never_scheduled_server_deleted')):
            self.assertEqual(wanted, self.outages(cls, name), name)

    def test_needs_are_the_reasons_of_skips(self):
        story = self.story(test_ports.ResourceRequestTest,
                           'test_port_with_resource_request_unbound')
        forced_down, stopped = story.tests.values()
        self.assertEqual(
            ['[network-feature-enabled] api_extensions lacks qos',
             'compute microversion 2.72 is needed, and [compute] '
             'max_microversion is None'], self.pages.reasons_of(forced_down))
        self.assertIn(
            '[local_delete] compute_stop_command, compute_start_command: not '
            'set', self.pages.reasons_of(stopped))
        self.assertEqual(['compute', 'network'],
                         self.pages.services_of(stopped))

    def test_a_page(self):
        page = self.page('test_moves')
        self.assertIn(
            'test_deleted_before_finished\n----------------------------\n\n'
            'Nothing is left of a migration that a dead destination has to '
            'end.\n\nThe source is alive,', page)
        self.assertIn(
            ':Known defect: :ref:`verify-resize-source-dead`\n'
            '    (``test_deleted_with_source_out_stopped``): in 2025.1, ',
            page)
        self.assertIn(
            '(`bug 1848343 <https://bugs.launchpad.net/nova/+bug/1848343>`__)',
            page)

    def test_mutants_of_one_story_and_of_several(self):
        killer = 'test_no_host.NoHostTest.test_never_scheduled_server_deleted'
        page = self.page('test_no_host', _ROW % ('one', killer) + _ROW % (
            'other', killer), [
                self.mutant('one', 'never_scheduled_server_deleted'),
                self.mutant('other', 'never_scheduled_server_deleted',
                            'removed_by_api')])
        self.assertIn(':Kills alone: ``one``\n', page)
        self.assertIn(':Kills, as others may: ``other``\n', page)
