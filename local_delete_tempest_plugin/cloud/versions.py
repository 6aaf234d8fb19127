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

"""The microversions that a cloud offers."""

from importlib import metadata
import json

from oslo_log import log as logging
from tempest.lib.common import api_version_request
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin import exceptions

LOG = logging.getLogger(__name__)

#: The name of Nova's highest microversion in what is read.
COMPUTE = 'compute microversion'

_PACKAGES = ('local-delete-tempest-plugin', 'tempest')


def compute(admin: admins.Admin) -> str:
    """Read the highest microversion of Nova.

    :param admin: An ``admin.Admin``.
    :returns: Such as '2.96'; '2.0' if it has no microversions.
    """
    versions = admin.manager.compute_versions_client.list_versions()
    # v2.0 answers an empty string, because it has no microversions.
    offered = [version['version'] for version in versions['versions']
               if version['version']]
    return max(offered, key=api_version_request.APIVersionRequest,
               default='2.0')


def placement(admin: admins.Admin) -> str:
    """Read the highest microversion of Placement.

    :param admin: An ``admin.Admin``.
    :returns: Such as '1.39'.
    :raises InvalidAnswer: it names none.
    """
    client = admin.placement
    _, body = client.raw_request(client.base_url.rstrip('/') + '/', 'GET')
    try:
        return json.loads(body)['versions'][0]['max_version']
    except (ValueError, LookupError, TypeError):
        raise exceptions.InvalidAnswer(
            call='GET /', problem='names no max_version')


def volume(admin: admins.Admin) -> str:
    """Read the highest microversion of Cinder.

    :param admin: An ``admin.Admin``.
    :returns: Such as '3.71'; '3.0' if it has no microversions.
    """
    client = admin.manager.volume_versions_client_latest
    offered = [version['version']
               for version in client.list_versions()['versions']
               if version['version']]
    return max(offered, key=api_version_request.APIVersionRequest,
               default='3.0')


def read(admin: admins.Admin) -> dict[str, str]:
    """Read the versions that a result depends on, as far as they are known.

    :param admin: An ``admin.Admin``.
    :returns: {name: version} of the cloud's APIs, and of the programs that
        test it.
    """
    found = {}
    for name, ask in ((COMPUTE, compute),
                      ('placement microversion', placement)):
        try:
            found[name] = ask(admin)
        except (lib_exc.TempestException, ValueError) as error:
            # It only helps a reader. The scenario fails by what it needs.
            LOG.info('The %s is not known: %s', name, error)
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            LOG.info('The version of %s is not known', package)
    return found
