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

"""A driver of computes that nova-compute imports: guests that are copied.

Each of its two parents is a fake driver of Nova. One of them can be restarted.
The other one lives through the part of a live migration in which a hypervisor
copies the memory of a guest. Nova's driver copies for 5 s, unless the API ends
that before. A test has to see the copying, and take a host away meanwhile.
"""

import time
from typing import Any

from nova.virt import fake

# How often the driver looks whether the API has ended the copying. All looks
# take half a minute, or longer on a busy machine.
_LOOKS = 300
_PAUSE = 0.1


class CopyingDriver(fake.FakeDriverWithoutFakeNodes,
                    fake.FakeLiveMigrateDriver):
    """Nova's fake driver, with live migrations that take their time."""

    def live_migration(self, context: Any, instance: Any, dest: str,
                       post_method: Any, recover_method: Any,
                       block_migration: bool = False,
                       migrate_data: Any = None) -> None:
        """Do what Nova's driver does, for longer."""
        self._abort_migration, self._migrating = False, True
        for _ in range(_LOOKS):
            if not self._migrating:
                break
            time.sleep(_PAUSE)
        if self._abort_migration:
            recover_method(context, instance, dest, migrate_data,
                           migration_status='cancelled')
        else:
            post_method(context, instance, dest, block_migration,
                        migrate_data)
