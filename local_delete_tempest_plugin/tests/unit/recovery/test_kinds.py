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

import dataclasses
import json
import pathlib

from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.outages import control_services
from local_delete_tempest_plugin.recovery import journal_format
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.safety import change
from local_delete_tempest_plugin.tests.unit import base

#: The changes of today's journal, each as (kind, fields).
WRITTEN = [
    (line['kind'], line['what']) for line in map(
        json.loads, pathlib.Path(__file__).with_name('journals').joinpath(
            'version-%d.journal' % journal_format.VERSION
        ).read_text().splitlines())
    if 'intent' in line]


def subclasses(kind):
    """List a class with all that derive from it."""
    return {kind}.union(*map(subclasses, kind.__subclasses__()))


class KindsTest(base.TestCase):

    def problem(self, kind, what, version=journal_format.VERSION):
        """Tell why an intent of a journal cannot be used."""
        return str(kinds.read('/j/1.journal', version, kind, what))

    def test_each_kind_is_registered_and_in_the_journal_of_today(self):
        """Journals hold these names. Do not rename one: see change.Change."""
        plugin = {kind for kind in subclasses(change.Change)
                  if 'tests' not in kind.__module__}
        self.assertEqual(
            plugin - {change.Change, kinds.Unusable,
                      control_services.ControlServiceChange,
                      run_resources.RunResource}, set(kinds.KINDS.values()))
        self.assertEqual(set(kinds.KINDS), {kind for kind, _ in WRITTEN})
        self.assertEqual(
            {what['outage'] for _, what in WRITTEN if 'outage' in what},
            set(compute_outage.OUTAGES))

    def test_each_kind_is_read_as_it_was_written(self):
        for kind, what in WRITTEN:
            read = kinds.read(
                '/j/1.journal', journal_format.VERSION, kind, what)
            # An earlier release had not all of the fields.
            self.assertEqual((kind, what), (read.kind, {
                field: value for field, value
                in dataclasses.asdict(read).items() if field in what}))

    def test_each_field_is_needed_and_no_other_is_known(self):
        """An undo that knows half of a change would be half an undo."""
        for kind, what in WRITTEN:
            # An earlier release had not the fields that have a default.
            for field in [field.name for field in
                          dataclasses.fields(kinds.KINDS[kind])
                          if field.default is dataclasses.MISSING]:
                half = {name: value for name, value in what.items()
                        if name != field}
                self.assertEqual(
                    "has an intent of kind %s that cannot be used: $: '%s' is "
                    'a required property' % (kind, field),
                    self.problem(kind, half))
                self.assertIn('cannot be used: $.%s: ' % field,
                              self.problem(kind, dict(what, **{field: 1.5})))
            self.assertIn("('more' was unexpected)",
                          self.problem(kind, dict(what, more='x')))

    def test_fields_of_fields_are_checked_too(self):
        what = dict(next(what for kind, what in WRITTEN if kind == 'compute'))
        for changed, words in (
                ({'target': dict(what['target'], host='')}, '$.target.host'),
                ({'before': dict(what['before'], forced_down=None)},
                 '$.before.forced_down'),
                ({'outage': 'ForcedDown'}, "'ForcedDown' is not one of")):
            self.assertIn(words, self.problem('compute', what | changed))

    def test_names_of_another_version_are_unknown(self):
        what = {'belonging': 'port', 'name': 'x'}
        self.assertEqual(run_resources.Port('x'),
                         kinds.read('/j/1.journal', 1, 'belonging', what))
        self.assertEqual("has an intent of unknown kind 'belonging'",
                         self.problem('belonging', what))
        for kind in ({}, None, 'router'):
            self.assertIn('has an intent of unknown kind', self.problem(
                'belonging', {'belonging': kind, 'name': 'x'}, version=1))

    def test_words_for_an_operator(self):
        told = {kind: str(kinds.read('/j/1.journal', 3, kind, what))
                for kind, what in WRITTEN}
        self.assertEqual('disabled of host cmp8', told['compute'])
        self.assertEqual(
            'project_id 0123456789abcdef0123456789abcdef, instances 10, '
            'lowered_to 2',
            told['quota'])
