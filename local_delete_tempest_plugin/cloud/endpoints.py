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

"""The endpoints that a run talks to, and whether they may be trusted."""

from collections.abc import Callable
import dataclasses
from typing import Any
from urllib import parse

from tempest import clients
from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin import exceptions

CONF = config.CONF

#: Why Tempest verifies no certificate.
UNVERIFIED = '[identity] disable_ssl_certificate_validation is True'


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """One endpoint of the catalog, as a client of a run finds it.

    :param service: Name of the service, 'compute' for example.
    :param url: Its URL, or None.
    :param client: The ``RestClient`` that uses it.
    :param problem: Why there is no URL, or None.
    """

    service: str
    url: str | None
    client: Any = dataclasses.field(repr=False)
    problem: str | None = None

    def __str__(self) -> str:
        return describe(self.url or '')


def describe(url: str) -> str:
    """Shorten a URL to its scheme, host and port.

    :param url: A URL, which may hold a user and a password.
    """
    parts = parse.urlsplit(url)
    return '%s://%s' % (parts.scheme, parts.netloc.rpartition('@')[2])


def is_plain(url: str) -> bool:
    """Tell whether others can read what is sent to a URL."""
    return parse.urlsplit(url).scheme != 'https'


def find(manager: clients.Manager) -> list[Endpoint]:
    """Find the endpoint of every service that a run uses.

    :param manager: The login of an admin.
    :returns: An endpoint for each service, whether or not it was found.
    :raises tempest.lib.exceptions.TempestException: there is no token.
    """
    used = {'identity': manager.identity_v3_client,
            'compute': manager.servers_client,
            'placement': manager.local_delete_placement.PlacementClient()}
    if CONF.service_available.glance:
        used['image'] = manager.image_client_v2
    if CONF.service_available.neutron:
        used['network'] = manager.networks_client
    if CONF.service_available.cinder:
        used['volume'] = manager.volumes_client_latest
    return [_find(service, client) for service, client in used.items()]


def _find(service, client):
    try:
        return Endpoint(service, client.base_url, client)
    except lib_exc.EndpointNotFound:
        # The error of Tempest holds the whole catalog.
        return Endpoint(
            service, None, client,
            'the catalog has no %(endpoint_type)s endpoint of type '
            '%(service)s in region %(region)s' % client.filters)


def require_tls_to_keystone() -> None:
    """Refuse to send a password that others could read.

    Without ``[local_delete] require_tls`` nothing is refused.

    :raises InsecureCloud: [identity] uri_v3 is plain http, or no certificate
        is verified.
    """
    if not CONF.local_delete.require_tls:
        return
    if CONF.identity.disable_ssl_certificate_validation:
        raise exceptions.InsecureCloud(problem=UNVERIFIED)
    if is_plain(CONF.identity.uri_v3 or ''):
        raise exceptions.InsecureCloud(
            problem='[identity] uri_v3 is %s' % describe(
                CONF.identity.uri_v3 or ''))


def require_tls(log_in: Callable[[], clients.Manager]) -> None:
    """Refuse a cloud that others could read passwords and tokens from.

    Without ``[local_delete] require_tls`` nothing is refused.

    :param log_in: Logs an admin in. It is called only after the way to
        Keystone was found to be safe.
    :raises InsecureCloud: an endpoint is plain http, or no certificate is
        verified.
    """
    require_tls_to_keystone()
    if not CONF.local_delete.require_tls:
        return
    for endpoint in find(log_in()):
        if endpoint.url and is_plain(endpoint.url):
            raise exceptions.InsecureCloud(
                problem='the endpoint of %s is %s' % (
                    endpoint.service, endpoint))
