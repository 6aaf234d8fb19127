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
"""Read what every scenario reads before it changes anything.

An answer that the plugin cannot use then fails here, and not in the middle of
a run.
"""

from collections.abc import Collection
from collections.abc import Iterator
from typing import Any

from tempest import config
from tempest.lib.common import fixed_network

from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.footprint import reader
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.safety import run

CONF = config.CONF

_IMAGE = 'image'


def check(admin: admins.Admin, member: Any, name: str,
          targets: Collection[compute_services.TargetHost],
          has_image: bool) -> Iterator[finding.Finding]:
    """Take the first reading of a scenario, with GET requests.

    :param admin: An ``admin.Admin``.
    :param member: The ``tempest.clients.Manager`` of who makes the servers.
    :param name: Name of the account, in words.
    :param targets: The hosts to read.
    :param has_image: Whether the admin sees the image.
    :returns: An iterator of ``Finding``.
    :raises tempest.lib.exceptions.TempestException: an answer cannot be used.
    """
    image = CONF.compute.image_ref
    first = reader.Reader(admin, member, targets, project_of(member),
                          run.Run())
    # What is tracked is listed, too.
    first.tracked.add(('server group', image))
    if has_image:
        first.tracked.add((_IMAGE, image))
    if CONF.service_available.neutron and CONF.network.public_network_id:
        first.tracked.add(('floating IP', image))
    reading = first.read(())
    unseen = has_image and (_IMAGE, image) not in reading.resources
    yield finding.judge(
        'reading as %s' % name, not unseen, 'the image %s is not there' % image
        if unseen else 'the first reading of a scenario works',
        'name an image in [compute] image_ref that the member may use')
    network = CONF.compute.fixed_network_name
    isolated = (CONF.auth.use_dynamic_credentials
                and CONF.auth.create_isolated_networks)
    if CONF.service_available.neutron and network and not isolated:
        fixed_network.get_network_from_name(network, member.networks_client)


def project_of(manager: Any) -> str:
    """Read the id of a login's project from its token.

    :param manager: The login.
    :returns: The id.
    """
    _, token = manager.auth_provider.auth_data
    return token['project']['id']
