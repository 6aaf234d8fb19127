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

"""What an operator may do to the host of a run, and whether it stands."""

import collections.abc
import contextlib
import enum
import typing
import uuid

from keystoneauth1 import exceptions as keystone_exceptions

from allinone import api
from allinone import deployment
from allinone import errors
from allinone import lifecycle
from allinone import readiness
from allinone import supervision
from proof.trials import snapshot

TICKET = 'TICKET-4712: the disk is broken, do not start'

_LIMIT = 90

# Seconds in which the API may refuse an act: a server of the run is still
# there, or a provider changes.
_REFUSED = 15

_RATIO = 1.5
_QUOTA = 77

FORCED_DOWN, DISABLED, STOPPED, SERVICE_DELETED = (
    f'compute {name}' for name in (
        'forced-down', 'disabled', 'stopped', 'service-deleted'))
QUOTA = 'quota'


class Moment(enum.Enum):
    """When the operator acts."""

    GOING = 'while a run takes the host away'
    OUT = 'in an outage'
    BACK = 'while a run gives the host back'
    OUT_THEN_KILLED = 'in an outage, before a kill'
    DEAD = 'after a kill, before recover'
    RECOVER = 'while recover runs'


_LIVE = (Moment.OUT, Moment.BACK)
_KILLED = (Moment.OUT_THEN_KILLED, Moment.DEAD, Moment.RECOVER)

#: The act comes before all that gives back.
BEFORE_RESTORE = (Moment.OUT, Moment.OUT_THEN_KILLED, Moment.DEAD)


class Gone(Exception):
    """A host has no service or no provider."""


class Site:
    """What a run has taken away, as the operator of the cloud sees it.

    :param host: the host that is out, or None
    :param project: ID of the project whose quota the run has changed, or None
    :param run_id: id of the run
    """

    def __init__(self, cloud: deployment.Deployment, before: snapshot.Snapshot,
                 host: str | None, project: str | None, run_id: str) -> None:
        self.cloud = cloud
        self.before = before
        self.host = host
        self.project = project
        self.run_id = run_id
        self.admin = api.Admin(cloud)
        #: Whether recover has left the host to the operator. Then it cannot
        #: tell what of the host is the run's own.
        self.is_left = False
        #: What an act has changed, or may have changed.
        self.memory: dict[str, typing.Any] = {}

    @property
    def process(self) -> str:
        """Name of the host's process."""
        return f'nova-compute-{self.host}'

    @property
    def runs(self) -> bool:
        """Whether the host's process runs."""
        return supervision.info(self.cloud.state)[self.process][
            'statename'] == 'RUNNING'

    def service(self) -> dict[str, typing.Any] | None:
        """Return the compute service of the host; None if it has none."""
        return next((one for one in api.compute_services(self.admin)
                     if one['host'] == self.host), None)

    def there(self) -> dict[str, typing.Any]:
        """Return the compute service of the host.

        :raises Gone: it has none
        """
        service = self.service()
        if service is None:
            raise Gone(f'{self.host} has no compute service')
        return service

    def update(self, **settings: object) -> None:
        """Change the compute service of the host."""
        service = self.there()
        self.admin.compute.put(f'/os-services/{service["id"]}', json=settings)

    def await_up(self) -> None:
        """Wait until the compute service is up.

        :raises StepFailed: it is not
        """
        readiness.wait(f'{self.host} is up', lambda: (
            self.service() or {}).get('state') == 'up', _LIMIT)

    def repair(self) -> None:
        """Bring the host back, whoever took it away."""
        if self.there()['forced_down']:
            self.update(forced_down=False)
        if not self.runs:
            lifecycle.start(self.cloud, [self.process])
        self.await_up()
        self.update(status='enabled')

    def provider(self) -> dict[str, typing.Any]:
        """Return the provider of the host.

        :raises Gone: it has none
        """
        found = self.admin.placement.get(
            f'/resource_providers?name={self.host}'
        ).json()['resource_providers']
        if not found:
            raise Gone(f'{self.host} has no provider')
        return found[0]

    def of_provider(self, what: str) -> typing.Any:
        """Read the "traits", "aggregates" or "inventories" of the provider."""
        return self.admin.placement.get(
            f'/resource_providers/{self.provider()["uuid"]}/{what}'
        ).json()[what]


