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

"""Check what else a run needs of the cloud, beside endpoints and roles."""

import collections
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import concurrent.futures
import dataclasses
import functools
import math
from typing import Any

from oslo_log import log as logging
from tempest import config
from tempest.lib.common import api_version_request

from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.cloud import versions
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin import known_bugs
from local_delete_tempest_plugin.preflight import consumers
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import heartbeats
from local_delete_tempest_plugin.preflight import pace
from local_delete_tempest_plugin.preflight import room
from local_delete_tempest_plugin.preflight import scheduling
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.safety import run

CONF = config.CONF
LOG = logging.getLogger(__name__)

#: Name of the check of all target hosts.
HOSTS = 'target hosts'

#: What stands before a host in the name of the check of that host.
OF_HOST = 'host '

_BYTES_PER_GIB = 1 << 30

# Only the project of such an image sees it, and those that it names.
_OF_ITS_PROJECT = 'private', 'shared'

# The names of two checks.
_FLAVOR = 'flavor'
_FLAVOR_OF_RESIZES = 'flavor of resizes'

# Tempest's connection pools hold ten connections.
_SIDE_BY_SIDE = 8

# The first microversion of Placement with allocation candidates of one tree.
_CANDIDATES = '1.31'

# The first release of Placement (Train) that knows the trait of a disabled
# compute also has this one.
_KNOWS_DISABLED = '1.36'


