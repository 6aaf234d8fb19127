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

"""Is the cloud really there? "up" asks the APIs, and waits.

Each check answers False while an API is away.
"""

from keystoneauth1 import exceptions

from allinone import api


def _quiet(ask):
    """Answer False for a service that is only starting."""
    def asked(*arguments):
        try:
            return ask(*arguments)
        except (exceptions.ConnectFailure, exceptions.HttpError):
            return False
    return asked


@_quiet
def conductor_up(admin: api.Admin) -> bool:
    """Tell whether the conductor has reported itself up."""
    services = admin.compute.get('/os-services', params={
        'binary': 'nova-conductor'}).json()['services']
    return any(one['state'] == 'up' for one in services)


@_quiet
def heard(admin: api.Admin, binary: str, host: str, moment: str) -> bool:
    """Tell whether a service of Nova has sent a heartbeat after a moment.

    :param moment: UTC, in the format of ISO 8601
    """
    found = admin.compute.get('/os-services', params={
        'binary': binary, 'host': host}).json()['services']
    return any((one['updated_at'] or '') > moment for one in found)


@_quiet
def computes_up(admin: api.Admin) -> bool:
    """Tell whether every compute has sent a heartbeat, and has a mapped host.

    Nova takes a service for up from its first second on, without a heartbeat.
    On a quick machine the first heartbeat comes after Nova took it for down.
    In an upgrade a compute may be forced down, because somebody keeps a server
    on a host that is out until the upgrade has ended.
    """
    services = api.compute_services(admin)
    up = {one['host'] for one in services if one['updated_at'] and (
        one['state'] == 'up' or admin.cloud.upgrade and one['forced_down'])}
    if up != set(admin.cloud.hosts):
        return False
    hypervisors = admin.compute.get('/os-hypervisors').json()['hypervisors']
    return len(hypervisors) == len(admin.cloud.hosts)


@_quiet
def forced_down(admin: api.Admin) -> list[str]:
    """Return a line for each forced-down compute, with the reason."""
    return [
        f'{one["host"]} is forced down ({one["disabled_reason"]})'
        for one in api.compute_services(admin) if one['forced_down']]


@_quiet
def providers_filled(admin: api.Admin) -> bool:
    """Tell whether Placement has an inventory of every compute."""
    providers = admin.placement.get('/resource_providers', params={
        'resources': 'VCPU:1,MEMORY_MB:1,DISK_GB:1'}).json()
    names = {one['name'] for one in providers['resource_providers']}
    return names == set(admin.cloud.hosts)


@_quiet
def bandwidth_offered(admin: api.Admin) -> bool:
    """Tell whether Placement knows the bandwidth of a chassis."""
    return bool(admin.placement.get('/resource_providers', params={
        'resources': 'NET_BW_EGR_KILOBIT_PER_SEC:1'}).json()[
            'resource_providers'])


@_quiet
def chassis_alive(admin: api.Admin) -> bool:
    """Tell whether the chassis of every compute answers Neutron."""
    agents = admin.network.get('/v2.0/agents').json()['agents']
    return {agent['host'] for agent in agents
            if agent['alive']} == set(admin.cloud.hosts)


@_quiet
def glance_answers(admin: api.Admin) -> bool:
    """Tell whether Glance lists images."""
    return admin.image.get('/v2/images').status_code == 200


@_quiet
def volumes_served(admin: api.Admin) -> bool:
    """Tell whether Cinder's services are up, and know the backend.

    Before the scheduler knows the backend, a new volume has to wait.
    """
    services = admin.block_storage.get('/os-services').json()['services']
    up = {one['binary'] for one in services
          if one['state'] == 'up' and one['updated_at']}
    return up == {'cinder-scheduler', 'cinder-volume'} and bool(
        admin.block_storage.get('/scheduler-stats/get_pools').json()['pools'])


@_quiet
def placement_known(admin: api.Admin) -> bool:
    """Tell whether nova-api has found Placement.

    nova-api looks for Placement when it first needs it. If Placement is away
    at that moment, nova-api answers 500. So a cloud that nobody has used
    differs from a cloud in use. A request for a server on a node that does not
    exist makes nova-api look, and changes nothing.
    """
    image = admin.image.get('/v2/images').json()['images'][0]['id']
    flavor = admin.compute.get('/flavors').json()['flavors'][0]['id']
    answer = admin.compute.post(
        '/servers', raise_exc=False,
        headers={'OpenStack-API-Version': 'compute 2.74'},
        json={'server': {
            'name': 'nowhere', 'imageRef': image, 'flavorRef': flavor,
            'networks': 'none', 'hypervisor_hostname': 'nowhere'}})
    return (answer.status_code == 400 and
            'nowhere could not be found' in answer.text)