class Act:
    """Something that an operator does to a site."""

    #: (outage, moment) in which the act can be told from what the run did.
    where: collections.abc.Collection[tuple[str, Moment]]
    #: The moments at which the run cannot put all back, and has to say so.
    is_said: collections.abc.Collection[Moment] = ()
    #: Whether recover may leave something of the host to the operator.
    may_be_left = False

    def __init__(self, name: str) -> None:
        self.name = name

    def do(self, site: Site) -> None:
        """Act.

        :raises keystoneauth1.exceptions.ClientException: the API refuses it
        """
        raise NotImplementedError

    def problems(self, site: Site) -> list[str]:
        """Return a line for each thing that does not stand any more."""
        raise NotImplementedError

    def take_back(self, site: Site) -> None:
        """Undo the act."""
        raise NotImplementedError

    def touches(self, site: Site) -> tuple[str, ...]:
        """Return the begins of lines of ``differences`` that the act makes."""
        return (f'service nova-compute {site.host}: ',
                f'trait COMPUTE_STATUS_DISABLED on {site.host}: ')


def attempt(act: Act, site: Site) -> bool:
    """Act, again and again where the API refuses it for a while.

    :returns: Whether the act was done.
    """
    def again():
        # There may be no provider, or no service, at this moment.
        with contextlib.suppress(keystone_exceptions.HttpError, Gone):
            act.do(site)
            return True
        return False

    try:
        return readiness.wait(act.name, again, _REFUSED)
    except errors.StepFailed:
        return False


def _everywhere(outages, moments=_LIVE + _KILLED):
    return [(outage, moment) for outage in outages for moment in moments]


class Disable(Act):
    """The operator disables the service."""

    where = _everywhere((FORCED_DOWN, DISABLED, STOPPED))
    is_said = BEFORE_RESTORE
    may_be_left = True

    def __init__(self, name: str, reason: str | None) -> None:
        super().__init__(name)
        self._reason = reason

    def do(self, site: Site) -> None:
        site.update(status='disabled', **(
            {'disabled_reason': self._reason} if self._reason else {}))

    def problems(self, site: Site) -> list[str]:
        back = {} if site.is_left else {'state': 'up', 'forced_down': False}
        return _differs(site, status='disabled', disabled_reason=self._reason,
                        **back)

    def take_back(self, site: Site) -> None:
        if site.is_left:
            site.repair()
        else:
            site.update(status='enabled')


class ForceDown(Act):
    """The operator forces the host down."""

    # In a forced-down outage the flag is set already.
    where = _everywhere((DISABLED, STOPPED))
    is_said = BEFORE_RESTORE
    may_be_left = True

    def do(self, site: Site) -> None:
        site.update(forced_down=True)

    def problems(self, site: Site) -> list[str]:
        return _differs(site, forced_down=True)

    def take_back(self, site: Site) -> None:
        site.update(forced_down=False)
        site.await_up()


class Stop(Act):
    """The operator stops the process."""

    # In the other outages it is stopped already.
    where = _everywhere((FORCED_DOWN, DISABLED))
    # For some seconds the API shows it as up, and then nobody has to say so.
    may_be_left = True

    def do(self, site: Site) -> None:
        lifecycle.stop(site.cloud, [site.process])

    def problems(self, site: Site) -> list[str]:
        return [f'{site.process} runs'] if site.runs else []

    def take_back(self, site: Site) -> None:
        lifecycle.start(site.cloud, [site.process])
        site.await_up()


class TakeOver(Act):
    """The operator repairs the host. Later it fails, and he takes it out."""

    where = [(STOPPED, Moment.DEAD)]
    is_said = BEFORE_RESTORE
    may_be_left = True

    def do(self, site: Site) -> None:
        site.repair()
        lifecycle.stop(site.cloud, [site.process])
        site.update(status='disabled', disabled_reason=TICKET,
                    forced_down=True)

    def problems(self, site: Site) -> list[str]:
        return _differs(site, status='disabled', disabled_reason=TICKET,
                        forced_down=True) + (
            [f'{site.process} runs'] if site.runs else [])

    def take_back(self, site: Site) -> None:
        site.repair()


