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

"""What a scenario needs of the operator and the cloud; otherwise it skips."""

from collections.abc import Callable
import dataclasses
import functools

from tempest.common import utils
from tempest import config
from tempest.lib.common import api_version_request
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.outages import conductor as conductor_outage
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.outages import scheduler as scheduler_outage

CONF = config.CONF

#: Says what is missing, or None where nothing is.
Condition = Callable[[], str | None]


def needs(*conditions: Condition) -> Callable:
    """Declare what a scenario needs.

    :param conditions: Each returns words for what is missing, or None.
    :returns: A decorator of a test method.
    """
    def mark(test):
        test.needs = (*getattr(test, 'needs', ()), *conditions)
        return test
    return mark


def keeps_host_out(option: str) -> Callable:
    """Declare that a scenario keeps its host out longer than it has to.

    :param option: The option in ``[local_delete]`` that has the seconds.
    :returns: A decorator of a test method.
    """
    def mark(test):
        test.kept_out = option
        return test
    return mark


def kept_out(test: Callable) -> str | None:
    """Give the option of ``keeps_host_out``, or None.

    :param test: A test method.
    """
    return getattr(test, 'kept_out', None)


def missing(test: Callable) -> str | None:
    """Say what is missing for a scenario.

    :param test: A test method.
    :returns: Words for a skip, or None where nothing is missing.
    """
    return next((words for condition in getattr(test, 'needs', ())
                 if (words := condition())), None)


def missing_for_all() -> str | None:
    """Say what is missing for every scenario.

    :returns: Words for a skip, or None where nothing is missing.
    :raises InvalidConfiguration: an option that Tempest needs is not set.
    """
    if not CONF.service_available.nova:
        return '[service_available] nova is False'
    if not CONF.local_delete.allow_outages:
        return ('[local_delete] allow_outages is False: set it to True where '
                'the computes of target_hosts may be taken down')
    if not any(CONF.local_delete.target_hosts):
        return ('[local_delete] target_hosts is empty: name the hosts whose '
                'compute service may be taken down')
    out_of_range = (
        _out_of_range('compute', admin.COMPUTE_MICROVERSION, required=True)
        or _out_of_range('placement', admin.PLACEMENT_MICROVERSION,
                         required=False))
    if out_of_range:
        return out_of_range
    for option in ('image_ref', 'flavor_ref'):
        if not CONF.compute[option]:
            raise lib_exc.InvalidConfiguration(
                '[compute] %s is not set' % option)
    return None


def _out_of_range(group, version, required):
    options = getattr(CONF, group)
    lowest, highest = options.min_microversion, options.max_microversion
    needed = api_version_request.APIVersionRequest(version)
    if highest is None:
        within = not required
    else:
        within = api_version_request.APIVersionRequest(
            lowest or '1.0') <= needed <= (
                api_version_request.APIVersionRequest(highest))
    if within:
        return None
    return ('%s microversion %s is needed, and [%s] min_microversion = %s, '
            'max_microversion = %s do not allow it' % (
                group, version, group, lowest, highest))


def commands(*options: str) -> Condition:
    """Make the condition that commands are set.

    :param options: Names of options in ``[local_delete]``.
    """
    return functools.partial(_unset, options)


def _unset(options):
    unset = [name for name in options if not CONF.local_delete[name]]
    return ('[local_delete] %s: not set' % ', '.join(unset) if unset
            else None)


#: The process of a compute can be stopped and started.
stopped_compute = commands(*compute_outage.Stopped.needs)

#: The process of a compute can be frozen, and go on.
frozen_compute = commands(*compute_outage.Frozen.needs)


def reclaims() -> str | None:
    """Say what is missing to delete a server softly."""
    if not CONF.local_delete.reclaims:
        return '[local_delete] reclaims is False'


#: The guests of a hypervisor can be seen.
guests = commands('guest_list_command')


def service_delete() -> str | None:
    """Say what is missing to delete a compute service."""
    if not CONF.local_delete.allow_service_delete:
        return '[local_delete] allow_service_delete is False'


def candidates() -> str | None:
    """Say what is missing to ask Placement what it offers on a host."""
    if CONF.placement.max_microversion is not None:
        return _too_low('placement', '1.31')


