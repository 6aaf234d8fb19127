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

"""The steps of stories in which a server is not ACTIVE when it is deleted."""

from tempest import config

from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin.scenario.steps import servers

CONF = config.CONF


class RestingTest(servers.BaseLocalDeleteTest):
    """A member who pauses, suspends, rescues, stops and shelves servers.

    Each step takes a ``Server`` that is ACTIVE, and returns it in its new
    state.
    """

    def pause_server(self, server):
        """Pause a server."""
        return self._rest(server, self.servers_client.pause_server, 'PAUSED')

    def suspend_server(self, server):
        """Suspend a server."""
        return self._rest(server, self.servers_client.suspend_server,
                          'SUSPENDED')

    def rescue_server(self, server):
        """Boot a server into its rescue image."""
        return self._rest(server, self.servers_client.rescue_server, 'RESCUE')

    def stop_server(self, server):
        """Stop a server's guest."""
        return self._rest(server, self.servers_client.stop_server, 'SHUTOFF')

    def _rest(self, server, ask, status):
        ask(server.id)
        rested = self.await_status(server, status,
                                   CONF.compute.build_timeout)
        self.read_during()
        return rested

    def offload_server(self, server):
        """Shelve a server and take it off its host."""
        limit = CONF.compute.build_timeout + max(
            0, CONF.compute.shelved_offload_time)
        self.servers_client.shelve_server(server.id)
        if CONF.compute.shelved_offload_time < 0:
            # Nova leaves the offload to the admin.
            self.await_status(server, 'SHELVED', limit)
            self.admin_servers_client.shelve_offload_server(server.id)
        self.await_status(server, 'SHELVED_OFFLOADED', limit)
        # Nova says so a moment before it forgets the host.
        waiters.wait_until(
            lambda: self._show_server(server.id)['OS-EXT-SRV-ATTR:host'],
            lambda host: host is None, '%s is on no host' % server, limit)
        offloaded = self._note_host(server, None)
        self.read_during()
        return offloaded

    def shelve_server(self, server):
        """Shelve a server that boots from an image, and take it off its host.

        Nova makes an image of it, which is to go with the server.
        """
        name = '%s-shelved' % server.name
        self._intend_here('belonging', belonging='image', name=name)
        server = self.offload_server(server)
        self._track_image(server, name)
        return server

    def _track_image(self, server, name):
        images = waiters.wait_until(
            lambda: self.member.image_client_v2.list_images(
                {'name': name})['images'],
            bool, '%s has an image %s' % (server, name),
            CONF.compute.build_timeout)
        self.reader.tracked |= {('image', image['id']) for image in images}
        self.read_during()