class CloudChecks:
    """The checks that ask the cloud as its admin.

    :param admin: An ``admin.Admin``.
    :param projects: Ids of the projects of the run; None where Tempest makes
        them.
    :param progress: Takes the name of each check before it begins.
    :ivar targets: The hosts that may be taken down now and have room.
    :ivar pace: How fast the cloud notices an outage.
    :ivar usable_hosts: How many hosts may be taken down now; None until that
        is known.
    """

    def __init__(self, admin: admins.Admin, projects: Collection[str] | None,
                 progress: Callable[[str], None]) -> None:
        manager = admin.manager
        self._progress = progress
        # A large cloud needs a second for a list, and there may be a thousand
        # hosts to look at.
        self._admin = dataclasses.replace(
            admin, services=compute_services.ReadOnce(
                manager.services_client, manager.hypervisor_client))
        self._run = run.Run()
        self._projects = projects
        self._offered = '1.0'
        self._image: dict[str, Any] = {}
        self._flavor: dict[str, Any] | None = None
        # {name of the flavor's check: request}
        self._requests: dict[str, room.Request] = {}
        self._tenants: scheduling.Tenants | None = None
        self.targets: list[compute_services.TargetHost] = []
        self.pace = pace.OF_NOVA
        self.usable_hosts: int | None = None

    def run(self) -> Iterator[finding.Finding]:
        """Do all the checks. A check that cannot be done has failed.

        :returns: An iterator of ``Finding``.
        """
        for name, check, to_do in (
                ('compute API', self._check_compute_api,
                 'make sure that [compute] catalog_type leads to Nova'),
                ('Placement API', self._check_placement_api,
                 'make sure that [placement] catalog_type leads to '
                 'Placement'),
                ('image', self._check_image,
                 'name another image in [compute] image_ref'),
                (_FLAVOR, self._check_flavor,
                 'name another flavor in [compute] flavor_ref'),
                (_FLAVOR_OF_RESIZES, self._check_flavor_of_resizes,
                 'name another flavor in [compute] flavor_ref_alt'),
                ('network', self._check_network,
                 'make sure that [network] catalog_type leads to Neutron'),
                ('public network', self._check_public_network,
                 'name a network in [network] public_network_id'),
                ('services', lambda: scheduling.check_services(self._admin),
                 'make sure that the admin may list services'),
                ('heartbeats', self._check_heartbeats,
                 'make sure that the admin may list services'),
                ('availability zone',
                 lambda: scheduling.check_zones(self._admin),
                 'make sure that the admin may list services'),
                ('aggregates', self._check_aggregates,
                 'make sure that the admin may list aggregates'),
                (HOSTS, self._check_hosts,
                 'make sure that the admin may list services and '
                 'allocations'),
                ('journals', self._check_journals,
                 'see [local_delete] journal_dir')):
            self._progress(name)
            yield from finding.collect(name, check, to_do)

    def _check_compute_api(self):
        offered = versions.compute(self._admin)
        yield self._check_version('compute', offered,
                                  admins.COMPUTE_MICROVERSION, required=True)
        chosen = known_bugs.choose(CONF.local_delete.known_bugs, offered)
        yield (finding.Finding(known_bugs.OPTION, finding.PASS, chosen.why,
                               kind=finding.NOTE)
               if chosen.is_tried else
               finding.Finding(known_bugs.OPTION, finding.WARN, chosen.why,
                               'name the release or the defects of this '
                               'cloud in [local_delete] known_bugs'))

    def _check_placement_api(self):
        self._offered = versions.placement(self._admin)
        yield self._check_version(
            'placement', self._offered, admins.PLACEMENT_MICROVERSION,
            required=False)

    def _check_version(self, group, offered, needed, required):
        options = getattr(CONF, group)
        name = '%s microversion %s' % (group, needed)
        if _as_version(offered) < _as_version(needed):
            return finding.Finding(
                name, finding.FAIL, 'the cloud offers up to %s' % offered,
                'upgrade the cloud: it is too old for the plugin')
        allowed = options.max_microversion
        if allowed is None and required or allowed is not None and (
                _as_version(allowed) < _as_version(needed)):
            return finding.Finding(
                name, finding.FAIL,
                '[%s] max_microversion is %s' % (group, allowed),
                'set it to %s, which the cloud offers' % offered)
        if allowed is not None and _as_version(
                options.min_microversion or '1.0') > _as_version(needed):
            return finding.Finding(
                name, finding.FAIL, '[%s] min_microversion is %s' % (
                    group, options.min_microversion),
                'set it to %s or lower' % needed)
        return finding.Finding(name, finding.PASS,
                               'the cloud offers up to %s' % offered)

    def _check_image(self):
        if not CONF.service_available.glance:
            yield finding.Finding(
                'image', finding.WARN, 'nobody looked at it, because '
                '[service_available] glance is False', 'set it to True, so '
                'that somebody looks')
            return
        image = self._admin.manager.image_client_v2.show_image(
            CONF.compute.image_ref)
        self._image = image
        words = '%s is %s' % (image['name'], image['status'])
        hidden = CONF.auth.use_dynamic_credentials and (
            image.get('visibility') in _OF_ITS_PROJECT)
        if hidden:
            words += ' and %s, and Tempest makes other projects' % (
                image['visibility'])
        yield finding.judge(
            'image', image['status'] == 'active' and not hidden, words,
            'name another image in [compute] image_ref')

    @property
    def flavor(self) -> dict[str, Any] | None:
        """The flavor of the servers; None if it cannot be read."""
        return self._flavor

    @property
    def has_image(self) -> bool:
        """Whether the admin sees the image."""
        return bool(self._image)

    def _check_flavor(self):
        self._flavor = self._show_flavor(_FLAVOR, CONF.compute.flavor_ref)
        yield self._judge_flavor(_FLAVOR, self._flavor, 'flavor_ref')

    def _check_flavor_of_resizes(self):
        if CONF.compute_feature_enabled.resize:
            yield self._judge_flavor(
                _FLAVOR_OF_RESIZES, self._show_flavor(
                    _FLAVOR_OF_RESIZES, CONF.compute.flavor_ref_alt),
                'flavor_ref_alt')

    def _judge_flavor(self, name, flavor, option):
        problem = unfit(flavor, self._image)
        least = self._flavor['disk'] if self._flavor else 0
        if not problem and flavor['disk'] < least:
            problem = 'has %d GiB of disk, and flavor_ref has %d: Nova ' \
                'shrinks no disk' % (flavor['disk'], least)
        return finding.judge(
            name, not problem, '%s: %s' % (
                flavor['name'], problem or self._requests[name]),
            'name another flavor in [compute] %s, or another image in '
            'image_ref. Only the admin has to see the flavor' % option)

    def _show_flavor(self, name, flavor_id):
        """Read a flavor, and note what Nova asks Placement for with it."""
        client = self._admin.flavors_client
        flavor = client.show_flavor(flavor_id)['flavor']
        specs = client.list_flavor_extra_specs(flavor['id'])['extra_specs']
        self._requests[name] = room.Request.of(
            flavor, specs, self._image,
            [room.DISABLED] if self._offers(_KNOWS_DISABLED) else [])
        return flavor

    def _offers(self, version):
        return _as_version(self._offered) >= _as_version(version)

    def _check_network(self):
        if not CONF.service_available.neutron:
            found, good = 'no Neutron, so the servers get no network', True
        elif CONF.auth.use_dynamic_credentials and (
                CONF.auth.create_isolated_networks):
            found, good = 'Tempest creates a network for each run', True
        elif CONF.compute.fixed_network_name:
            found, good = self._find_network(CONF.compute.fixed_network_name)
        else:
            found, good = (
                'the network of the project, if it has exactly one'), True
        yield finding.judge(
            'network', good, found, 'name an active network that has a subnet '
            'in [compute] fixed_network_name')

    def _find_network(self, name):
        networks = self._admin.manager.networks_client.list_networks(
            name=name)['networks']
        if len(networks) != 1:
            return '%d networks have the name %s' % (
                len(networks), name), False
        network, = networks
        words = '%s is %s, with %d subnets' % (
            name, network['status'], len(network['subnets']))
        hidden = CONF.auth.use_dynamic_credentials and not (
            network.get('shared', True))
        if hidden:
            words += ', and is not shared with the projects that Tempest makes'
        return words, (network['status'] == 'ACTIVE'
                       and bool(network['subnets']) and not hidden)

    def _check_public_network(self):
        wanted = CONF.network.public_network_id
        if wanted and CONF.service_available.neutron:
            network = self._admin.manager.networks_client.show_network(
                wanted)['network']
            is_external = network['router:external']
            yield finding.judge(
                'public network', is_external and network['status'] == (
                    'ACTIVE'), '%s is %s, and %s' % (
                        network['name'], network['status'], 'external'
                        if is_external else 'not external'),
                'name an external network that is active in [network] '
                'public_network_id')

    def _check_heartbeats(self):
        silences = self._admin.services.silences()
        self.pace = heartbeats.guess(silences)
        return heartbeats.check(silences)

    def _check_aggregates(self):
        self._tenants = scheduling.Tenants(self._admin, self._projects)
        return ()

    def _check_hosts(self):
        known = [service.host for service in self._admin.services.list()]
        wanted = [host for host in CONF.local_delete.target_hosts
                  if host != guard.ANY_HOST]
        for host in sorted(set(wanted) - set(known)):
            yield finding.Finding(
                OF_HOST + host, finding.FAIL,
                'Nova has no compute service on this host',
                'name some of these hosts: %s' % ', '.join(sorted(known))
                if known else 'Nova shows no compute service at all: make '
                'sure that the database of each cell answers')
        hosts = sorted(filter(guard.is_target, known))
        check = guard.Guard(self._run, self._admin, lease.ReadOnce(
            self._admin, self._run.trait)).check
        services = self._admin.services
        few = services.are_few(hosts)
        usable: list[str] = []
        with concurrent.futures.ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            looks = list(self._counted(len(hosts), pool.map(functools.partial(
                _look, check, services if few
                else _LikelyProviders(self._admin)), hosts)))
            if not few:
                # Most hosts of a large cloud are refused by now. Only Nova
                # knows the providers of the others for sure.
                confirm = functools.partial(_confirm, check, services.finder([
                    look.host for look in looks if look.refusal is None]))
                looks = list(pool.map(confirm, looks))
            for look, found in zip(
                    looks, pool.map(functools.partial(
                        self._judge_host, few), looks), strict=True):
                if not look.refusal:
                    usable.append(look.host)
                yield found
        self.usable_hosts = len(usable)
        found = finding.judge(
            HOSTS, usable, '%d may be taken down now' % len(usable),
            'free a host; until then every scenario skips')
        yield finding.Hosts(**vars(found), names=tuple(usable))

    def _counted(self, total: int, looks: Iterable['_Look']) -> Iterator[
            '_Look']:
        for number, look in enumerate(looks, 1):
            self._progress('host %d of %d' % (number, total))
            yield look

    def _judge_host(self, few, look):
        name = OF_HOST + look.host
        if look.refusal:
            unknown = few and look.target and look.refusal.code is (
                exceptions.Refusal.FOREIGN_CONSUMER) and (
                    consumers.find_unknown(self._admin, look.target))
            if unknown:
                return finding.Finding(
                    name, finding.WARN, '%s. Nova knows no server and no '
                    'migration of: %s' % (look.refusal, ', '.join(unknown)),
                    consumers.TO_DO, kind='unknown-consumer')
            return finding.Finding(name, finding.WARN, str(look.refusal),
                                   'nothing; no scenario uses this host',
                                   kind=look.refusal.code.value)
        if self._tenants:
            refusal = self._tenants.refusal(look.host)
            if refusal:
                return finding.Finding(
                    name, finding.FAIL, refusal, 'remove the host from '
                    'target_hosts, or let Tempest use accounts of such a '
                    'project ([auth] test_accounts_file)', kind='tenants')
        asked = _FLAVOR in self._requests and self._offers(_CANDIDATES)
        for flavor, request in self._requests.items() if asked else ():
            refusal = request.refusal(
                self._admin, look.target.provider_id, flavor)
            if refusal:
                return finding.Finding(
                    name, finding.FAIL, refusal, 'make room, name another '
                    'flavor in [compute], or remove the host from '
                    'target_hosts', kind='room')
        self.targets.append(look.target)
        return finding.judge(
            name, asked, 'may be taken down now, and ' + (
                'has room for a server' if asked
                else 'nobody asked whether it has room'),
            'make sure that there is room: that can only be asked where the '
            'flavor is known and Placement offers %s' % _CANDIDATES,
            bad=finding.WARN)

    def _check_journals(self):
        left = []
        for abandoned in abandoned_runs.find_abandoned(
                identity.Cloud.of(self._admin)):
            left.append(abandoned.run_id)
            abandoned.close(recovered=False)
        yield finding.judge(
            'journals', not left,
            'of abandoned runs: %s' % (', '.join(left) or 'none'),
            'tempest local-delete recover', bad=finding.WARN)


