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

"""Check each endpoint that a run needs.

It has to be in the catalog, it has to answer, and it should use TLS.
"""

from collections.abc import Iterator

from tempest import clients
from tempest import config

from local_delete_tempest_plugin.cloud import endpoints as cloud_endpoints
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import options

CONF = config.CONF

_SAFE = 'use https: others can read passwords and tokens on the way'


def check_keystone() -> Iterator[finding.Finding]:
    """Check the URL that the first token comes from.

    :returns: An iterator of ``Finding``.
    """
    url = CONF.identity.uri_v3
    if not url:
        yield finding.Finding('[identity] uri_v3', finding.FAIL,
                              'is not set', 'set it')
        return
    yield finding.judge(
        '[identity] uri_v3', not cloud_endpoints.is_plain(url),
        cloud_endpoints.describe(url), _SAFE, bad=options.how_bad(),
        kind=finding.PLAIN)


def check(manager: clients.Manager) -> Iterator[finding.Finding]:
    """Send each endpoint a GET.

    :param manager: The clients of the admin.
    :returns: An iterator of ``Finding``.
    """
    _, token = manager.auth_provider.auth_data
    types = sorted({service['type'] for service in token.get('catalog', ())
                    if service['endpoints']})
    for endpoint in cloud_endpoints.find(manager):
        yield _check(endpoint, types)
        if endpoint.url:
            yield from _check_region(endpoint, token.get('catalog', ()))


def _check_region(endpoint, catalog):
    """Tell where Tempest takes an endpoint that nobody asked for."""
    wanted = endpoint.client.filters
    kind = wanted['endpoint_type'].replace('URL', '')
    offered = {(one.get('interface'), one.get('region'))
               for service in catalog if service['type'] == wanted['service']
               for one in service['endpoints']}
    if offered and (kind, wanted['region']) not in offered:
        yield finding.Finding(
            'endpoint ' + endpoint.service, finding.WARN,
            'the catalog has no %s endpoint in region %s, so Tempest takes '
            'another: %s' % (kind, wanted['region'], ', '.join(sorted(
                '%s in %s' % one for one in offered))),
            'set [identity] region, or region and the endpoint type of each '
            'service. Otherwise a run takes hosts of that region down')


def _check(endpoint, types):
    name = 'endpoint ' + endpoint.service
    if endpoint.problem:
        return finding.Finding(
            name, finding.FAIL, endpoint.problem,
            'add the endpoint, or set catalog_type, region and the endpoint '
            'type in [%s] of tempest.conf; the catalog has the types %s. If '
            'the cloud has no such service, say so in [service_available]' % (
                endpoint.service, ', '.join(types) or 'of no service'))
    try:
        answer, _ = endpoint.client.raw_request(
            endpoint.url.rstrip('/') + '/', 'GET')
    except finding.FAILURES as error:
        return finding.Finding(
            name, finding.FAIL, exceptions.one_line(error),
            'make the endpoint reachable from here; name the certificate of '
            'a private CA in [identity] ca_certificates_file')
    if answer.status >= 500:
        return finding.Finding(
            name, finding.FAIL, '%s answers %d' % (endpoint, answer.status),
            'make sure that the service runs')
    return finding.judge(name, not cloud_endpoints.is_plain(endpoint.url),
                         str(endpoint), _SAFE, bad=options.how_bad(),
                         kind=finding.PLAIN)
