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
from local_delete_tempest_plugin.safety import change as safety_change


@dataclasses.dataclass(frozen=True)
class QuotaChange(safety_change.Change):
    """The quota of servers of a project; here, the quota before the change."""

    kind = 'quota'

    project_id: str
    instances: int

    def undo(self, admin: cloud_admin.Admin) -> None:
        try:
            admin.manager.projects_client.show_project(self.project_id)
        except lib_exc.NotFound:
            # Nova refuses to set a quota of a project that is gone.
            return
        admin.manager.quotas_client.update_quota_set(
            self.project_id, instances=self.instances)
