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

"""Our own supervisord."""

import os
import select
from unittest import mock

from allinone import supervisord
from allinone.tests import base


class PollerTest(base.TestCase):

    def test_a_write_end_in_place_of_a_read_end_is_polled_once(self):
        """Otherwise supervisord spins."""
        poller = supervisord.Poller(mock.Mock())
        read, write = os.pipe()
        self.addCleanup(os.close, write)
        poller.register_readable(read)
        reader, writer = os.pipe()
        os.dup2(writer, read)
        os.close(writer)
        self.addCleanup(os.close, read)
        os.close(reader)
        self.assertEqual(([], []), poller.poll(0))
        self.assertEqual([], poller._poller.poll(0),
                         f'poll reports {select.POLLERR} again and again')
