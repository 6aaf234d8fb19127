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


"""What "growth" calls growth, and how it counts pages."""

import argparse

from allinone import errors
from allinone.tests import base
from proof.benchmarks import growth
from proof.benchmarks import run_log

_LIST = 'GET /v2.1/os-hypervisors/detail'


def _line(path):
    return ('2026-11-26 16:38:35.164 7 INFO tempest.lib.common.rest_client '
            f'[-] Request (main): 200 GET http://127.0.0.1:1{path} 0.025s\n')


class GrowthTest(base.TestCase):

    def test_a_further_page_is_a_kind_of_its_own(self):
        log = self.state / 'tempest.log'
        self.state.mkdir(parents=True, exist_ok=True)
        log.write_text(_line('/v2.1/os-hypervisors/detail')
                       + _line('/v2.1/os-hypervisors/detail?marker=x'))
        self.assertEqual([_LIST, _LIST + run_log.PAGE],
                         [one.kind for one in run_log.requests(log)])

    def test_only_pages_may_grow(self):
        small = {'preflight': {_LIST: 1, 'GET /': 3}}
        large = {'preflight': {_LIST: 1, _LIST + run_log.PAGE: 9, 'GET /': 2}}
        self.assertEqual([], growth.compare(small, large))
        large['preflight'][_LIST] = 2
        large['preflight']['GET /new'] = 1
        self.assertEqual(
            ['preflight sent 1 times GET /new on the large cloud, and 0 times '
             'on the small one',
             f'preflight sent 2 times {_LIST} on the large cloud, and 1 times '
             'on the small one'], growth.compare(small, large))

    def test_counts_that_cannot_be(self):
        self.assertRaises(
            errors.BadInput, growth.run, self.cloud, argparse.Namespace(
                computes=0, servers=1))
