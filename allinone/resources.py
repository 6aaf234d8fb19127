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

"""What a cloud needs before anyone can use it: images, flavors, networks."""

import dataclasses
import pathlib

from allinone import api
from allinone import deployment

# Any bytes do: the fake driver boots nothing, and the guest of the real driver
# has all that it needs in its initrd.
_IMAGE_BYTES = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Resources:
    """IDs and microversions that tempest.conf names."""

    images: tuple[str, ...]
    flavors: tuple[str, ...]
    public_network: str
    compute_microversion: str
    placement_microversion: str
    volume_microversion: str


def images(admin: api.Admin,
           guest: tuple[pathlib.Path, pathlib.Path] | None = None
           ) -> tuple[str, ...]:
    """Make two public images, and return their IDs.

    :param guest: files of the kernel and the initrd of the images, which boot
        nothing without them
    """
    boot = {}
    if guest:
        kernel, initrd = guest
        boot = {'os_command_line': 'console=ttyS0',
                'kernel_id': _image(admin, 'kernel', 'aki',
                                    kernel.read_bytes()),
                'ramdisk_id': _image(admin, 'initrd', 'ari',
                                     initrd.read_bytes())}
    return tuple(_image(admin, name, 'raw', bytes(_IMAGE_BYTES), **boot)
                 for name in ('blank-1', 'blank-2'))


def _image(admin, name, disk_format, data, **properties):
    image = admin.image.post('/v2/images', json={
        'name': name, 'visibility': 'public', 'disk_format': disk_format,
        'container_format': 'bare' if disk_format == 'raw' else disk_format,
        **properties}).json()['id']
    admin.image.put(f'/v2/images/{image}/file', data=data,
                    headers={'Content-Type': 'application/octet-stream'})
    return image


def flavors(admin: api.Admin) -> tuple[str, ...]:
    """Make two public flavors, and return their IDs."""
    return tuple(
        admin.compute.post('/flavors', json={'flavor': {
            'name': name, 'ram': ram, 'vcpus': vcpus, 'disk': disk}}
        ).json()['flavor']['id']
        for name, ram, vcpus, disk in (('m1.nano', 128, 1, 1),
                                       ('m1.micro', 256, 2, 2)))


def public_network(admin: api.Admin) -> str:
    """Make the external network, and return its ID."""
    network = admin.network.post('/v2.0/networks', json={'network': {
        'name': 'public', 'router:external': True,
        'provider:network_type': 'flat',
        'provider:physical_network': 'public'}}).json()['network']['id']
    # Addresses that RFC 5737 keeps for documentation: they lead nowhere.
    admin.network.post('/v2.0/subnets', json={'subnet': {
        'name': 'public', 'network_id': network, 'ip_version': 4,
        'cidr': '198.51.100.0/24', 'enable_dhcp': False}})
    return network


def compute_microversion(admin: api.Admin) -> str:
    """Return the highest microversion of the compute API."""
    return admin.compute.get('/').json()['version']['version']


def placement_microversion(admin: api.Admin) -> str:
    """Return the highest microversion of Placement."""
    return admin.placement.get('/').json()['versions'][0]['max_version']


def volume_microversion(admin: api.Admin) -> str:
    """Return the highest microversion of the volume API."""
    return admin.block_storage.get('/').json()['versions'][0]['version']


def members(cloud: deployment.Deployment, admin: api.Admin) -> None:
    """Make the users of accounts.yaml.

    Each of two members has a project of its own. The reader has the project of
    the first member.
    """
    roles = api.roles(admin)
    for users in ({'member1': 'member', 'reader1': 'reader'},
                  {'member2': 'member'}):
        project = admin.identity.post('/projects', json={'project': {
            'name': next(iter(users)), 'domain_id': 'default'}}
        ).json()['project']['id']
        for name, role in users.items():
            user = api.add_user(admin, name, cloud.passwords[name], project)
            admin.identity.put(f'/projects/{project}/users/{user}/roles/'
                               f'{roles[role]}')
