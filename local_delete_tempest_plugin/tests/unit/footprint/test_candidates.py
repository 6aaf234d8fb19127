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

from local_delete_tempest_plugin.footprint import candidates
from local_delete_tempest_plugin.tests.unit import base


class OfferTest(base.TestCase):

    offer = candidates.Offer(
        requests=[], capacity={'root': {'VCPU': 8, 'MEMORY_MB': 64}},
        used={'root': {'VCPU': 3, 'MEMORY_MB': 5}})

    def test_free(self):
        self.assertEqual(5, self.offer.free('root', 'VCPU'))
        self.assertEqual(0, self.offer.free('root', 'DISK_GB'))
        self.assertEqual(0, self.offer.free('other', 'VCPU'))

    def test_what_others_hold_does_not_count(self):
        self.assertEqual(
            {'root': {'VCPU': 2, 'MEMORY_MB': 5}},
            self.offer.without(
                {'root': {'foreign': {'VCPU': 1}, 'own': {'VCPU': 2}},
                 'other': {'foreign': {'VCPU': 1}}}, {'own'}))
