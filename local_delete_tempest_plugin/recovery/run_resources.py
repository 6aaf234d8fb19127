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

"""What a run brings for its servers, and what Nova makes of them.

Ports, volumes and the like; and the image of a server that is shelved.

Each carries the run's id, in its name or, where it has none, its description,
so that it can be found and deleted when the run is dead.
"""

from tempest import config
from tempest.lib.common.utils import test_utils
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import pagination
from local_delete_tempest_plugin.common import waiters

CONF = config.CONF

# The most that Glance gives at once, by its default.
_PAGE = 1000

_ignore_gone = test_utils.call_and_ignore_notfound_exc


class Belongings:
    """Finds and deletes what runs brought, in every project.

    :param manager: An admin's ``tempest.clients.Manager``.
    """

    #: What can be brought.
    KINDS = ('floating IP', 'port', 'QoS policy', 'volume', 'server group',
             'image')

    def __init__(self, manager):
        self._manager = manager
        self._list = {'floating IP': self._list_floating_ips,
                      'port': self._list_ports,
                      'QoS policy': self._list_qos_policies,
                      'volume': self._list_volumes,
                      'server group': self._list_server_groups,
                      'image': self._list_images}
        self._delete = {'floating IP': self._delete_floating_ip,
                        'port': self._delete_port,
                        'QoS policy': self._delete_qos_policy,
                        'volume': self._delete_volume,
                        'server group': self._delete_server_group,
                        'image': self._delete_image}

    def find(self, part):
        """Find all whose name has a part.

        :param part: The part, such as a run's name.
        :returns: A set of (kind, name).
        """
        return {(kind, name) for kind in self.KINDS
                for name in self._list[kind]().values() if part in name}

    def delete(self, kind, name):
        """Delete all of a kind that have a name; no error if none has.

        :param kind: One of ``KINDS``.
        :param name: The name.
        """
        for found, its_name in self._list[kind](name).items():
            if its_name == name:
                self._delete[kind](found)

    # Each gives {id: name}, of all or of those with a name.

    def _list_floating_ips(self, name=None):
        if not CONF.service_available.neutron:
            return {}
        filters = {'description': name} if name else {}
        return {found['id']: found.get('description') or '' for found in
                pagination.read(
                    self._manager.floating_ips_client.list_floatingips,
                    'floatingips', 'GET /floatingips', **filters)}

    def _list_ports(self, name=None):
        if not CONF.service_available.neutron:
            return {}
        filters = {'name': name} if name else {}
        return {found['id']: found['name'] for found in pagination.read(
            self._manager.ports_client.list_ports, 'ports', 'GET /ports',
            **filters)}

    def _list_qos_policies(self, name=None):
        if not CONF.service_available.neutron:
            return {}
        filters = {'name': name} if name else {}
        try:
            return {found['id']: found['name'] for found in pagination.read(
                self._manager.qos_client.list_qos_policies, 'policies',
                'GET /qos/policies', **filters)}
        except lib_exc.NotFound:
            # Not every Neutron has them.
            return {}

    def _list_volumes(self, name=None):
        if not CONF.service_available.cinder:
            return {}
        filters = dict({'name': name} if name else {}, all_tenants=1)
        client = self._manager.volumes_client_latest
        return {found['id']: found['name'] or '' for found in pagination.read(
            lambda **page: client.list_volumes(detail=True, params=page),
            'volumes', 'GET /volumes/detail', **filters)}

    def _list_server_groups(self, name=None):
        return {found['id']: found['name']
                for found in pagination.read_unlinked(
                    self._manager.server_groups_client.list_server_groups,
                    'server_groups', 'GET /os-server-groups',
                    all_projects=True)}

    def _list_images(self, name=None):
        if not CONF.service_available.glance:
            return {}
        filters = dict({'name': name} if name else {}, limit=_PAGE)
        return {found['id']: found['name'] or '' for found in pagination.read(
            lambda **page: self._manager.image_client_v2.list_images(page),
            'images', 'GET /images', **filters)}

    def _delete_floating_ip(self, floating_ip):
        _ignore_gone(self._manager.floating_ips_client.delete_floatingip,
                     floating_ip)

    def _delete_port(self, port):
        _ignore_gone(self._manager.ports_client.delete_port, port)

    def _delete_qos_policy(self, policy):
        _ignore_gone(self._manager.qos_client.delete_qos_policy, policy)

    def _delete_server_group(self, group):
        _ignore_gone(
            self._manager.server_groups_client.delete_server_group, group)

    def _delete_image(self, image):
        _ignore_gone(self._manager.image_client_v2.delete_image, image)

    def _delete_volume(self, volume_id):
        client = self._manager.volumes_client_latest
        # A local delete may have left it in use, and then it stays for ever.
        _ignore_gone(client.reset_volume_status, volume_id,
                     status='available', attach_status='detached')
        _ignore_gone(client.force_delete_volume, volume_id)

        def state():
            try:
                return client.show_volume(volume_id)['volume']['status']
            except lib_exc.NotFound:
                return None

        waiters.wait_until(state, lambda seen: seen is None,
                           'volume %s is gone' % volume_id,
                           CONF.volume.build_timeout)
