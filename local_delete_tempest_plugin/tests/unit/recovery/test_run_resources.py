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
from tempest.lib.services.compute import flavors_client
from tempest.lib.services.compute import server_groups_client
from tempest.lib.services.image.v2 import images_client
from tempest.lib.services.network import floating_ips_client
from tempest.lib.services.network import ports_client
from tempest.lib.services.network import qos_client
from tempest.lib.services.volume.v3 import volumes_client

from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.tests.unit import base

RUN = run.Run('0123456789AB')
OURS = RUN.name + '-1'

KINDS = [kind for kind in kinds.KINDS.values()
         if issubclass(kind, run_resources.RunResource)]


class RunResourcesTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.config('service_available', neutron=True, cinder=True)
        self.manager = mock.Mock(
            image_client_v2=mock.create_autospec(images_client.ImagesClient),
            floating_ips_client=mock.create_autospec(
                floating_ips_client.FloatingIPsClient),
            flavors_client=mock.create_autospec(flavors_client.FlavorsClient),
            ports_client=mock.create_autospec(ports_client.PortsClient),
            qos_client=mock.create_autospec(qos_client.QosClient),
            server_groups_client=mock.create_autospec(
                server_groups_client.ServerGroupsClient),
            volumes_client_latest=mock.create_autospec(
                volumes_client.VolumesClient))
        named = [{'id': '1', 'name': OURS}, {'id': '2', 'name': OURS + '0'},
                 {'id': '3', 'name': 'foreign'}]
        self.manager.floating_ips_client.list_floatingips.return_value = {
            'floatingips': [
                *({'id': one['id'], 'description': one['name']}
                  for one in named), {'id': '4'}]}
        self.manager.flavors_client.list_flavors.return_value = {
            'flavors': named}
        self.manager.ports_client.list_ports.return_value = {'ports': named}
        self.manager.qos_client.list_qos_policies.return_value = {
            'policies': named}
        self.manager.server_groups_client.list_server_groups.side_effect = (
            lambda offset, **_: {'server_groups': named[offset:]})
        self.manager.volumes_client_latest.list_volumes.return_value = {
            'volumes': [*named, {'id': '4', 'name': None}]}
        self.manager.image_client_v2.list_images.return_value = {
            'images': [*named, {'id': '4', 'name': None}]}
        self.manager.volumes_client_latest.show_volume.side_effect = (
            lib_exc.NotFound)
        self.deletes = {
            'flavor': self.manager.flavors_client.delete_flavor,
            'floating IP': self.manager.floating_ips_client.delete_floatingip,
            'port': self.manager.ports_client.delete_port,
            'QoS policy': self.manager.qos_client.delete_qos_policy,
            'volume': self.manager.volumes_client_latest.force_delete_volume,
            'server group':
                self.manager.server_groups_client.delete_server_group,
            'image': self.manager.image_client_v2.delete_image}
        self.admin = admin.Admin.of(self.manager)

    def find(self):
        """Find the resources of the run, as (kind, name)."""
        return {(kind.kind, found.name) for kind in KINDS
                for found in kind.find(self.admin, RUN)}

    def deleted(self):
        return {kind: [call.args[0] for call in delete.call_args_list]
                for kind, delete in self.deletes.items()
                if delete.called}

    def test_found_by_a_part_of_the_name(self):
        self.assertEqual(
            {(kind, name) for kind in self.deletes
             for name in (OURS, OURS + '0')}, self.find())

    def test_found_on_a_later_page(self):
        manager = self.manager
        for listed, key, more in (
                (manager.flavors_client.list_flavors, 'flavors',
                 'flavors_links'),
                (manager.floating_ips_client.list_floatingips, 'floatingips',
                 'floatingips_links'),
                (manager.ports_client.list_ports, 'ports', 'ports_links'),
                (manager.qos_client.list_qos_policies, 'policies',
                 'policies_links'),
                (manager.volumes_client_latest.list_volumes, 'volumes',
                 'volumes_links'),
                (manager.server_groups_client.list_server_groups,
                 'server_groups', None),
                (manager.image_client_v2.list_images, 'images', 'next')):
            found = {'id': '2', 'name': OURS, 'description': OURS}
            listed.side_effect = [
                {key: [{'id': '1', 'name': '', 'description': ''}],
                 more: ['next']}, {key: [found]}, {key: []}]
        self.assertEqual({(kind, OURS) for kind in self.deletes}, self.find())

    def test_pages_are_asked_for(self):
        """Neutron gives all ports at once, and 30,000 are over the limit."""
        self.find()
        for listed in (self.manager.ports_client.list_ports,
                       self.manager.qos_client.list_qos_policies,
                       self.manager.floating_ips_client.list_floatingips):
            self.assertEqual(1000, listed.call_args.kwargs.get('limit'))

    def test_deleted_by_the_whole_name(self):
        for kind in KINDS:
            kind(OURS).undo(self.admin)
        self.assertEqual({kind: ['1'] for kind in self.deletes},
                         self.deleted())

    def test_gone_meanwhile(self):
        for kind, delete in self.deletes.items():
            delete.side_effect = lib_exc.NotFound
            kinds.KINDS[kind](OURS).undo(self.admin)

    def test_never_made(self):
        for kind in KINDS:
            kind('local-delete-0123456789ab-2').undo(self.admin)
        self.assertEqual({}, self.deleted())

    def test_volume_in_use_is_made_deletable_first(self):
        run_resources.Volume(OURS).undo(self.admin)
        self.manager.volumes_client_latest.assert_has_calls([
            mock.call.reset_volume_status(
                '1', status='available', attach_status='detached'),
            mock.call.force_delete_volume('1'), mock.call.show_volume('1')])

    def test_volume_that_stays(self):
        self.config('volume', build_timeout=1)
        client = self.manager.volumes_client_latest
        client.show_volume.side_effect = None
        client.show_volume.return_value = {
            'volume': {'status': 'error_deleting'}}
        error = self.assertRaises(
            lib_exc.TimeoutException, run_resources.Volume(OURS).undo,
            self.admin)
        self.assertIn('error_deleting', str(error))

    def test_neutron_without_qos(self):
        self.manager.qos_client.list_qos_policies.side_effect = (
            lib_exc.NotFound)
        run_resources.QosPolicy(OURS).undo(self.admin)
        self.assertNotIn('QoS policy', dict(self.find()))
        self.assertEqual({}, self.deleted())

    def test_service_that_the_cloud_lacks(self):
        self.config('service_available', neutron=False, cinder=False,
                    glance=False)
        self.assertEqual(
            {(kind, name) for kind in ('flavor', 'server group')
             for name in (OURS, OURS + '0')}, self.find())
        self.assertEqual([], self.manager.ports_client.method_calls)

    def test_service_that_tempest_conf_no_longer_has(self):
        """What is there cannot be seen, so it must not count as undone."""
        self.config('service_available', neutron=False, cinder=False,
                    glance=False)
        for kind in KINDS:
            if kind.service:
                refused = self.assertRaises(
                    exceptions.RestoreFailed, kind(OURS).undo, self.admin)
                self.assertIn('[service_available] %s is False' % kind.service,
                              str(refused))
        self.assertEqual({}, self.deleted())
