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

from local_delete_tempest_plugin import compute_service
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin import guard
from local_delete_tempest_plugin.tests.unit import base

UP = compute_service.Service(
    id='1', host='cmp1', state='up', status='enabled', disabled_reason=None,
    forced_down=False, updated_at='2026-01-01T00:00:00.000000')


class GuardTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.config(allow_outages=True, target_hosts=['cmp1', 'cmp2'])

    def refusal(self, **changes):
        return str(self.assertRaises(
            exceptions.OutageRefused, guard.check,
            dataclasses.replace(UP, **changes)))

    def test_allowed(self):
        guard.check(UP)
        self.config(target_hosts=['*'])
        guard.check(UP)

    def test_service_that_is_not_as_it_should_be(self):
        for changes, reason in (
                ({'forced_down': True, 'state': 'down'},
                 'its compute service is forced down already'),
                ({'state': 'down'}, 'its compute service is down'),
                ({'status': 'disabled', 'disabled_reason': 'broken fan'},
                 'its compute service is disabled (broken fan)')):
            self.assertEqual('host cmp1 may not be taken down: ' + reason,
                             self.refusal(**changes))

    def test_what_the_operator_did_not_allow(self):
        for options, reason in (
                ({'allow_outages': False},
                 '[local_delete] allow_outages is False'),
                ({'target_hosts': []},
                 'it is not among [local_delete] target_hosts'),
                ({'target_hosts': ['cmp', 'cmp11', 'CMP1', 'cmp*']},
                 'it is not among [local_delete] target_hosts')):
            self.config(allow_outages=True, target_hosts=['cmp1'])
            self.config(**options)
            self.assertEqual('host cmp1 may not be taken down: ' + reason,
                             self.refusal())
