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

"""Choose what Tempest's tests use: microversions, image, flavors, network."""

from collections.abc import Iterator
import itertools
from typing import Any

from tempest import config
from tempest.lib.common import api_version_request
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin.cloud import pagination
from local_delete_tempest_plugin.cloud import versions
from local_delete_tempest_plugin.configure import settings
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.preflight import cloud

CONF = config.CONF

# Of so many flavors somebody looks whether they have extra specs.
_FEW = 20

_IN_BYTES = 'size'
_SIZES = _IN_BYTES, 'virtual_size', 'min_disk', 'min_ram'
_NO_DISK = 'iso'


def choose(chosen: settings.Settings, admin: admins.Admin) -> None:
    """Choose all of it.

    :param chosen: The settings.
    :param admin: An ``admin.Admin``.
    :raises NotConfigured: the cloud is too old.
    """
    _choose_versions(chosen, admin)
    image = _choose_image(chosen, admin)
    flavors = _choose_flavors(chosen, admin, image)
    _choose_resize(chosen, admin, flavors)
    if CONF.service_available.neutron:
        chosen.choose_found(
            'network', 'public_network_id', lambda: _public_network(admin),
            '[network] public_network_id: there is not exactly one active '
            'external network with a subnet. Without the option the scenarios '
            'of floating IPs skip')
        if chosen.may_choose('network-feature-enabled', 'api_extensions'):
            chosen.choose('network-feature-enabled', 'api_extensions',
                          _extensions(admin), 'those of this Neutron')


def _choose_versions(chosen, admin):
    offered = versions.compute(admin)
    version = api_version_request.APIVersionRequest
    if version(offered) < version(admins.COMPUTE_MICROVERSION):
        raise exceptions.NotConfigured(
            problem='Nova offers microversions up to %s, and the plugin needs '
            '%s' % (offered, admins.COMPUTE_MICROVERSION))
    why = 'the highest that the cloud offers'
    chosen.choose('compute', 'max_microversion', offered, why)
    chosen.choose('placement', 'max_microversion', versions.placement(admin),
                  why)
    if CONF.service_available.cinder:
        chosen.choose('volume', 'max_microversion', versions.volume(admin),
                      why)


def _choose_image(chosen, admin):
    """Choose an image.

    :returns: The image that will be used; {} where there is none.
    """
    if not CONF.service_available.glance:
        return {}
    if not chosen.may_choose('compute', 'image_ref'):
        return _show_image(admin, CONF.compute.image_ref)
    image = min(filter(_is_plain, _images(admin)),
                key=lambda image: image[_IN_BYTES], default=None)
    if not image:
        chosen.open.append(
            '[compute] image_ref: no image is active and public and has a '
            'disk that boots. Preflight fails without the option')
        return {}
    chosen.choose('compute', 'image_ref', image['id'],
                  '%s, the smallest public image: %d MiB' % (
                      image['name'], max(1, image[_IN_BYTES] >> 20)))
    return image


def _show_image(admin, image):
    try:
        return admin.manager.image_client_v2.show_image(image)
    except lib_exc.NotFound:
        raise exceptions.NotConfigured(
            problem='[compute] image_ref of tempest.conf is %s, and Glance '
            'has no such image: correct or remove the line, or call this '
            'again with --replace' % image)


def _images(admin: admins.Admin) -> Iterator[dict[str, Any]]:
    client = admin.manager.image_client_v2
    return pagination.read(
        lambda **filters: client.list_images(filters), 'images', 'GET images',
        status='active', visibility='public')


def _is_plain(image):
    # The schema of the list leaves these fields out: "recover" reads it too.
    return (all(isinstance(image.get(name) or 0, int) for name in _SIZES)
            and image.get('status') == 'active'
            and image.get('visibility') == 'public'
            and image.get('container_format') == 'bare'
            and image.get('disk_format') not in (None, _NO_DISK)
            and bool(image.get(_IN_BYTES))
            and not any(name.startswith('trait:') for name in image))


def _choose_flavors(chosen, admin, image):
    """Choose the flavor of the servers, and that of resizes.

    :returns: The ids of the flavors that will be used.
    """
    fitting = _fitting_flavors(admin, image)
    taken: list[str] = []
    for option, what in (('flavor_ref', 'with a disk'),
                         ('flavor_ref_alt', 'after flavor_ref')):
        if chosen.may_choose('compute', option):
            found = _first(admin, [one for one in fitting
                                   if one['id'] not in taken])
            if not found:
                chosen.open.append(
                    '[compute] %s: no flavor with a disk fits. Make one that '
                    'only the admin sees' % option)
                break
            chosen.choose(
                'compute', option, found['id'],
                '%s, the smallest flavor %s: %d GiB of disk, %d MiB of RAM, '
                '%d VCPUs' % (found['name'], what, found['disk'],
                              found['ram'], found['vcpus']))
        taken.append(CONF.compute[option])
    return taken


def _fitting_flavors(admin, image):
    found = pagination.read(
        admin.flavors_client.list_flavors, 'flavors', 'GET /flavors/detail',
        detail=True, is_public=None)
    return sorted(
        (flavor for flavor in found if not cloud.unfit(flavor, image)
         and not flavor.get('OS-FLV-DISABLED:disabled')),
        key=lambda flavor: (not flavor.get('os-flavor-access:is_public'),
                            flavor['disk'], flavor['ram'], flavor['vcpus']))


def _first(admin, flavors):
    """Find the first flavor without extra specs, which ask for more."""
    client = admin.flavors_client
    return next(
        (flavor for flavor in itertools.islice(flavors, _FEW)
         if not client.list_flavor_extra_specs(flavor['id'])['extra_specs']),
        flavors[0] if flavors else None)


def _choose_resize(chosen, admin, flavors):
    up = sum(service.state == 'up' and service.status == 'enabled'
             for service in admin.services.list())
    can = up > 1 and len(flavors) > 1
    chosen.choose(
        'compute-feature-enabled', 'resize', str(can),
        '%d computes are up and enabled, and %d flavors fit. No API tells '
        'whether the hosts can resize, so set it to False if they cannot' % (
            up, len(flavors)))


def _public_network(admin):
    found = [network for network in admin.manager.networks_client.
             list_networks(**{'router:external': True})['networks']
             if network.get('router:external')
             and network['status'] == 'ACTIVE' and network['subnets']]
    if len(found) != 1:
        return None
    return found[0]['id'], '%s, the only active external network' % (
        found[0]['name'])


def _extensions(admin):
    listed = admin.manager.network_extensions_client.list_extensions()
    return ','.join(sorted(
        extension['alias'] for extension in listed['extensions']))
