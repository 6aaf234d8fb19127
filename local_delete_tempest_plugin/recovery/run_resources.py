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

"""Ports, volumes and the like that a run makes for its servers.

Also the image that Nova makes of a server that is shelved. Each resource
carries the id of its run in its name, or in its description if it has no
name. So it can be found and deleted after the run was abandoned.
"""

from collections.abc import Iterable
import dataclasses
import operator
from typing import Any
from typing import ClassVar
from typing import TypeVar

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import pagination
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import gone
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import run

CONF = config.CONF

# How many are asked for at once. The APIs give no more by their default.
_PAGE = 1000

_Self = TypeVar('_Self', bound='RunResource')
_Items = Iterable[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class RunResource(safety_change.Change):
    """A resource that carries the id of its run."""

    #: What is in the field that carries the id.
    name: str

    #: The service in ``[service_available]``; None where every cloud has it.
    service: ClassVar[str | None] = None
    #: The field that carries the id.
    field: ClassVar[str] = 'name'
    #: The key under which an answer has the list.
    key: ClassVar[str]
    #: The fields that are asked for, where the API can be asked so.
    fields: ClassVar[tuple[str, ...]] = ()
    #: Each takes a ``tempest.clients.Manager`` and gives a client's method.
    list_method: ClassVar['operator.attrgetter[Any]']
    delete_method: ClassVar['operator.attrgetter[Any]']

    @classmethod
    def find(cls: type[_Self], admin: cloud_admin.Admin, this_run: run.Run
             ) -> list[_Self]:
        return [cls(name) for name in sorted(set(cls._names(admin).values()))
                if this_run.owns(name)]

    def is_of(self, this_run: run.Run) -> bool:
        return this_run.owns(self.name)

    def undo(self, admin: cloud_admin.Admin) -> None:
        if not self._is_available():
            raise exceptions.RestoreFailed(
                what='%s %s' % (self.kind, self.name),
                problem='[service_available] %s is False' % self.service,
                remedy='set it to True, as it was in the run; then this again')
        for found, name in self._names(
                admin, **{self.field: self.name}).items():
            if name == self.name:
                gone.delete(self._delete, admin.manager, found)

    @classmethod
    def _names(cls, admin: cloud_admin.Admin, **filters: Any
               ) -> dict[str, str]:
        """Read the names of all, or of those that filters let through.

        :returns: {id: name}.
        """
        if not cls._is_available():
            return {}
        return {found['id']: found.get(cls.field) or ''
                for found in cls._read(admin, **filters)}

    @classmethod
    def _is_available(cls) -> bool:
        return not cls.service or bool(CONF.service_available[cls.service])

    @classmethod
    def _read(cls, admin: cloud_admin.Admin, **filters: Any) -> _Items:
        if cls.fields:
            # Neutron gives all at once unless it is asked for pages.
            filters.update(fields=cls.fields, limit=_PAGE)
        return pagination.read(cls.list_method(admin.manager), cls.key,
                               'GET /' + cls.key, **filters)

    def _delete(self, manager: Any, found: str) -> None:
        self.delete_method(manager)(found)


class Flavor(RunResource):
    """A flavor that brings the member's servers to the leased hosts."""

    kind = 'flavor'
    delete_method = operator.attrgetter('flavors_client.delete_flavor')

    @classmethod
    def _read(cls, admin: cloud_admin.Admin, **filters: Any) -> _Items:
        # Nova filters flavors by no name.
        return admin.flavors()


class QosPolicy(RunResource):
    """A QoS policy, in a Neutron that has them."""

    kind = 'QoS policy'
    service = 'neutron'
    key = 'policies'
    fields = 'id', 'name'
    list_method = operator.attrgetter('qos_client.list_qos_policies')
    delete_method = operator.attrgetter('qos_client.delete_qos_policy')

    @classmethod
    def _read(cls, admin: cloud_admin.Admin, **filters: Any) -> _Items:
        try:
            yield from super()._read(admin, **filters)
        except lib_exc.NotFound:
            return


class FloatingIp(RunResource):
    """A floating IP, which has a description and no name."""

    kind = 'floating IP'
    service = 'neutron'
    field = 'description'
    key = 'floatingips'
    fields = 'id', 'description', 'port_id', 'fixed_ip_address'
    list_method = operator.attrgetter('floating_ips_client.list_floatingips')
    delete_method = operator.attrgetter(
        'floating_ips_client.delete_floatingip')


class Image(RunResource):
    """An image."""

    kind = 'image'
    service = 'glance'
    delete_method = operator.attrgetter('image_client_v2.delete_image')

    @classmethod
    def _read(cls, admin: cloud_admin.Admin, **filters: Any) -> _Items:
        client = admin.manager.image_client_v2
        return pagination.read(lambda **page: client.list_images(page),
                               'images', 'GET /images', limit=_PAGE, **filters)


class Port(RunResource):
    """A port."""

    kind = 'port'
    service = 'neutron'
    key = 'ports'
    fields = ('id', 'name', 'device_id', 'device_owner', 'binding:host_id',
              'binding:profile')
    list_method = operator.attrgetter('ports_client.list_ports')
    delete_method = operator.attrgetter('ports_client.delete_port')


class ServerGroup(RunResource):
    """A server group."""

    kind = 'server group'
    delete_method = operator.attrgetter(
        'server_groups_client.delete_server_group')

    @classmethod
    def _read(cls, admin: cloud_admin.Admin, **filters: Any) -> _Items:
        # Nova filters server groups by no name.
        return pagination.read_unlinked(
            admin.manager.server_groups_client.list_server_groups,
            'server_groups', 'GET /os-server-groups', all_projects=True)


class Volume(RunResource):
    """A volume."""

    kind = 'volume'
    service = 'cinder'

    @classmethod
    def _read(cls, admin: cloud_admin.Admin, **filters: Any) -> _Items:
        client = admin.manager.volumes_client_latest
        return pagination.read(
            # The details have attachments, which may be of any form.
            lambda **page: client.list_volumes(params=page),
            'volumes', 'GET /volumes', all_tenants=1, **filters)

    def _delete(self, manager: Any, found: str) -> None:
        client = manager.volumes_client_latest
        # A local delete may have left it in use, and then Cinder keeps it.
        client.reset_volume_status(found, status='available',
                                   attach_status='detached')
        client.force_delete_volume(found)

        def is_there() -> Any:
            try:
                return client.show_volume(found)['volume']['status']
            except lib_exc.NotFound:
                return None

        waiters.wait_until(is_there, lambda status: status is None,
                           'volume %s is gone' % found,
                           CONF.volume.build_timeout)