@dataclasses.dataclass(frozen=True)
class PlacementAway:
    """The condition that Placement may be stopped, and can be.

    :param answer: The answer of ``placement_outage.PlacementStopped`` that
        the scenario needs.
    """

    answer: str

    def __call__(self) -> str | None:
        """Say what is missing."""
        if not CONF.local_delete.allow_placement_outage:
            return '[local_delete] allow_placement_outage is False'
        return _unset(placement_outage.PlacementStopped.needs(self.answer))

    def contradicted_by(self, front: str | None) -> str | None:
        """Say why the outage cannot show the answer, if that is known.

        :param front: What ``front_end.find`` returned for Placement.
        :returns: Words for a skip, or None where only the outage can tell.
        """
        if front is None or (
                self.answer != placement_outage.PlacementStopped.REFUSED
                or CONF.local_delete.placement_proxy_stop_command):
            return None
        return ('connections are never refused while Placement is stopped, '
                'because a front end listens there: %s. Set [local_delete] '
                'placement_proxy_stop_command and '
                'placement_proxy_start_command to stop it too' % front)


def placement_away(test: Callable) -> PlacementAway | None:
    """Give the ``PlacementAway`` that a scenario needs, if it needs one.

    :param test: A test method.
    """
    return next((condition for condition in getattr(test, 'needs', ())
                 if isinstance(condition, PlacementAway)), None)


def scheduler_away() -> str | None:
    """Say what is missing to stop the scheduler."""
    if not CONF.local_delete.allow_scheduler_outage:
        return '[local_delete] allow_scheduler_outage is False'
    return _unset(scheduler_outage.SchedulerStopped.needs)


def conductor_away() -> str | None:
    """Say what is missing to stop the conductor."""
    if not CONF.local_delete.allow_conductor_outage:
        return '[local_delete] allow_conductor_outage is False'
    return _unset(conductor_outage.ConductorStopped.needs)


def feature(name: str) -> Condition:
    """Make the condition that the cloud's computes can do something.

    :param name: Name of an option in ``[compute-feature-enabled]``.
    """
    def condition():
        if not CONF.compute_feature_enabled[name]:
            return '[compute-feature-enabled] %s is False' % name
    return condition


def networks() -> str | None:
    """Say what is missing to look at ports."""
    if not CONF.service_available.neutron:
        return '[service_available] neutron is False'


def port_bindings() -> str | None:
    """Say what is missing to look at all bindings of a port."""
    if not utils.is_extension_enabled('binding-extended', 'network'):
        return ('[network-feature-enabled] api_extensions lacks '
                'binding-extended')
    return networks()


def resource_request() -> str | None:
    """Say what is missing to make ports with a resource request."""
    for extension in ('qos', 'port-resource-request-groups'):
        if not utils.is_extension_enabled(extension, 'network'):
            return ('[network-feature-enabled] api_extensions lacks %s' %
                    extension)
    return networks() or _too_low('compute', '2.72')


def floating_ips() -> str | None:
    """Say what is missing to bring floating IPs."""
    if not CONF.network.public_network_id:
        return '[network] public_network_id is not set'
    return networks()


def unfenced_outage() -> str | None:
    """Say what is missing to stop a compute whose host is not fenced."""
    if CONF.local_delete.fence_host and (
            not CONF.local_delete.allow_unfenced_outage):
        return '[local_delete] allow_unfenced_outage is False'


def volumes() -> str | None:
    """Say what is missing to look at volumes."""
    if not CONF.service_available.cinder:
        return '[service_available] cinder is False'
    return _too_low('volume', admin.VOLUME_MICROVERSION)


def _too_low(group, needed):
    highest = getattr(CONF, group).max_microversion
    if highest is None or (
            api_version_request.APIVersionRequest(highest)
            < api_version_request.APIVersionRequest(needed)):
        return '%s microversion %s is needed, and [%s] max_microversion is ' \
            '%s' % (group, needed, group, highest)


def two_hosts() -> str | None:
    """Say what is missing to move a server between two leased hosts."""
    targets = [host for host in CONF.local_delete.target_hosts if host]
    if '*' not in targets and len(targets) < 2:
        return '[local_delete] target_hosts names %d host, and a move needs ' \
            'two' % len(targets)
