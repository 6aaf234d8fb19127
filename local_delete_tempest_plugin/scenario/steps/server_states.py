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

"""Steps of stories in which a server is not ACTIVE when it is deleted."""

from tempest import config

from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.scenario.steps import base
from local_delete_tempest_plugin.scenario.steps import footprint

CONF = config.CONF


class ServerStates(base.BaseLocalDeleteTest):
    """A member who pauses, suspends, rescues, stops and shelves servers.

    Each step takes a server that is ACTIVE, and returns it in its new state.
    """

    def pause_server(self, server: footprint.Server) -> footprint.Server:
        """Pause a server."""
        return self._change_status(
            server, self.member.servers_client.pause_server, 'PAUSED')

    def suspend_server(self, server: footprint.Server) -> footprint.Server:
        """Suspend a server."""
        return self._change_status(
            server, self.member.servers_client.suspend_server, 'SUSPENDED')

    def rescue_server(self, server: footprint.Server) -> footprint.Server:
        """Boot a server into its rescue image."""
        return self._change_status(
            server, self.member.servers_client.rescue_server, 'RESCUE')

    def stop_server(self, server: footprint.Server) -> footprint.Server:
        """Stop a server's guest."""
        return self._change_status(
            server, self.member.servers_client.stop_server, 'SHUTOFF')

    def _change_status(self, server, ask, status):
        ask(server.id)
        changed = self.servers.await_status(server, status,
                                            CONF.compute.build_timeout)
        self.watch.read_during()
        return changed

    def offload_server(self, server: footprint.Server) -> footprint.Server:
        """Shelve a server and take it off its host."""
        limit = CONF.compute.build_timeout + max(
            0, CONF.compute.shelved_offload_time)
        self.member.servers_client.shelve_server(server.id)
        if CONF.compute.shelved_offload_time < 0:
            # Nova leaves the offload to the admin.
            self.servers.await_status(server, 'SHELVED', limit)
            self.admin.servers_client.shelve_offload_server(server.id)
        self.servers.await_status(server, 'SHELVED_OFFLOADED', limit)
        # Nova shows that status a moment before it forgets the host.
        waiters.wait_until(
            lambda: self.servers.show(server.id)['OS-EXT-SRV-ATTR:host'],
            lambda host: host is None, '%s is on no host' % server, limit)
        offloaded = self.servers.note_host(server, None)
        self.watch.read_during()
        return offloaded

    def shelve_server(self, server: footprint.Server) -> footprint.Server:
        """Shelve a server that boots from an image, and take it off its host.

        Nova makes an image of the server, which has to go with the server.
        """
        name = '%s-shelved' % server.name
        self.intend(run_resources.Image(name))
        server = self.offload_server(server)
        self._track_image(server, name)
        return server

    def _track_image(self, server, name):
        client = self.member.image_client_v2
        images = waiters.wait_until(
            lambda: [image for image in client.list_images(
                {'name': name})['images'] if image['name'] == name],
            bool, '%s has an image %s' % (server, name),
            CONF.compute.build_timeout)
        self.watch.track(*(('image', image['id']) for image in images))
        self.watch.read_during()