class _LikelyProviders:
    """Finds the provider of a host by its name, without Nova.

    Nova looks up the service of each node of a list, and needs half a minute
    for a thousand. Most nodes are named after their host.

    :param admin: An ``admin.Admin`` whose services are ``ReadOnce``.
    """

    def __init__(self, admin: admins.Admin) -> None:
        self._services = admin.services
        self._of: dict[str, list[dict[str, Any]]] = collections.defaultdict(
            list)
        try:
            providers = admin.placement.list_resource_providers()
        except exceptions.RequestFailed as error:
            # The list has no pages, and may be too long for an answer.
            LOG.info('All nodes are read: %s', error)
            return
        for provider in providers['resource_providers']:
            if provider['root_provider_uuid'] == provider['uuid']:
                self._of[compute_services.first_label(
                    provider['name'])].append(provider)

    def target_host(self, host: str) -> compute_services.TargetHost:
        """Find the provider as ``compute_services.Nodes`` does."""
        found = self._of.get(compute_services.first_label(host), [])
        if len(found) == 1:
            return compute_services.TargetHost(
                host, found[0]['uuid'], found[0]['name'])
        return self._services.nodes().target_host(host)


@dataclasses.dataclass(frozen=True)
class _Look:
    """What was seen of a host: it may be refused, or have no provider."""

    host: str
    target: compute_services.TargetHost | None = None
    refusal: exceptions.OutageRefused | None = None


