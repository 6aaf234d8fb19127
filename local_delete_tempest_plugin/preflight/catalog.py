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

"""Every endpoint that a run needs: in the catalog, in reach, over TLS."""

from tempest import config

from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import options

CONF = config.CONF

_SAFE = 'use https: passwords and tokens can be read on the way'


def check_keystone():
    """Check the way to the first token.

    :returns: A generator of ``Finding``.
    """
    url = CONF.identity.uri_v3
    if not url:
        yield finding.Finding('[identity] uri_v3', finding.FAIL,
                              'is not set', 'set it')
        return
    yield finding.judge(
        '[identity] uri_v3', not endpoints.is_plain(url),
        endpoints.describe(url), _SAFE, bad=options.how_bad())


def check(manager):
    """Send each endpoint a GET.

    :param manager: The admin's ``tempest.clients.Manager``.
    :returns: A generator of ``Finding``.
    """
    for endpoint in endpoints.find(manager):
        yield _check(endpoint)


def _check(endpoint):
    name = 'endpoint ' + endpoint.service
    if endpoint.problem:
        return finding.Finding(
            name, finding.FAIL, endpoint.problem,
            'add it, or set catalog_type, region and the endpoint type of '
            "the service's section")
    try:
        answer, _ = endpoint.client.raw_request(
            endpoint.url.rstrip('/') + '/', 'GET')
    except finding.FAILURES as error:
        return finding.Finding(name, finding.FAIL, exceptions.one_line(error),
                               'make it reachable from here; a private CA '
                               'goes into [identity] ca_certificates_file')
    if answer.status >= 500:
        return finding.Finding(
            name, finding.FAIL, '%s answers %d' % (endpoint, answer.status),
            'see that the service runs')
    return finding.judge(name, not endpoints.is_plain(endpoint.url),
                         str(endpoint), _SAFE, bad=options.how_bad())