class DeleteService(Act):
    """The operator removes the host from the cloud."""

    where = _everywhere((STOPPED,), (
        Moment.OUT, Moment.OUT_THEN_KILLED, Moment.DEAD))
    # A run that lives starts the process, and that registers again.
    is_said = (Moment.OUT_THEN_KILLED, Moment.DEAD)
    may_be_left = True

    def do(self, site: Site) -> None:
        service = site.there()
        site.admin.compute.delete(f'/os-services/{service["id"]}')
        site.memory['id'] = service['id']

    def problems(self, site: Site) -> list[str]:
        there = {one['id'] for one in api.compute_services(site.admin)}
        return (['the service that was deleted is there'] if
                site.memory['id'] in there else [])

    def take_back(self, site: Site) -> None:
        # A process whose service was deleted does not register again.
        if site.service() is None:
            lifecycle.stop(site.cloud, [site.process])
        lifecycle.start(site.cloud, [site.process])
        site.await_up()

    def touches(self, site: Site) -> tuple[str, ...]:
        return (f'service nova-compute {site.host}: ', 'trait ',
                'inventory ', 'provider aggregate ')


_ADDED = [*_everywhere((FORCED_DOWN, STOPPED)),
          (SERVICE_DELETED, Moment.GOING)]


class AddToAggregate(Act):
    """The operator adds the host to an aggregate of Nova."""

    where = _ADDED

    def do(self, site: Site) -> None:
        compute = site.admin.compute
        if 'id' not in site.memory:
            name = f'operators-{uuid.uuid4().hex}'
            site.memory.update(compute.post('/os-aggregates', json={
                'aggregate': {'name': name, 'availability_zone': None}}
            ).json()['aggregate'])
        compute.post(f'/os-aggregates/{site.memory["id"]}/action', json={
            'add_host': {'host': site.host}})

    def problems(self, site: Site) -> list[str]:
        hosts = site.admin.compute.get(
            f'/os-aggregates/{site.memory["id"]}').json()['aggregate']['hosts']
        return [] if site.host in hosts else [
            f'the aggregate has the hosts {hosts}, and not {site.host}']

    def take_back(self, site: Site) -> None:
        compute = site.admin.compute
        path = f'/os-aggregates/{site.memory["id"]}'
        for host in compute.get(path).json()['aggregate']['hosts']:
            compute.post(f'{path}/action', json={
                'remove_host': {'host': host}})
        compute.delete(path)

    def touches(self, site: Site) -> tuple[str, ...]:
        # Nova puts it on the provider, too.
        return f'aggregate {site.memory["name"]}: ', 'provider aggregate '


class PutTrait(Act):
    """The operator puts a trait on the provider."""

    where = _ADDED
    #: It begins as the traits of runs do.
    trait = 'CUSTOM_LOCAL_DELETE_PROTECTION'

    def do(self, site: Site) -> None:
        site.memory['trait'] = self.trait
        site.admin.placement.put(f'/traits/{self.trait}')
        self._set(site, {*site.of_provider('traits'), self.trait})

    def problems(self, site: Site) -> list[str]:
        return [] if self.trait in site.of_provider('traits') else [
            f'{self.trait} is not on the provider of {site.host}']

    def take_back(self, site: Site) -> None:
        _until_accepted(lambda: self._set(
            site, {*site.of_provider('traits')} - {self.trait}))
        site.admin.placement.delete(f'/traits/{self.trait}')

    def _set(self, site, traits):
        provider = site.provider()
        site.admin.placement.put(
            f'/resource_providers/{provider["uuid"]}/traits', json={
                'traits': sorted(traits),
                'resource_provider_generation': provider['generation']})

    def touches(self, site: Site) -> tuple[str, ...]:
        return (f'trait {self.trait} on {site.host}: ',
                f'custom trait {self.trait}: ')


class PutProviderAggregate(Act):
    """The operator puts the provider into an aggregate of Placement."""

    where = _ADDED

    def do(self, site: Site) -> None:
        site.memory.setdefault('aggregate', str(uuid.uuid4()))
        self._set(site, {*site.of_provider('aggregates'),
                         site.memory['aggregate']})

    def problems(self, site: Site) -> list[str]:
        return ([] if site.memory['aggregate'] in
                site.of_provider('aggregates') else [
                    f'the provider of {site.host} has lost its aggregate'])

    def take_back(self, site: Site) -> None:
        self._set(site, {*site.of_provider('aggregates')} - {
            site.memory['aggregate']})

    def _set(self, site, aggregates):
        site.admin.placement.put(
            f'/resource_providers/{site.provider()["uuid"]}/aggregates',
            json=sorted(aggregates))

    def touches(self, site: Site) -> tuple[str, ...]:
        return (f'provider aggregate {site.memory["aggregate"]} of '
                f'{site.host}: ',)


