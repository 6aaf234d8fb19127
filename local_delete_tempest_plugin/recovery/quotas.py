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

"""The quota of servers that a run changes for a project."""

import dataclasses

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.safety import change as safety_change


@dataclasses.dataclass(frozen=True)
class QuotaChange(safety_change.Change):
    """The quota of servers of a project, which a run lowers.

    :param instances: The quota before the change.
    :param lowered_to: The quota that the run sets. An earlier release wrote
        none.
    """

    kind = 'quota'

    project_id: str
    instances: int
    lowered_to: int | None = None

    def undo(self, admin: cloud_admin.Admin) -> None:
        try:
            admin.manager.projects_client.show_project(self.project_id)
        except lib_exc.NotFound:
            # Nova refuses to set a quota of a project that is gone.
            return
        client = admin.manager.quotas_client
        now = client.show_quota_set(
            self.project_id)['quota_set']['instances']
        if now == self.instances:
            return
        if not self._is_ours(now):
            raise exceptions.LeftToOperator(
                what='the quota of servers of project %s' % self.project_id,
                found='somebody else has set it to %d; before the run it was '
                '%d' % (now, self.instances))
        client.update_quota_set(self.project_id, instances=self.instances)

    def _is_ours(self, now: int) -> bool:
        if self.lowered_to is None:
            # A quota of -1 is no limit, and every other one is lower.
            return self.instances < 0 or 0 <= now < self.instances
        return now == self.lowered_to
