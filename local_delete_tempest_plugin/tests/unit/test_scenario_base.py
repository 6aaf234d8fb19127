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

from unittest import mock

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import compute_service
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.scenario import at_once
from local_delete_tempest_plugin.scenario import base as scenario_base
from local_delete_tempest_plugin.tests.unit import base


class SkipChecksTest(base.TestCase):
    """What a cloud must have, and how an operator hears of it."""

    def setUp(self):
        super().setUp()
        self.allow_all()

    def allow_all(self):
        self.config('service_available', nova=True)
        self.config('compute', image_ref='image', flavor_ref='flavor',
                    min_microversion='2.1', max_microversion='2.96')
        self.config('placement', min_microversion=None, max_microversion=None)
        self.config(allow_outages=True, target_hosts=['cmp1'])

    def skip_reason(self):
        # Caught by hand: a skip must not skip the test that looks for it.
        try:
            scenario_base.BaseLocalDeleteTest.skip_checks()
        except self.skipException as reason:
            return str(reason)
        return 'no skip'

    def test_nothing_missing(self):
        self.assertEqual('no skip', self.skip_reason())
        self.config('compute', max_microversion='latest')
        self.assertEqual('no skip', self.skip_reason())
        self.config('placement', min_microversion='1.0',
                    max_microversion='1.28')
        self.assertEqual('no skip', self.skip_reason())

    def test_defaults_skip_everything(self):
        for option in ('allow_outages', 'target_hosts'):
            self.conf.conf.clear_override(option, group='local_delete')
        self.assertIn('[local_delete] allow_outages', self.skip_reason())

    def test_skip_names_the_option(self):
        for group, options, named in (
                ('service_available', {'nova': False},
                 '[service_available] nova'),
                ('local_delete', {'allow_outages': False},
                 '[local_delete] allow_outages'),
                ('local_delete', {'target_hosts': []},
                 '[local_delete] target_hosts'),
                ('compute', {'max_microversion': None},
                 '[compute] min_microversion = 2.1, max_microversion = None'),
                ('compute', {'max_microversion': '2.52'},
                 'max_microversion = 2.52'),
                ('compute', {'min_microversion': '2.60'},
                 'min_microversion = 2.60'),
                ('placement', {'min_microversion': '1.0',
                               'max_microversion': '1.27'},
                 '[placement] min_microversion = 1.0, '
                 'max_microversion = 1.27')):
            self.allow_all()
            self.config(group, **options)
            self.assertIn(named, self.skip_reason(), options)

    def test_image_and_flavor_are_needed(self):
        for option in ('image_ref', 'flavor_ref'):
            self.allow_all()
            self.config('compute', **{option: None})
            error = self.assertRaises(
                lib_exc.InvalidConfiguration, self.skip_reason)
            self.assertIn('[compute] %s' % option, str(error))


class AlikeTest(base.TestCase):

    def test_no_server_moves_between_two_kinds_of_hypervisor(self):
        story = mock.Mock()
        story.services.hypervisor_types.return_value = {
            'a': 'QEMU', 'b': 'fake', 'c': 'fake'}
        hosts = [compute_service.TargetHost(name, name, name)
                 for name in 'abc']
        for names, alike in (('a', True), ('bc', True), ('ab', False),
                             ('abc', False)):
            targets = [host for host in hosts if host.host in names]
            self.assertEqual(alike, scenario_base.BaseLocalDeleteTest._alike(
                story, targets), names)


class AttemptsTest(base.TestCase):

    def test_skips_after_the_last(self):
        story = mock.Mock()
        story.skipTest = self.skipTest
        attempts = scenario_base.BaseLocalDeleteTest.attempts_before_noticed(
            story, 'before its time')
        self.assertEqual(1, next(attempts))
        # Caught by hand: a skip must not skip the test that looks for it.
        try:
            list(attempts)
        except self.skipException as reason:
            self.assertEqual('5 times Nova saw a compute down before its time',
                             str(reason))
        else:
            self.fail('no skip')


class FlippingTest(base.TestCase):
    """Deletes of which each meets a flag that moves."""

    def setUp(self):
        super().setUp()
        self.config(request_timeout=1)
        self.story, self.away = mock.Mock(), mock.Mock()

    def delete(self, servers, flips):
        at_once.AtOnceTest.delete_between_flips(self.story, servers, flips)

    def flipping(self):
        return at_once.AtOnceTest.flipping(self.story, self.away)

    def test_a_whole_flip_for_each_delete(self):
        sent = []
        self.story.request_delete = lambda server: sent.append(
            self.away.flip.call_count)
        with self.flipping() as flips:
            self.delete(range(3), flips)
        sent.append(self.away.flip.call_count)
        for before, after in zip(sent, sent[1:]):
            self.assertGreaterEqual(after - before, 2)
        # It was down, and is so again.
        self.away.flip.assert_called_with(True)

    def test_a_flag_that_does_not_move(self):
        error = self.assertRaises(exceptions.TimedOut, self.delete,
                                  ['server'], lambda: 3)
        self.assertIn('the flag has been lifted and set again since the '
                      'delete of server was sent; last seen: 3', str(error))

    def test_a_flip_that_fails_is_told(self):
        self.away.flip.side_effect = ValueError('refused')

        def story():
            with self.flipping() as flips:
                self.delete(['server'], flips)

        self.assertEqual('refused', str(self.assertRaises(ValueError, story)))
