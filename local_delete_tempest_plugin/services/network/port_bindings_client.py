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

"""The bindings of a port, which tempest.lib has no client for."""

from urllib import parse

from tempest.lib.common import rest_client
from tempest.lib.services.network import base


class PortBindingsClient(base.BaseNetworkClient):
    """Bindings of ports to hosts, of Neutron's extension binding-extended."""

    def list_port_bindings(self, port_id: str) -> rest_client.ResponseBody:
        """List the bindings of a port, those that are not active included.

        :param port_id: UUID of the port.
        :returns: ``{'bindings': [{'host', 'status', ...}]}``.
        :raises tempest.lib.exceptions.NotFound: there is no such port.
        """
        return self.list_resources(
            '/ports/%s/bindings' % parse.quote(port_id, safe=''))
