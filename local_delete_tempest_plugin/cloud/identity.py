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

"""Which cloud is this, and which region of it?

An address can be spelled in several ways, and names of hosts and regions come
again in other clouds. So the ids tell that Keystone, Nova and Placement gave.
"""

from collections.abc import Iterable
import dataclasses
import re
from typing import Any
from urllib import parse

from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin

CONF = config.CONF

_UUID = re.compile(
    '[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}', re.IGNORECASE)

_PORTS = {'http': 80, 'https': 443}
_LOCAL = ('localhost', '127.0.0.1', '::1')


@dataclasses.dataclass(frozen=True)
class Cloud:
    """One region of a cloud.

    :param uri: The address of Keystone, as tempest.conf spells it, without
        a user and a password.
    :param region: Name of the region whose Nova is used.
    :param ids: Ids that Keystone gave: of the admin's project, and of Nova
        and Keystone in the catalog. Clouds of one Keystone share them.
    """

    uri: str
    region: str
    ids: frozenset[str] = frozenset()
    _admin: Any = dataclasses.field(default=None, repr=False, compare=False)

    @classmethod
    def of_conf(cls) -> 'Cloud':
        """Make what tempest.conf tells without a question to the cloud."""
        # Files and messages get the address, which may hold a password.
        return cls(re.sub('//[^/]*@', '//', str(CONF.identity.uri_v3 or '')),
                   str(CONF.compute.region or CONF.identity.region or ''))

    @classmethod
    def of(cls, admin: cloud_admin.Admin) -> 'Cloud':
        """Ask the cloud which one it is.

        :param admin: An ``admin.Admin``; its token is enough.
        :raises tempest.lib.exceptions.TempestException: there is no token.
        """
        _, token = admin.manager.auth_provider.auth_data
        kind = CONF.compute.catalog_type
        services = [service for service in token.get('catalog', ())
                    if service['type'] in ('identity', kind)]
        ids = {service.get('id') for service in services}
        ids.add(token.get('project', {}).get('id'))
        regions = [endpoint.get('region') for service in services
                   for endpoint in service['endpoints']
                   if service['type'] == kind and endpoint['interface']
                   == CONF.compute.endpoint_type.removesuffix('URL')]
        here = cls.of_conf()
        return cls(
            here.uri,
            # Tempest takes the first one if tempest.conf names another one.
            here.region if here.region in regions or not regions
            else regions[0] or '',
            frozenset(one for one in ids
                      if isinstance(one, str) and _UUID.fullmatch(one)),
            admin)

    def is_same(self, other: 'Cloud') -> bool:
        """Tell whether two are one cloud, in whichever region.

        :param other: Another reading, perhaps of another run.
        :returns: Whether they share an id. If either has none, their addresses
            tell.
        """
        if self.ids and other.ids:
            return bool(self.ids & other.ids)
        return _normal(self.uri) == _normal(other.uri)

    def is_at(self, uri: str) -> bool:
        """Tell whether an address is that of this cloud.

        :param uri: The address of Keystone, in any spelling.
        :returns: A bool; False may be wrong, because a host has many names.
        """
        return _normal(self.uri) == _normal(uri)

    def has_any(self, uuids: Iterable[str]) -> bool:
        """Tell whether a compute service or a node here has one of some ids.

        :param uuids: UUIDs of anything.
        :returns: A bool; False too if nobody has logged in.
        """
        if self._admin is None:
            return False
        wanted = set(uuids)
        return bool(wanted) and (
            any(service.id in wanted
                for service in self._admin.services.list())
            or not wanted.isdisjoint(
                self._admin.services.nodes().hosts_of_providers()))

    def has_trait(self, trait: str) -> bool:
        """Tell whether the Placement of this region knows a trait.

        :param trait: Name of the trait.
        :returns: A bool; False too if nobody has logged in.
        """
        if self._admin is None:
            return False
        try:
            self._admin.placement.show_trait(trait)
        except lib_exc.NotFound:
            return False
        return True


def uuids_in(text: str) -> set[str]:
    """Find everything in a text that looks like a UUID with hyphens.

    :param text: A str.
    :returns: The UUIDs.
    """
    return {found[0] for found in _UUID.finditer(text) if '-' in found[0]}


def _normal(uri: str) -> tuple[Any, ...]:
    """Bring the spellings of one address together."""
    try:
        parts = parse.urlsplit(uri.strip())
        host, port = parts.hostname or '', parts.port
    except ValueError:
        return (uri,)
    path = re.sub('/+', '/', parts.path).rstrip('/').removesuffix('/v3')
    return (parts.scheme, 'localhost' if host in _LOCAL else host,
            port or _PORTS.get(parts.scheme), path)
