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

"""Is the cloud really there? What `up` waits for, asked of its APIs."""

from keystoneauth1 import exceptions

from allinone import api


def _quiet(ask):
    """Turn the errors of a service that is only starting into False."""
    def asked(*arguments):
        try:
            return ask(*arguments)
        except (exceptions.ConnectFailure, exceptions.HttpError):
            return False
    return asked


@_quiet
def conductor_up(admin):
    """True when the conductor has reported itself up."""
    services = admin.compute.get('/os-services', params={
        'binary': 'nova-conductor'}).json()['services']
    return any(one['state'] == 'up' for one in services)


@_quiet
def computes_up(admin):
    """True when every compute's heart beats, and the host is mapped.

    A service counts as up from its first second on, whether or not it ever
    beats; on a quick machine the first beat comes when it is down again.
    """
    services = admin.compute.get(
        '/os-services', params={'binary': 'nova-compute'}).json()['services']
    up = {one['host'] for one in services
          if one['state'] == 'up' and one['updated_at']}
    if up != set(admin.cloud.computes):
        return False
    hypervisors = admin.compute.get('/os-hypervisors').json()['hypervisors']
    return len(hypervisors) == len(admin.cloud.computes)


@_quiet
def forced_down(admin):
    """Return a line for each compute that somebody forced down, with why."""
    return [
        f'{one["host"]} is forced down ({one["disabled_reason"]})'
        for one in api.compute_services(admin) if one['forced_down']]


@_quiet
def providers_filled(admin):
    """True when Placement has an inventory of every compute."""
    providers = admin.placement.get('/resource_providers', params={
        'resources': 'VCPU:1,MEMORY_MB:1,DISK_GB:1'}).json()
    names = {one['name'] for one in providers['resource_providers']}
    return names == set(admin.cloud.computes)


@_quiet
def bandwidth_offered(admin):
    """True when Placement knows how much one chassis can carry."""
    return bool(admin.placement.get('/resource_providers', params={
        'resources': 'NET_BW_EGR_KILOBIT_PER_SEC:1'}).json()[
            'resource_providers'])


@_quiet
def chassis_alive(admin):
    """True when Neutron sees every compute's chassis answer."""
    agents = admin.network.get('/v2.0/agents').json()['agents']
    return {agent['host'] for agent in agents
            if agent['alive']} == set(admin.cloud.computes)


@_quiet
def glance_answers(admin):
    """True when Glance lists images."""
    return admin.image.get('/v2/images').status_code == 200


@_quiet
def volumes_served(admin):
    """True when Cinder's services beat, and the scheduler knows the backend.

    Before it does, it lets who makes a volume wait.
    """
    services = admin.block_storage.get('/os-services').json()['services']
    up = {one['binary'] for one in services
          if one['state'] == 'up' and one['updated_at']}
    return up == {'cinder-scheduler', 'cinder-volume'} and bool(
        admin.block_storage.get('/scheduler-stats/get_pools').json()['pools'])


@_quiet
def placement_known(admin):
    """True when nova-api has found Placement.

    It looks for it when it first needs it. With Placement away at that moment
    it does not take it for away, but answers 500: so a cloud that nobody has
    used differs from one in use. What makes it look, and changes nothing, is a
    server for a node that does not exist.
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
