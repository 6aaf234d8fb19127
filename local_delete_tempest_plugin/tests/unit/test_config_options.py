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

from oslo_config import cfg

from local_delete_tempest_plugin import config
from local_delete_tempest_plugin.tests.unit import base

NUMBERS = (cfg.IntOpt, cfg.FloatOpt)
# Numbers that are no seconds.
COUNTS = ('min_other_hosts', 'many_servers')
# Seconds that no wait is limited by.
PERIODS = ('stays_gone_period', 'stop_settle_time')


class OptionsTest(base.TestCase):

    def test_help_says_unit_default_and_when_to_change_it(self):
        for option in config.LocalDeleteGroup:
            words = option.help.lower()
            self.assertIn('default', words, option.name)
            self.assertTrue(
                any(advice in words for advice in ('set it', 'raise it',
                                                   'keep it', 'name hosts')),
                '%s: when to change it?' % option.name)
            if (isinstance(option, NUMBERS)
                    and option.name not in COUNTS):
                self.assertIn('seconds', words, option.name)
                self.assertIn('default: %g' % option.default, words,
                              option.name)

    def test_numbers_are_positive(self):
        """A limit of 0 would judge a cloud by one look."""
        numbers = [option for option in config.LocalDeleteGroup
                   if isinstance(option, NUMBERS)
                   and option.name not in COUNTS]
        self.assertNotEqual([], numbers)
        for option in numbers:
            for wrong in (0, -1):
                self.assertRaises(ValueError, self.config,
                                  **{option.name: wrong})

    def test_every_wait_has_a_limit_of_its_own(self):
        limits = [option.name for option in config.LocalDeleteGroup
                  if isinstance(option, cfg.IntOpt)
                  and option.name not in COUNTS + PERIODS]
        self.assertNotEqual([], limits)
        for name in limits:
            self.assertTrue(name.endswith('_timeout'), name)

    def test_defaults_allow_nothing(self):
        options = cfg.CONF.local_delete
        self.assertIs(False, options.allow_outages)
        self.assertIs(False, options.allow_placement_outage)
        self.assertEqual([], options.target_hosts)
        for option in config.LocalDeleteGroup:
            if option.name.endswith('_command'):
                self.assertIsNone(options[option.name], option.name)
                # Nothing is stopped that cannot be started again.
                self.assertIn(option.name.replace('_stop_', '_start_'),
                              options)

    def test_a_look_by_the_api_alone_ends_before_the_audit(self):
        """A live compute's audit would hide what the API has left."""
        self.assertLess(cfg.CONF.local_delete.local_cleanup_timeout, 60)

    def test_listed_for_the_generator(self):
        (group, options), = config.list_opts()
        self.assertEqual('local_delete', group.name)
        self.assertIs(config.LocalDeleteGroup, options)