class SetRatio(Act):
    """The operator sets an allocation ratio of the provider."""

    where = _ADDED

    def do(self, site: Site) -> None:
        site.memory.setdefault('ratio', self._ratio(site))
        self._set(site, _RATIO)

    def problems(self, site: Site) -> list[str]:
        ratio = self._ratio(site)
        return [] if ratio == _RATIO else [
            f'the allocation ratio of {site.host} was set to {_RATIO}, and is '
            f'{ratio}']

    def take_back(self, site: Site) -> None:
        _until_accepted(lambda: self._set(site, site.memory['ratio']))

    def _ratio(self, site):
        return site.of_provider('inventories')['VCPU']['allocation_ratio']

    def _set(self, site, ratio):
        provider = site.provider()
        inventory = site.of_provider('inventories')['VCPU']
        site.admin.placement.put(
            f'/resource_providers/{provider["uuid"]}/inventories/VCPU', json={
                **inventory, 'allocation_ratio': ratio,
                'resource_provider_generation': provider['generation']})

    def touches(self, site: Site) -> tuple[str, ...]:
        return (f'inventory VCPU of {site.host}: ',)


class RaiseQuota(Act):
    """The operator raises the quota that a run has changed."""

    where = _everywhere((QUOTA,), (Moment.OUT, *_KILLED))
    is_said = BEFORE_RESTORE
    may_be_left = True

    def do(self, site: Site) -> None:
        self._set(site, _QUOTA)

    def problems(self, site: Site) -> list[str]:
        found = site.admin.compute.get(
            f'/os-quota-sets/{site.project}').json()['quota_set']['instances']
        return [] if found == _QUOTA else [
            f'the quota was set to {_QUOTA}, and is {found}']

    def take_back(self, site: Site) -> None:
        name = site.admin.identity.get(
            f'/projects/{site.project}').json()['project']['name']
        self._set(site, site.before.kinds['quota'][name])

    def _set(self, site, instances):
        site.admin.compute.put(
            f'/os-quota-sets/{site.project}',
            json={'quota_set': {'instances': instances}})

    def touches(self, site: Site) -> tuple[str, ...]:
        return ('quota ',)


class DeleteFlavor(Act):
    """The operator deletes the flavors of a run, which nobody else knows."""

    where = _everywhere((FORCED_DOWN, STOPPED), (
        Moment.OUT, *_KILLED))

    def do(self, site: Site) -> None:
        for flavor in self._flavors(site):
            site.admin.compute.delete(f'/flavors/{flavor}')

    def problems(self, site: Site) -> list[str]:
        return [f'flavor {flavor} is there' for flavor in self._flavors(site)]

    def take_back(self, site: Site) -> None:
        """Do nothing, because the run is over."""

    def _flavors(self, site):
        return [one['id'] for one in api.pages(
            site.admin.compute, '/flavors?is_public=None', 'flavors')
            if site.run_id.lower() in one['name']]

    def touches(self, site: Site) -> tuple[str, ...]:
        return ()


def _differs(site, **wanted):
    service = site.service()
    if service is None:
        return [f'{site.host} has no compute service']
    return [f'{name} of {site.host} is {service[name]!r}, and not {value!r}'
            for name, value in wanted.items() if service[name] != value]


def _until_accepted(do):
    """Do something to a provider, whose generation may change meanwhile."""
    def again():
        try:
            do()
        except keystone_exceptions.Conflict:
            return False
        return True

    readiness.wait('the provider takes a change', again, _LIMIT)


ACTS: tuple[Act, ...] = (
    Disable('disable with a reason', TICKET),
    Disable('disable without a reason', None),
    ForceDown('force down'), Stop('stop the process'),
    TakeOver('repair, and take out later'),
    DeleteService('delete the service'),
    AddToAggregate('add to an aggregate'), PutTrait('put a trait'),
    PutProviderAggregate('put an aggregate on the provider'),
    SetRatio('set an allocation ratio'), RaiseQuota('raise the quota'),
    DeleteFlavor("delete the run's flavors"))
