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

"""The trait of a run, and the hosts that the run has leased with it."""

import dataclasses

from tempest.lib.common.utils import test_utils

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import compute_restore
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.safety import run


@dataclasses.dataclass(frozen=True)
class TraitChange(safety_change.Change):
    """The custom trait of a run, as Placement knows it."""

    kind = 'trait'

    trait: str

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> list['TraitChange']:
        there = lease.Lease(admin, this_run.trait).trait_exists()
        return [cls(this_run.trait)] if there else []

    def is_of(self, this_run: run.Run) -> bool:
        return self.trait == this_run.trait

    def undo(self, admin: cloud_admin.Admin) -> None:
        lease.Lease(admin, self.trait).delete_trait()


@dataclasses.dataclass(frozen=True)
class LeaseChange(safety_change.Change):
    """The trait of a run, on the provider of a host."""

    kind = 'lease'

    provider_id: str
    trait: str

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> list['LeaseChange']:
        leased = lease.Lease(admin, this_run.trait)
        holders = leased.providers()
        if holders:
            services = admin.services.list()
            leased.check_shown(holders, services)
            _refuse_unfenced(admin, this_run, holders, services)
        return [cls(holder, this_run.trait) for holder in holders]

    def is_of(self, this_run: run.Run) -> bool:
        return self.trait == this_run.trait

    def undo(self, admin: cloud_admin.Admin) -> None:
        # A provider that went with its service has no lease any more.
        test_utils.call_and_ignore_notfound_exc(
            lease.Lease(admin, self.trait).give_back, self.provider_id)


def _refuse_unfenced(admin: cloud_admin.Admin, this_run: run.Run,
                     holders: list[str],
                     services: list[compute_services.Service]) -> None:
    """Refuse to give back a lease if only it tells of a host's outage."""
    for service in services:
        if run.fenced_by(service.disabled_reason) == this_run.id or (
                service.state == 'up' and not service.forced_down):
            continue
        try:
            target = admin.services.target_host(service.host)
        except exceptions.OutageRefused:
            continue
        if target.provider_id in holders:
            raise exceptions.RestoreFailed(
                what=str(target), problem='the run has leased it, and '
                'without a fence nothing tells what else it changed: %s'
                % service, remedy='%s; then this again' %
                compute_restore.advice(service))