def _look(check, providers, host, known=None):
    target = None
    try:
        target = providers.target_host(host)
        if target != known:
            check(target)
    except exceptions.OutageRefused as refusal:
        return _Look(host, target, refusal)
    return _Look(host, target)


def _confirm(check, nodes, look):
    """Look again if the provider of a host is another than was likely."""
    return look if look.refusal else _look(
        check, nodes, look.host, look.target)


def _as_version(version):
    return api_version_request.APIVersionRequest(version)


def unfit(flavor: Mapping[str, Any], image: Mapping[str, Any]) -> str | None:
    """Say why Nova would refuse servers of a flavor and an image.

    :param flavor: The flavor.
    :param image: The image; {} where nobody knows it.
    :returns: Words, or None where nothing is known against them.
    """
    if not flavor['disk']:
        return ('has no disk. Nova lets no member boot such a server from an '
                'image (os_compute_api:servers:create:zero_disk_flavor), and '
                'the scenarios boot from one')
    size = math.ceil(max(image.get(name) or 0 for name in (
        'size', 'virtual_size')) / _BYTES_PER_GIB)
    for what, amount, least, unit in (
            ('disk', flavor['disk'], max(size, image.get('min_disk') or 0),
             'GiB'),
            ('ram', flavor['ram'], image.get('min_ram') or 0, 'MiB')):
        if amount < least:
            return 'has %d %s of %s, and the image needs %d' % (
                amount, unit, what, least)
    return None
